//! Against a real Postgres, as the service's and the worker's roles, never as superuser.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where a step of it fails")]

mod adopt;
mod audit;
mod calls;
mod consumers;
mod erasure;
mod events;
mod followers;
mod gauges;
mod harness;
mod keeping;
mod kms;
mod leases;
mod lists;
mod migrating;
mod proofs;
mod rotation;
mod scopes;
mod signing;
mod tamper;
mod together;
mod vault;
mod witness;
