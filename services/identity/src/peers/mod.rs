//! Whom identity asks: trusted providers, for their published keys; and of the mesh scheduling and referral, for their events, and referral's audit, which it witnesses.

mod feeds;
pub mod provider;
mod referral;
mod scheduling;

pub use referral::{ReferralAudit, ReferralEvents};
pub use scheduling::SchedulingEvents;
