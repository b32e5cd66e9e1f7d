//! What adjudication does without being asked.

pub mod appointments;
pub mod coverage;
mod following;
pub mod groupers;
pub mod merges;
pub mod readjudications;
pub mod referrals;
pub mod stays;
