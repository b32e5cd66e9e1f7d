//! The wire: parse, one call, encode. No rules here.

mod audit;
mod convert;
mod events;
mod journeys;
mod parse;
mod privacy;
mod referrals;
mod status;

pub use audit::Audit;
pub use events::Events;
pub use journeys::Journeys;
pub use privacy::Privacy;
pub use referrals::Referrals;
