//! Background loops, one to a file.

pub mod assertions;
pub mod care;
pub mod keys;
pub mod revocations;
