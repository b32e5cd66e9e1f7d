//! Edges: of bands, ceilings, limits of cover, lines, dates, and of what is insured at all.

use rust_decimal::Decimal;
use types::{care::CareKind, money::Money, tier::Tier};

use super::fixtures::*;
use crate::domain::{
    engine::{Refusal, adjudicate, not_designated, not_enrolled, waiting},
    explanation::Rule,
    input::{Accumulators, Input, Person},
    line::{Class, Line},
    policy::Policy,
    shares::Shares,
};

#[test]
fn ad_02_one_fen_around_a_band_edge() {
    let cases = [
        ("29999.99", "24394.99", 1),
        ("30000.00", "24395.00", 1),
        ("30000.01", "24395.01", 2),
        ("30000.10", "24395.09", 2),
    ];
    for (in_scope, fund, bands) in cases {
        let answer = judged(&beijing(), &Input { person: ACTIVE, ..stay(in_scope) });
        assert_eq!(answer.shares.pooled_fund, money(fund), "{in_scope}");
        assert_eq!(steps(&answer, Rule::Band).len(), bands, "{in_scope}");
    }
}

#[test]
fn ad_02_one_fen_around_the_deductible() {
    for (in_scope, own, fund) in
        [("1299.99", "1299.99", "0.00"), ("1300.01", "1300.00", "0.01"), ("0.01", "0.01", "0.00")]
    {
        assert_eq!(fund_and_own(&judged(&beijing(), &stay(in_scope))), pair(fund, own), "{in_scope}");
    }
}

#[test]
fn ad_02_a_ceiling_reached_exactly_passes_nothing_on_and_one_fen_less_does() {
    // In scope 30,000.00 on a later stay: 29,350.00 × 91 % = 26,708.50.
    let with_used = |used: &str| {
        let before = Accumulators { pooled_fund: money(used), ..after_first_stay() };
        judged(&beijing(), &Input { before, ..stay("30000.00") })
    };
    let exact = with_used("73291.50");
    assert_eq!(exact.shares.pooled_fund, money("26708.50"));
    assert_eq!(exact.after.pooled_fund, money("100000.00"));
    assert_eq!(steps(&exact, Rule::PooledCeiling).len() + steps(&exact, Rule::LargeAmount).len(), 0);

    // 26,708.49 left ÷ 0.91 = 29,349.989… uses 29,349.99; the last fen goes to the large-amount fund.
    let short = with_used("73291.51");
    assert_eq!(short.shares.pooled_fund, money("26708.49"));
    assert_eq!(short.shares.pooled_own, money("2641.50"));
    assert_eq!((short.shares.large_amount_fund, short.shares.large_amount_own), (money("0.01"), Money::ZERO));
}

#[test]
fn ad_02_a_used_up_ceiling_leaves_the_deductible_and_the_large_amount_layer() {
    let before = Accumulators { pooled_fund: money("100000"), ..after_first_stay() };
    let answer = judged(&beijing(), &Input { before, ..stay("1650.00") });
    assert_eq!(answer.shares.deductible, money("650.00"));
    assert_eq!(answer.shares.pooled_fund, Money::ZERO);
    assert_eq!(answer.shares.large_amount_fund, money("800.00"));
    assert!(steps(&answer, Rule::Band).is_empty());
}

#[test]
fn ad_02_a_large_amount_ratio_that_is_not_published_gives_no_price_and_no_guess() {
    let before = Accumulators { pooled_fund: money("99999.99"), ..after_first_stay() };
    let refusal = adjudicate(&beijing(), &Input { person: ACTIVE, before, ..stay("5000.00") }).unwrap_err();
    assert_eq!(refusal, Refusal::NotPublished { path: "inpatient.large_amount.fund_ratio.active".to_owned() });
    assert!(refusal.is_no_price());
    assert!(adjudicate(&beijing(), &Input { person: ACTIVE, ..stay("5000.00") }).is_ok());
}

#[test]
fn ad_02_a_published_large_amount_ceiling_leaves_the_rest_to_the_person() {
    let policy = edited(BEIJING, |json| json["inpatient"]["large_amount"]["ceiling"] = "500.00".into());
    let before = Accumulators { pooled_fund: money("100000"), large_amount_fund: money("100"), ..after_first_stay() };
    let answer = judged(&policy, &Input { before, ..stay("1650.00") });
    assert_eq!(answer.shares.large_amount_fund, money("400.00"));
    assert_eq!(answer.shares.large_amount_own, money("100.00"));
    assert_eq!(answer.shares.beyond_cover, money("500.00"));
    assert_eq!(answer.after.large_amount_fund, money("500.00"));
}

#[test]
fn ad_02_outpatient_cover_stops_at_20_000() {
    let cases = [
        ("19900.00", "99.99", "89.99", "10.00"),
        ("19900.00", "100.00", "90.00", "10.00"),
        ("19900.00", "100.01", "90.00", "10.01"),
        ("19900.00", "300.00", "90.00", "210.00"),
        ("20000.00", "240.00", "0.00", "240.00"),
        ("25000.00", "240.00", "0.00", "240.00"),
    ];
    for (position, in_scope, fund, own) in cases {
        let input = Input { before: outpatient_year(position), ..visit(Tier::Community, in_scope) };
        let answer = judged(&beijing(), &input);
        assert_eq!(fund_and_own(&answer), pair(fund, own), "{in_scope} at {position}");
    }
    let over = judged(&beijing(), &Input { before: outpatient_year("19900"), ..visit(Tier::Community, "300.00") });
    assert_eq!(over.shares.beyond_cover, money("200.00"));
    assert_eq!(steps(&over, Rule::CoverLimit)[0].axis.unwrap().from, money("20000.00"));
}

#[test]
fn ad_02_an_outpatient_ceiling_of_the_fund_without_a_further_layer() {
    let before = Accumulators { pooled_fund: money("19991.50"), ..Accumulators::default() };
    let answer = judged(&demonstration(), &Input { before, ..visit(Tier::Community, "110.00") });
    assert_eq!(fund_and_own(&answer), pair("8.50", "101.50"));
    assert_eq!(answer.shares.beyond_cover, money("100.00"));
}

#[test]
fn ad_01_a_ceiling_that_is_not_published_is_paid_without_limit_and_said_so() {
    let policy = edited(BEIJING, |json| json["inpatient"]["pooled_ceiling"]["value"] = "not_published".into());
    let answer = judged(&policy, &stay("500000.00"));
    assert_eq!(answer.shares.large_amount_in_scope(), Money::ZERO);
    assert!(answer.after.pooled_fund > money("400000"));
    assert!(steps(&answer, Rule::PooledCeiling)[0].text.en.contains("not published"));
}

#[test]
fn ad_01_the_outpatient_ratio_goes_by_status_age_and_tier() {
    let cases = [
        (false, 40, Tier::Tertiary, "70.00"),
        (false, 40, Tier::Community, "90.00"),
        (true, 69, Tier::District, "85.00"),
        (true, 69, Tier::Community, "90.00"),
        (true, 70, Tier::Tertiary, "90.00"),
    ];
    for (retired, age, tier, fund) in cases {
        let before = Accumulators { deductible: money("1800"), ..outpatient_year("1800") };
        let person = Person { retired, age };
        let answer = judged(&beijing(), &Input { person, before, ..visit(tier, "100.00") });
        assert_eq!(answer.shares.fund(), money(fund), "{retired} {age} {tier}");
    }
}

#[test]
fn ad_03_where_no_policy_is_in_force_there_is_no_price() {
    let policy = beijing();
    let before_2023 = Input { from: date("2022-12-20"), to: date("2022-12-31"), ..stay("5000.00") };
    let cases = [
        claim(CareKind::Inpatient, Tier::District, "5000.00"),
        claim(CareKind::Pharmacy, Tier::Tertiary, "5000.00"),
        before_2023.clone(),
    ];
    for input in cases {
        let refusal = adjudicate(&policy, &input).unwrap_err();
        assert!(matches!(refusal, Refusal::NoPolicyInForce { .. }) && refusal.is_no_price(), "{refusal}");
    }
    // Judged on discharge: a stay that ends in 2023 is judged by the policy of 2023.
    assert!(adjudicate(&policy, &Input { to: date("2023-01-01"), ..before_2023 }).is_ok());
}

#[test]
fn ad_03_who_is_not_enrolled_pays_all() {
    let lines = vec![line(money("80.00"), Class::A), line(money("20.00"), Class::C)];
    let answer = not_enrolled(&claim_with_lines(CareKind::Outpatient, Tier::Community, lines)).unwrap();
    assert_adds_up(&answer);
    assert_eq!(fund_and_own(&answer), pair("0.00", "100.00"));
    assert_eq!(answer.policy, None);
}

#[test]
fn ad_01_class_b_pays_its_first_share_and_class_c_all() {
    let class_b = Class::B { first_self_pay: "0.10".parse().unwrap() };
    let lines = vec![line(money("100.05"), class_b), line(money("50.00"), Class::C), line(money("40.00"), Class::A)];
    let mut input = claim_with_lines(CareKind::Outpatient, Tier::Community, lines);
    input.before = outpatient_year("1300");
    let answer = judged(&beijing(), &input);
    assert_eq!(answer.shares.first_self_pay, money("10.01"));
    assert_eq!(answer.shares.in_scope, money("130.04"));
    assert_eq!(answer.shares.out_of_scope(), money("60.01"));
    assert_eq!(answer.shares.fund(), money("117.04"));
}

#[test]
fn ad_03_lines_must_multiply_and_sum() {
    let priced = |quantity: &str, unit_price: &str, amount: &str| Line {
        quantity: quantity.parse().unwrap(),
        unit_price: unit_price.parse().unwrap(),
        ..line(money(amount), Class::A)
    };
    let judge =
        |line: Line| adjudicate(&beijing(), &claim_with_lines(CareKind::Outpatient, Tier::Community, vec![line]));

    assert!(judge(priced("3", "8.9133", "26.74")).is_ok());
    assert!(judge(priced("0.5", "0.01", "0.01")).is_ok());
    assert!(matches!(judge(priced("3", "8.9133", "26.73")), Err(Refusal::LineDoesNotMultiply { line: 0, .. })));
    assert_eq!(judge(priced("1", "8.91335", "8.91")), Err(Refusal::LineMalformed { line: 0 }));
    assert_eq!(judge(priced("-1", "-8", "8.00")), Err(Refusal::LineMalformed { line: 0 }));
    let huge = Line { quantity: Decimal::MAX, unit_price: Decimal::TEN, ..line(money("1"), Class::A) };
    assert!(matches!(judge(huge), Err(Refusal::LineDoesNotMultiply { .. })));

    let short = Input { total: money("239.99"), ..visit(Tier::Community, "240.00") };
    let refusal = Refusal::LinesDoNotSum { total: money("239.99"), sum: money("240.00") };
    assert_eq!(adjudicate(&beijing(), &short), Err(refusal));
}

#[test]
fn ad_03_contradictions_are_refused() {
    let reversed = Input { to: date("2026-03-01"), ..stay("100.00") };
    assert_eq!(adjudicate(&beijing(), &reversed), Err(Refusal::DatesReversed));
    let before = Accumulators { pooled_fund: money("-0.01"), ..Accumulators::default() };
    assert_eq!(adjudicate(&beijing(), &Input { before, ..stay("100.00") }), Err(Refusal::InconsistentHistory));
}

#[test]
fn ad_03_nothing_billed_is_nothing_owed() {
    let answer = judged(&beijing(), &claim_with_lines(CareKind::Outpatient, Tier::Community, Vec::new()));
    assert_eq!(fund_and_own(&answer), pair("0.00", "0.00"));
}

#[test]
fn sc_06_where_no_items_are_stated_the_cover_is_said_and_nothing_is_divided() {
    let of_cover = |policy: &Policy, input: Input| {
        let answer = judged(policy, &Input { lines: vec![], total: Money::ZERO, ..input });
        assert_eq!(answer.shares, Shares::default());
        answer.steps.into_iter().map(|step| (step.rule, step.text)).collect::<Vec<_>>()
    };
    let found = of_cover(&beijing(), visit(Tier::Tertiary, "0.00"));
    let [(Rule::NoItems, none), (Rule::Covered, cover), (Rule::Result, open)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(none.zh.contains("没有列明收费项目") && none.en.contains("No items were stated"));
    assert!(cover.zh.contains(&beijing().name.zh) && cover.en.contains(&beijing().name.en));
    assert!(!open.en.contains("0.00") && !open.zh.contains("0.00"), "an amount of nothing is no price: {open:?}");

    let unpaid = of_cover(&resident(), Input { referred: false, ..visit(Tier::Tertiary, "0.00") });
    assert!(matches!(unpaid[1], (Rule::UnreferredNotPaid, _)), "{unpaid:?}");
    let referred = of_cover(&resident(), Input { referred: true, ..visit(Tier::Tertiary, "0.00") });
    assert!(matches!(referred[1], (Rule::Covered, _)), "{referred:?}");

    // A ratio that is not published refuses a claim there, and nothing here.
    let before = Accumulators { pooled_fund: money("100000"), ..after_first_stay() };
    let used_up = of_cover(&beijing(), Input { person: ACTIVE, before, ..stay("0.00") });
    assert!(matches!(used_up[1], (Rule::Covered, _)), "{used_up:?}");
}

#[test]
fn sc_06_where_no_items_are_stated_why_nobody_pays_is_said_without_an_amount() {
    let nothing = claim_with_lines(CareKind::Outpatient, Tier::Community, vec![]);
    for (rule, answer) in [
        (Rule::NotEnrolled, not_enrolled(&nothing)),
        (Rule::Waiting, waiting(&nothing, date("2026-05-31"))),
        (Rule::NotDesignated, not_designated(&nothing)),
    ] {
        let answer = answer.unwrap();
        assert_eq!(answer.shares, Shares::default());
        assert_eq!(answer.is_not_designated(), rule == Rule::NotDesignated);
        let [none, why, open] = answer.steps.as_slice() else { panic!("{answer:?}") };
        assert_eq!((none.rule, why.rule, open.rule), (Rule::NoItems, rule, Rule::Result));
        assert!(!why.text.zh.contains("0.00") && !why.text.en.contains("0.00"), "{why:?}");
        assert_eq!(why.text.en.contains("2026-05-31") && why.text.zh.contains("2026-05-31"), rule == Rule::Waiting);
    }
}
