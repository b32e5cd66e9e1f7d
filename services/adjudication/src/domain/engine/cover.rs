//! What is said where nothing is stated that would be divided: a quote that verifies cover alone.

use types::money::Money;

use super::{Calculation, step};
use crate::domain::{
    explanation::{Rule, Step},
    policy::Policy,
    wording,
};

/// The whole explanation, around what cover was found.
pub(super) fn found(cover: Step) -> Vec<Step> {
    vec![
        step(Rule::NoItems, Money::ZERO, wording::no_items()),
        cover,
        step(Rule::Result, Money::ZERO, wording::result_open()),
    ]
}

/// By a policy that judges the care.
pub(super) fn by_policy(policy: &Policy, calculation: &Calculation) -> Vec<Step> {
    let is_unreferred = calculation.entries.iter().any(|entry| entry.rule == Rule::UnreferredNotPaid);
    found(if is_unreferred {
        step(Rule::UnreferredNotPaid, Money::ZERO, wording::covered_by_referral(&policy.name))
    } else {
        step(Rule::Covered, Money::ZERO, wording::covered(&policy.name))
    })
}

/// The first of these steps where items were stated, and no catalogue knows these of them.
pub fn unknown_items(codes: &[String]) -> Step {
    step(Rule::UnknownItems, Money::ZERO, wording::unknown_items(codes))
}

/// Of a person whom somebody insures, where no policy in force judges the care.
pub fn no_policy() -> Vec<Step> {
    found(step(Rule::NoPolicy, Money::ZERO, wording::no_policy()))
}
