//! The wire: parse, one call, encode. No rules here.

mod convert;
mod journeys;
mod parse;
mod records;
mod referrals;
mod status;

pub use journeys::Journeys;
pub use records::OwnRecords;
pub use referrals::Referrals;
