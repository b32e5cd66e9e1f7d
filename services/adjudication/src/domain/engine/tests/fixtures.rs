//! Policies and claims for the tests. Persons here are retired, 72 and referred unless a test says otherwise.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use types::{care::CareKind, money::Money, tier::Tier};

use crate::domain::{
    circumstances::Circumstances,
    engine::{Adjudication, adjudicate},
    explanation::{Rule, Step},
    input::{Accumulators, Input, Person},
    line::{Class, Line},
    localized::Localized,
    policy::Policy,
};

pub(super) const BEIJING: &str = include_str!("../../../../policies/beijing-employee.json");
pub(super) const DEMONSTRATION: &str = include_str!("../../../../policies/demonstration-city.json");

pub(super) const RETIRED: Person = Person { retired: true, age: 72 };
pub(super) const ACTIVE: Person = Person { retired: false, age: 40 };

pub(super) fn beijing() -> Policy {
    Policy::read(BEIJING).unwrap()
}

pub(super) fn demonstration() -> Policy {
    Policy::read(DEMONSTRATION).unwrap()
}

/// Beijing with all three tiers in hospital: the ratios of tiers 1 and 2 are those of example we-008, their deductibles are
/// made up for the tests.
pub(super) fn three_tiers() -> Policy {
    let mut document: Value = serde_json::from_str(BEIJING).unwrap();
    let inpatient = &mut document["inpatient"];
    inpatient["tiers"] = json!(["COMMUNITY", "DISTRICT", "TERTIARY"]);
    for (tier, first, repeat) in [("COMMUNITY", "300.00", "150.00"), ("DISTRICT", "600.00", "300.00")] {
        inpatient["deductible"]["per_stay"][tier] = json!({
            "first": { "active": first, "retired": first },
            "repeat": { "active": repeat, "retired": repeat },
        });
    }
    for (band, (community, district)) in [("0.90", "0.87"), ("0.95", "0.92"), ("0.97", "0.97")].into_iter().enumerate()
    {
        let by_tier = &mut inpatient["bands"][band]["fund_ratio"][0]["by_tier"];
        by_tier["COMMUNITY"] = json!(community);
        by_tier["DISTRICT"] = json!(district);
    }
    Policy::read(&document.to_string()).unwrap()
}

pub(super) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub(super) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn line(amount: Money, class: Class) -> Line {
    Line {
        code: "330100000".to_owned(),
        name: Localized::new("诊疗项目", "Treatment"),
        quantity: Decimal::ONE,
        unit_price: amount.decimal(),
        amount,
        class,
        price_limit: None,
    }
}

/// One line wholly in scope.
pub(super) fn claim(kind: CareKind, tier: Tier, in_scope: &str) -> Input {
    claim_with_lines(kind, tier, vec![line(money(in_scope), Class::A)])
}

pub(super) fn claim_with_lines(kind: CareKind, tier: Tier, lines: Vec<Line>) -> Input {
    Input {
        person: RETIRED,
        tier,
        kind,
        from: date("2026-03-02"),
        to: date("2026-03-12"),
        total: lines.iter().map(|line| line.amount).sum(),
        lines,
        before: Accumulators::default(),
        chain: None,
        referred: true,
        family_doctor: false,
        circumstances: Circumstances::default(),
    }
}

pub(super) fn stay(in_scope: &str) -> Input {
    claim(CareKind::Inpatient, Tier::Tertiary, in_scope)
}

pub(super) fn visit(tier: Tier, in_scope: &str) -> Input {
    claim(CareKind::Outpatient, tier, in_scope)
}

/// After one settled stay of the year that bore its deductible.
pub(super) fn after_first_stay() -> Accumulators {
    Accumulators { deductible: money("1300"), stays: 1, ..Accumulators::default() }
}

/// The outpatient deductible of retired persons is filled.
pub(super) fn outpatient_year(in_scope: &str) -> Accumulators {
    Accumulators { in_scope: money(in_scope), deductible: money("1300"), ..Accumulators::default() }
}

/// Judges, and checks what must hold of every answer.
pub(super) fn judged(policy: &Policy, input: &Input) -> Adjudication {
    let answer = adjudicate(policy, input).unwrap();
    assert_adds_up(&answer);
    answer
}

pub(super) fn assert_adds_up(answer: &Adjudication) {
    let shares = &answer.shares;
    let (last, settling) = answer.steps.split_last().unwrap();
    assert_eq!(last.rule, Rule::Result);
    assert_eq!((last.fund, last.own), (shares.fund(), shares.own()));
    assert_eq!(shares.fund() + shares.own(), shares.total);
    assert_eq!(shares.fully_own + shares.first_self_pay + shares.in_scope, shares.total);
    assert_eq!(settling.iter().map(|step| step.fund).sum::<Money>(), shares.fund());
    assert_eq!(settling.iter().map(|step| step.own).sum::<Money>(), shares.own());
    assert_eq!(answer.settlement.psn_part_amt + answer.settlement.fund_pay_sumamt, answer.settlement.medfee_sumamt);
}

pub(super) fn steps(answer: &Adjudication, rule: Rule) -> Vec<&Step> {
    answer.steps.iter().filter(|step| step.rule == rule).collect()
}

pub(super) fn fund_and_own(answer: &Adjudication) -> (String, String) {
    (answer.shares.fund().to_string(), answer.shares.own().to_string())
}

pub(super) fn pair(fund: &str, own: &str) -> (String, String) {
    (fund.to_owned(), own.to_owned())
}
