//! A bill in parts. Where positions run on through the year, its parts are paid what the whole is: whoever splits a bill gains nothing. Of
//! stays that is not so: each has a deductible of its own, by the document of the policy, and a fen may use up the dearer first one. There a
//! visit is claimed once (`CLAIM_EXISTS`), and stays near one another are asked about where the region's released rule book has rule
//! N25-049: `tests/it/splitting.rs`.

use proptest::prelude::*;
use types::{care::CareKind, money::Money};

use super::{
    fixtures::*,
    properties::{every_policy, input},
};
use crate::domain::{
    circumstances::{Circumstances, Means},
    engine::{Calculation, calculate},
    explanation::Rule,
    input::Input,
    line::Line,
    policy::{CareRules, Policy},
};

fn part(whole: &Input, lines: &[Line]) -> Input {
    Input { total: lines.iter().map(|line| line.amount).sum(), lines: lines.to_vec(), ..whole.clone() }
}

/// Settles the first part, and the second from where that left the year.
fn settled(policy: &Policy, first: &Input, second: &Input) -> Option<(Calculation, Calculation)> {
    let earlier = calculate(policy, first).ok()?;
    let paid = &earlier.shares;
    let means = second.circumstances.means;
    let means = Means {
        account: means.account - paid.account,
        mutual_aid: means.mutual_aid - paid.mutual_aid,
        voucher: means.voucher.map(|most| most - paid.voucher),
    };
    let circumstances = Circumstances { year: earlier.year_after, means, ..second.circumstances.clone() };
    let later = calculate(policy, &Input { before: earlier.after, circumstances, ..second.clone() }).ok()?;
    Some((earlier, later))
}

fn same_in_parts(policy: &Policy, whole: &Input, at: usize) {
    let is_year = policy.rules(whole.kind, whole.tier, whole.from, whole.to).is_some_and(CareRules::axis_is_the_year);
    if !is_year {
        return;
    }
    let (first, second) = whole.lines.split_at(at.min(whole.lines.len()));
    let Some((earlier, later)) = settled(policy, &part(whole, first), &part(whole, second)) else { return };
    let Ok(all) = calculate(policy, whole) else { return };
    let in_parts = earlier.shares.fund() + later.shares.fund();
    assert!(in_parts <= all.shares.fund(), "{in_parts} in parts, {} as a whole", all.shares.fund());
    if all.entries.iter().any(|entry| entry.rule == Rule::PooledCeiling) {
        // A fund that is used up takes a fen of which it would pay nothing; the layer above does not see it.
        return;
    }
    assert_eq!(in_parts, all.shares.fund());
    assert_eq!(earlier.shares.own() + later.shares.own(), all.shares.own());
    assert_eq!(later.year_after, all.year_after);
    assert_eq!((later.after.in_scope, later.after.pooled_fund), (all.after.in_scope, all.after.pooled_fund));
    assert_eq!(later.after.deductible, all.after.deductible);
    let in_cash = earlier.shares.cash() + later.shares.cash();
    assert!(in_cash >= all.shares.cash(), "{in_cash} in parts, {} as a whole", all.shares.cash());
}

proptest! {
    #[test]
    fn ad_02_splitting_a_bill_of_the_year_never_pays_more_than_the_whole(whole in input(), at in 0_usize..6) {
        for policy in every_policy() {
            same_in_parts(&policy, &whole, at);
        }
    }
}

#[test]
fn ad_02_a_second_stay_bears_half_the_deductible_whatever_the_first_bore() {
    let policy = beijing();
    let stay = |amount: &str| claim(CareKind::Inpatient, types::tier::Tier::Tertiary, amount);
    let whole = calculate(&policy, &stay("1300.00")).unwrap();
    assert_eq!(whole.shares.fund(), Money::ZERO);
    let (first, second) = settled(&policy, &stay("0.01"), &stay("1299.99")).unwrap();
    assert_eq!((first.shares.deductible, first.shares.fund()), (money("0.01"), Money::ZERO));
    assert_eq!((second.shares.deductible, second.shares.in_scope), (money("650.00"), money("1299.99")));
    assert!(second.shares.fund().is_positive(), "more than the whole would be paid");
}

#[test]
fn ad_02_a_hundred_bills_of_a_fen_are_paid_what_one_of_a_yuan_is() {
    let policy = demonstration();
    let mut before = outpatient_year("0.00");
    let mut fund = Money::ZERO;
    for _ in 0..100 {
        let bill = Input { before, ..claim(CareKind::Outpatient, types::tier::Tier::Tertiary, "0.01") };
        let answer = calculate(&policy, &bill).unwrap();
        fund += answer.shares.fund();
        before = answer.after;
    }
    assert_eq!(fund, money("0.60"));
}
