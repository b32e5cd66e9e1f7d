//! referral
pub mod domain;
