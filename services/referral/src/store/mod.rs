//! What is remembered: one table a file. Takes a connection, never begins or commits.

pub mod glass_reads;
pub mod referrals;
pub mod sagas;
