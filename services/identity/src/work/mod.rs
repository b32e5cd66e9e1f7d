//! Background loops, one to a file.

pub mod assertions;
