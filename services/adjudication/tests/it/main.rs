//! Adjudication through its public API: real Postgres and Redis, the real identity and scheduling.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

mod access;
mod amounts;
mod audited;
mod claims;
mod erasure;
mod inspection;
mod personal;
mod policies;
mod quotes;
mod supervision;
mod world;
