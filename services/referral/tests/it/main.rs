//! The referral service through its public API, on real binaries, a real Postgres and a real Redis.

mod accept;
mod events;
mod input;
mod read;
mod submit;
mod watch;
mod world;
