//! Adjudication through its public API: real Postgres and Redis, the real identity and scheduling.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

mod access;
mod amounts;
mod anew;
mod assessments;
mod audited;
mod bad_claims;
mod beside;
mod bookings;
mod chains;
mod claims;
mod crossing;
mod days;
mod erasure;
mod explanations;
mod funds;
mod inspection;
mod layers;
mod limits;
mod lives;
mod locks;
mod means;
mod mutated;
mod mutations;
mod personal;
mod policies;
mod provider_payments;
mod quotes;
mod referred;
mod regions_told;
mod splitting;
mod supervision;
mod two_regions;
mod worker;
mod world;
