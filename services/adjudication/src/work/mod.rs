//! What adjudication does without being asked.

pub mod appointments;
pub mod groupers;
pub mod coverage;
pub mod merges;
pub mod readjudications;
