//! Whom identity asks: trusted providers, for their published keys; and of the mesh scheduling and referral, for their events alone.

mod feeds;
pub mod provider;

pub use feeds::{ReferralEvents, SchedulingEvents};
