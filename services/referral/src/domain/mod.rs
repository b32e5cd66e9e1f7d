//! What a referral is, what may become of it, and how its acceptance proceeds. Pure: no storage, no calls, no clock.

pub mod acceptance;
pub mod care;
pub mod direction;
pub mod error;
pub mod journey;
pub mod mandate;
pub mod referral;
pub mod refusal;
pub mod target;
mod words;

pub use error::ReferralError;
