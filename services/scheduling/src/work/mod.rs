//! Background loops. Every replica runs each; what one has done the others find done.

pub mod expiry;
pub mod quotes;
