//! Whom identity asks: trusted providers, for their published keys; and of the mesh scheduling and referral, for their events alone.

mod feeds;
pub mod provider;
mod referral;
mod scheduling;

pub use referral::ReferralEvents;
pub use scheduling::SchedulingEvents;
