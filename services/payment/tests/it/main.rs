//! Payment through its public API: real Postgres and Redis, the real identity, scheduling and adjudication.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

mod access;
mod audited;
mod authorise;
mod banks;
mod cancel;
mod capture;
mod city;
mod corrected;
mod delegated;
mod desk;
mod erasure;
mod fence;
mod layers;
mod ledger;
mod mandated;
mod means;
mod payouts;
mod personal;
mod receipts;
mod refunds;
mod withheld;
mod world;
