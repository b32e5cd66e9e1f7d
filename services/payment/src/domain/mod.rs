//! What payment decides: pure values and rules. No I/O, no clock, no wire, no SQL.

pub mod bill;
pub mod capture;
pub mod correction;
pub mod credit_line;
pub mod desk;
pub mod error;
pub mod journal;
pub mod mandate;
pub mod order;
pub mod receipt;
pub mod shares;
pub mod withholding;
mod words;
