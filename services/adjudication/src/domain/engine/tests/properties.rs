//! What holds for every input.

use proptest::prelude::*;
use types::{
    care::CareKind,
    money::{Money, Ratio},
    tier::Tier,
};

use super::fixtures::*;
use crate::domain::{
    circumstances::{Area, Circumstances, Group, Means, OwnClinic, YearTotals},
    engine::{Adjudication, adjudicate},
    input::{Accumulators, Chain, Direction, Input, Person},
    line::{Class, Line, PriceLimit, Priced},
    policy::Policy,
};

pub(super) fn fen(most: i64) -> impl Strategy<Value = Money> {
    (0..=most).prop_map(Money::from_fen)
}

pub(super) fn class() -> impl Strategy<Value = Class> {
    let first_self_pay =
        (0_i64..=100).prop_map(|percent| Ratio::from_decimal(rust_decimal::Decimal::new(percent, 2)).unwrap());
    prop_oneof![
        3 => Just(Class::A),
        2 => first_self_pay.prop_map(|first_self_pay| Class::B { first_self_pay }),
        1 => Just(Class::C),
    ]
}

pub(super) fn lines() -> impl Strategy<Value = Vec<Line>> {
    let parts = (fen(20_000_000), class(), proptest::option::weighted(0.25, limit()));
    proptest::collection::vec(
        parts.prop_map(|(amount, class, price_limit)| Line { price_limit, ..line(amount, class) }),
        0..6,
    )
}

/// Of the price of the one unit that a line is.
fn limit() -> impl Strategy<Value = PriceLimit> {
    let of = prop_oneof![Just(Priced::Item), Just(Priced::BedDay)];
    (of, fen(20_000_000)).prop_map(|(of, most)| PriceLimit { of, unit_price_max: most.decimal() })
}

fn before() -> impl Strategy<Value = Accumulators> {
    (fen(3_000_000), fen(300_000), fen(11_000_000), fen(9_000_000), 0_u32..4).prop_map(
        |(in_scope, deductible, pooled_fund, large_amount_fund, stays)| Accumulators {
            in_scope,
            deductible,
            pooled_fund,
            large_amount_fund,
            stays,
        },
    )
}

fn chain() -> impl Strategy<Value = Option<Chain>> {
    let direction = prop_oneof![Just(Direction::Up), Just(Direction::Down), Just(Direction::Lateral)];
    proptest::option::of((direction, fen(200_000), 0_u32..3).prop_map(|(direction, deductible_borne, stays)| Chain {
        direction,
        deductible_borne,
        stays,
        stays_this_year: 0,
    }))
}

prop_compose! {
    fn circumstances()(
        groups in proptest::collection::btree_set(proptest::sample::select(Group::ALL.to_vec()), 0..3),
        area in proptest::sample::select([Area::AWAY.as_slice(), &[Area::Home]].concat()),
        own_clinic in proptest::sample::select(vec![OwnClinic::Elsewhere, OwnClinic::Here, OwnClinic::ReferredBy]),
        topped_up in any::<bool>(),
        (own_in_scope, critical_illness_fund, assistance_base, assistance_fund) in
            (fen(9_000_000), fen(6_000_000), fen(200_000), fen(100_000)),
        (top_up_base, top_up, voucher) in (fen(300_000), fen(50_000), fen(60_000)),
        (account, mutual_aid, voucher_most) in (fen(50_000), fen(50_000), proptest::option::of(fen(60_000))),
    ) -> Circumstances {
        let year = YearTotals {
            own_in_scope,
            critical_illness_fund,
            assistance_base,
            assistance_fund,
            top_up_base,
            top_up,
            voucher,
        };
        let means = Means { account, mutual_aid, voucher: voucher_most };
        Circumstances {
            groups,
            area,
            care_region: None,
            own_clinic,
            contracted: Some(own_clinic != OwnClinic::Elsewhere),
            referred_on: None,
            topped_up,
            year,
            means,
        }
    }
}

prop_compose! {
    pub(super) fn input()(
        lines in lines(),
        before in before(),
        chain in chain(),
        (retired, age) in (any::<bool>(), 0_u32..110),
        tier in proptest::sample::select(Tier::ALL),
        inpatient in any::<bool>(),
        (referred, family_doctor) in any::<(bool, bool)>(),
        circumstances in circumstances(),
        nights in 0_i64..400,
    ) -> Input {
        let kind = if inpatient { CareKind::Inpatient } else { CareKind::Outpatient };
        let from = date("2026-01-01");
        Input {
            person: Person { retired, age },
            from,
            to: from + chrono::TimeDelta::days(nights),
            before,
            chain,
            referred,
            family_doctor,
            circumstances,
            ..claim_with_lines(kind, tier, lines)
        }
    }
}

fn holds(policy: &Policy, input: &Input) {
    let first = adjudicate(policy, input);
    assert_eq!(
        serde_json::to_vec(&first.as_ref().ok()).unwrap(),
        serde_json::to_vec(&adjudicate(policy, input).ok()).unwrap()
    );
    let Ok(answer) = first else { return };
    assert_adds_up(&answer);

    let shares = &answer.shares;
    let amounts = [
        shares.fully_own,
        shares.first_self_pay,
        shares.in_scope,
        shares.deductible,
        shares.pooled_fund,
        shares.pooled_own,
        shares.large_amount_fund,
        shares.large_amount_own,
        shares.beyond_cover,
        shares.critical_illness_fund,
        shares.assistance_fund,
        shares.own(),
        shares.top_up,
        shares.voucher,
        shares.account,
        shares.mutual_aid,
        shares.cash(),
    ];
    assert!(amounts.iter().all(|amount| !amount.is_negative()), "{shares:?}");
    assert!(
        answer
            .steps
            .iter()
            .all(|step| !step.fund.is_negative() && !step.amount.is_negative() && step.own >= -step.fund)
    );
    assert!(shares.over_limit <= shares.fully_own);

    let (before, after) = (&answer.before, &answer.after);
    assert_eq!(after.in_scope, before.in_scope + shares.in_scope);
    assert_eq!(after.deductible, before.deductible + shares.deductible);
    assert_eq!(after.pooled_fund, before.pooled_fund + shares.pooled_fund);
    assert_eq!(after.large_amount_fund, before.large_amount_fund + shares.large_amount_fund);
    let (year, yet) = (&answer.year_before, &answer.year_after);
    assert_eq!(yet.critical_illness_fund, year.critical_illness_fund + shares.critical_illness_fund);
    assert_eq!(yet.assistance_fund, year.assistance_fund + shares.assistance_fund);
    assert_eq!(yet.top_up, year.top_up + shares.top_up);
    assert_eq!(yet.voucher, year.voucher + shares.voucher);
    let per_year = policy.above.voucher.as_ref().map(|voucher| voucher.value.per_year);
    assert!(shares.voucher.is_zero() || per_year.is_some_and(|most| yet.voucher <= most));
    let means = &input.circumstances.means;
    assert!(shares.account <= means.account && shares.mutual_aid <= means.mutual_aid);
    assert!(means.voucher.is_none_or(|most| shares.voucher <= most));

    let ceiling = policy
        .rules(input.kind, input.tier, input.from, input.to)
        .and_then(|rules| rules.pooled_ceiling.value.amount());
    assert!(ceiling.is_none_or(|ceiling| after.pooled_fund <= ceiling.max(before.pooled_fund)));

    let text = serde_json::to_string(&answer).unwrap();
    assert_eq!(serde_json::from_str::<Adjudication>(&text).unwrap(), answer);
}

proptest! {
    #[test]
    fn ad_02_shares_always_add_up_nothing_is_negative_and_the_same_input_gives_the_same_bytes(input in input()) {
        for policy in every_policy() {
            holds(&policy, &input);
        }
    }

    #[test]
    fn ad_02_a_fen_more_on_the_bill_is_a_fen_more_for_one_of_them_and_less_for_nobody(input in input(), class in class()) {
        let mut more = input.clone();
        more.lines.push(line(Money::from_fen(1), class));
        more.total += Money::from_fen(1);
        for policy in every_policy() {
            grows(&policy, &input, &more);
        }
    }
}

/// The shipped documents, one with all tiers in hospital, and one that has every layer there is.
pub(super) fn every_policy() -> [Policy; 6] {
    [three_tiers(), beijing(), demonstration(), resident(), student(), with_every_layer()]
}

fn grows(policy: &Policy, less: &Input, more: &Input) {
    let (Ok(less), Ok(more)) = (adjudicate(policy, less), adjudicate(policy, more)) else { return };
    let fund = more.shares.fund() - less.shares.fund();
    let own = more.shares.own() - less.shares.own();
    assert!(!fund.is_negative() && !own.is_negative(), "the funds pay {fund} more, the person {own}");
    assert_eq!(fund + own, Money::from_fen(1));
    assert!(more.shares.cash() >= less.shares.cash(), "a dearer bill costs less in cash");
}
