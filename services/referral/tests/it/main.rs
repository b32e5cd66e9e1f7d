//! The referral service through its public API, on real binaries, a real Postgres and a real Redis.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets the unexpected has failed")]

mod accept;
mod audited;
mod consent;
mod erasure;
mod events;
mod input;
mod mandate;
mod personal;
mod read;
mod regions;
mod submit;
mod watch;
mod worker;
mod world;
