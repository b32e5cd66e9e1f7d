//! Whole meshes: five real binaries on real databases. One program, so that it is linked once.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod audited;
mod bad_input;
mod canaries;
mod care;
mod collector;
mod commands;
mod corrections;
mod delegated;
mod erasure;
mod faults;
mod feed;
mod idempotency;
mod journey;
mod logins;
mod matrix;
mod merges;
mod migrating;
mod peers;
mod privacy;
mod redis;
mod refusals;
mod rest;
mod rolling;
mod rotation;
mod row_security;
mod signals;
mod tampered;
