//! The referral service through its public API, on real binaries, a real Postgres and a real Redis.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets the unexpected has failed")]

mod accept;
mod consent;
mod erasure;
mod events;
mod input;
mod personal;
mod read;
mod submit;
mod watch;
mod worker;
mod world;
