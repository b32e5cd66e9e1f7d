//! Limits of the price of an item and of a bed day.

use rust_decimal::Decimal;
use types::{care::CareKind, money::Money, tier::Tier};

use super::fixtures::*;
use crate::domain::{
    engine::{Refusal, adjudicate},
    explanation::Rule,
    line::{Class, Line, PriceLimit, Priced},
};

fn priced(quantity: &str, unit_price: &str, limit: &str, class: Class) -> Line {
    let number = |text: &str| text.parse::<Decimal>().unwrap();
    let amount = Money::round_half_up(number(quantity) * number(unit_price));
    let limit = PriceLimit { of: Priced::BedDay, unit_price_max: number(limit) };
    Line { quantity: number(quantity), unit_price: number(unit_price), price_limit: Some(limit), ..line(amount, class) }
}

#[test]
fn ad_01_what_is_above_the_limit_of_a_price_is_the_persons_and_stands_apart() {
    let class_b = Class::B { first_self_pay: "0.10".parse().unwrap() };
    let cases = [
        (priced("10", "80", "50", Class::A), "300.00", "0.00", "500.00"),
        (priced("10", "50", "50", Class::A), "0.00", "0.00", "500.00"),
        (priced("3", "50.01", "50", Class::A), "0.03", "0.00", "150.00"),
        (priced("1", "12000", "10000", class_b), "2000.00", "1000.00", "9000.00"),
        (priced("1", "80", "0", Class::A), "80.00", "0.00", "0.00"),
        (priced("1", "80", "50", Class::C), "0.00", "0.00", "0.00"),
    ];
    for (line, over, first, in_scope) in cases {
        let parts = line.classify();
        assert_eq!((parts.over_limit, parts.first_self_pay), (money(over), money(first)), "{line:?}");
        assert_eq!(parts.in_scope, money(in_scope));
        assert_eq!(parts.in_scope + parts.first_self_pay + parts.fully_own + parts.over_limit, line.amount);
    }
}

#[test]
fn ad_04_a_line_over_its_limit_says_so_and_the_vocabulary_has_it_in_its_own_field() {
    let lines = vec![priced("10", "80", "50", Class::A), line(money("100.00"), Class::C)];
    let answer = judged(&demonstration(), &claim_with_lines(CareKind::Outpatient, Tier::Community, lines));
    assert_eq!(answer.settlement.overlmt_selfpay, money("300.00"));
    assert_eq!(answer.settlement.fulamt_ownpay_amt, money("100.00"));
    assert_eq!((answer.shares.over_limit, answer.shares.fully_own), (money("300.00"), money("400.00")));
    let text = &answer.steps[0].text;
    assert!(text.en.contains("you pay ¥300.00 above the limit (a bed day is known up to ¥50)"), "{}", text.en);
    assert!(text.zh.contains("床位费限额每日50元，超出的300.00元由个人支付"), "{}", text.zh);
}

#[test]
fn ad_04_each_line_cites_the_catalogue_of_its_region_and_can_be_reckoned_again_from_its_step() {
    let class_b = Class::B { first_self_pay: "0.10".parse().unwrap() };
    let lines = vec![
        priced("1", "12000", "10000", class_b),
        priced("10", "80", "50", Class::A),
        priced("1", "80", "100", class_b),
        line(money("30.00"), Class::C),
    ];
    let mut input = claim_with_lines(CareKind::Outpatient, Tier::Community, lines);
    for region in [None, Some("440300")] {
        input.circumstances.care_region = region.map(|code| code.parse().unwrap());
        let answer = judged(&demonstration(), &input);
        for step in answer.steps.iter().filter(|step| step.line.is_some()) {
            let clause = step.clause.as_ref().unwrap();
            let region = region.unwrap_or("990000");
            assert_eq!(clause.path, format!("catalogue.{region}"));
            let en = format!("Catalogue of region {region} as of {}", input.from);
            assert_eq!(clause.sources.iter().map(|source| source.en.as_str()).collect::<Vec<_>>(), [en.as_str()]);
            let known = step.limit.unwrap_or(step.amount);
            let first = step.ratio.map_or(money("0"), |ratio| ratio.of_half_up(known));
            let own = if step.rule == Rule::LineClassC { step.amount } else { step.amount - known + first };
            assert_eq!(step.own, own, "{step:?}");
        }
    }
}

#[test]
fn ad_01_a_negative_limit_is_refused() {
    let input = claim_with_lines(CareKind::Outpatient, Tier::Community, vec![priced("1", "80", "-1", Class::A)]);
    assert_eq!(adjudicate(&demonstration(), &input), Err(Refusal::LineMalformed { line: 0 }));
}
