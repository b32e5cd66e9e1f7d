//! The chassis under a real server on loopback: the token service's contract, served by a handler that does what a test asks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod callers;
mod certificates;
mod channels;
mod drain;
mod forwarded;
mod handshakes;
mod limits;
mod refusals;
mod rotation;
mod support;
mod tls;
mod traces;
