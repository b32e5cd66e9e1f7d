//! The deductible along referral chains.

use types::{care::CareKind, money::Money, tier::Tier};

use super::fixtures::*;
use crate::domain::{
    engine::{Refusal, adjudicate},
    explanation::Rule,
    input::{Chain, Direction, Input},
};

fn one_stay_earlier(direction: Direction, borne: Money) -> Chain {
    Chain { direction, deductible_borne: borne, stays: 1, stays_this_year: 1 }
}

/// A first stay of the year in the community, then the stay that it leads to.
fn then(direction: Direction, in_scope_before: &str) -> (Money, Input) {
    let first = judged(&three_tiers(), &claim(CareKind::Inpatient, Tier::Community, in_scope_before));
    let chain = Some(one_stay_earlier(direction, first.shares.deductible));
    (first.shares.deductible, Input { before: first.after, chain, ..stay("20000.00") })
}

#[test]
fn rf_09_referred_upwards_the_deductible_counts_on_between_two_stays_of_one_chain() {
    let (borne, upper) = then(Direction::Up, "5000.00");
    assert_eq!(borne, money("300.00"));
    let answer = judged(&three_tiers(), &upper);
    // One episode: the tertiary hospital's first deductible of 1,300.00, of which 300.00 is borne.
    assert_eq!(answer.shares.deductible, money("1000.00"));
    let step = steps(&answer, Rule::DeductibleCountsOn)[0];
    assert_eq!(step.clause.as_ref().unwrap().path, "inpatient.referral_chain");
    assert!(step.text.en.contains("of ¥1,300.00, ¥300.00 was borne"), "{}", step.text.en);
    assert_eq!(answer.after.deductible, money("1300.00"));
}

#[test]
fn rf_09_only_what_the_lower_stay_really_bore_counts() {
    let (borne, upper) = then(Direction::Up, "120.00");
    assert_eq!(borne, money("120.00"));
    assert_eq!(judged(&three_tiers(), &upper).shares.deductible, money("1180.00"));
}

#[test]
fn rf_09_a_chain_that_bore_enough_bears_nothing_more() {
    let first = judged(&three_tiers(), &stay("20000.00"));
    let chain = Some(one_stay_earlier(Direction::Up, first.shares.deductible));
    let upper = Input { before: first.after, chain, ..stay("20000.00") };
    assert_eq!(judged(&three_tiers(), &upper).shares.deductible, Money::ZERO);
}

#[test]
fn rf_09_a_chain_begun_after_an_earlier_stay_counts_on_towards_the_repeat_deductible() {
    let lower = Input { before: after_first_stay(), ..claim(CareKind::Inpatient, Tier::Community, "5000.00") };
    let lower = judged(&three_tiers(), &lower);
    assert_eq!(lower.shares.deductible, money("150.00"));
    let chain = Some(one_stay_earlier(Direction::Up, lower.shares.deductible));
    let upper = Input { before: lower.after, chain, ..stay("20000.00") };
    assert_eq!(judged(&three_tiers(), &upper).shares.deductible, money("500.00"));
}

#[test]
fn rf_09_referred_downwards_there_is_no_deductible_anew() {
    let upper = judged(&three_tiers(), &stay("20000.00"));
    let chain = Some(one_stay_earlier(Direction::Down, upper.shares.deductible));
    let lower = Input { before: upper.after, chain, ..claim(CareKind::Inpatient, Tier::Community, "5000.00") };
    let answer = judged(&three_tiers(), &lower);
    assert_eq!(answer.shares.deductible, Money::ZERO);
    assert_eq!(steps(&answer, Rule::DeductibleNotAnew).len(), 1);
}

#[test]
fn rf_09_an_unrelated_chain_pays_the_repeat_deductible() {
    let (_, upper) = then(Direction::Up, "5000.00");
    let unrelated = Input { chain: None, ..upper.clone() };
    assert_eq!(judged(&three_tiers(), &unrelated).shares.deductible, money("650.00"));
    // Referred from a clinic's consulting room, this is the first stay of its chain.
    let chain = Some(Chain { direction: Direction::Up, deductible_borne: Money::ZERO, stays: 0, stays_this_year: 0 });
    let from_outpatient_care = Input { chain, ..upper };
    assert_eq!(judged(&three_tiers(), &from_outpatient_care).shares.deductible, money("650.00"));
}

#[test]
fn rf_09_a_lateral_referral_is_a_stay_of_its_own() {
    let (_, upper) = then(Direction::Lateral, "5000.00");
    assert_eq!(judged(&three_tiers(), &upper).shares.deductible, money("650.00"));
}

#[test]
fn rf_09_a_chain_over_new_year_counts_on_although_the_year_is_new() {
    let chain = Some(Chain { direction: Direction::Up, deductible_borne: money("300"), stays: 1, stays_this_year: 0 });
    assert_eq!(judged(&three_tiers(), &Input { chain, ..stay("20000.00") }).shares.deductible, money("1000.00"));
}

#[test]
fn rf_09_a_chain_with_more_stays_than_the_year_is_refused() {
    let chain = Some(one_stay_earlier(Direction::Up, money("300")));
    assert_eq!(adjudicate(&three_tiers(), &Input { chain, ..stay("100") }), Err(Refusal::InconsistentHistory));
}
