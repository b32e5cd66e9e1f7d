//! What is said where nothing is stated that would be divided: a quote that verifies cover alone.

use types::money::Money;

use super::{Calculation, step};
use crate::domain::{
    explanation::{Rule, Step},
    input::Input,
    policy::Policy,
    wording,
};

/// The whole explanation, around what cover was found.
pub(super) fn found(input: &Input, cover: Step) -> Vec<Step> {
    let nothing_divided = match input.unknown_items.as_slice() {
        [] => step(Rule::NoItems, Money::ZERO, wording::no_items()),
        codes => step(Rule::UnknownItems, Money::ZERO, wording::unknown_items(codes)),
    };
    vec![nothing_divided, cover, step(Rule::Result, Money::ZERO, wording::result_open())]
}

/// By a policy that judges the care.
pub(super) fn by_policy(policy: &Policy, input: &Input, calculation: &Calculation) -> Vec<Step> {
    let is_unreferred = calculation.entries.iter().any(|entry| entry.rule == Rule::UnreferredNotPaid);
    let cover = if is_unreferred {
        step(Rule::UnreferredNotPaid, Money::ZERO, wording::covered_by_referral(&policy.name))
    } else {
        step(Rule::Covered, Money::ZERO, wording::covered(&policy.name))
    };
    found(input, cover)
}

/// Of a person whom somebody insures, where no policy in force judges the care.
pub fn no_policy(input: &Input) -> Vec<Step> {
    found(input, step(Rule::NoPolicy, Money::ZERO, wording::no_policy()))
}
