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

const RESIDENT: &str = include_str!("../../../../policies/beijing-resident.json");
const STUDENT: &str = include_str!("../../../../policies/hangzhou-student-resident.json");

pub(super) const RETIRED: Person = Person { retired: true, age: 72 };
pub(super) const ACTIVE: Person = Person { retired: false, age: 40 };

pub(super) fn beijing() -> Policy {
    Policy::read(BEIJING).unwrap()
}

/// Beijing, resident scheme: outpatient care and critical illness insurance.
pub(super) fn resident() -> Policy {
    Policy::read(RESIDENT).unwrap()
}

/// Hangzhou, university students.
pub(super) fn student() -> Policy {
    Policy::read(STUDENT).unwrap()
}

/// A shipped document with another text somewhere.
pub(super) fn edited(document: &str, edit: impl FnOnce(&mut Value)) -> Policy {
    let mut json: Value = serde_json::from_str(document).unwrap();
    edit(&mut json);
    Policy::read(&json.to_string()).unwrap()
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

/// The demonstration city with everything that a document can say above basic insurance, and both ways to pay less elsewhere.
pub(super) fn with_every_layer() -> Policy {
    edited(DEMONSTRATION, |json| {
        let source = json!(["DEMONSTRATION"]);
        let bands = json!([
            { "from": "0.00", "to": "50000.00", "fund_ratio": "0.60" },
            { "from": "50000.00", "to": "none", "fund_ratio": "0.70" },
        ]);
        json["critical_illness"] = json!({
            "everybody": { "threshold": "3000.00", "bands": bands, "ceiling": "40000.00", "source": source },
            "assisted": { "groups": ["LOW_INCOME"], "threshold": "1500.00", "bands": bands, "ceiling": "none", "source": source },
        });
        json["medical_assistance"]["ceiling"] = json!("1000.00");
        json["medical_assistance"]["rows"][0]["deductible"] = json!("100.00");
        json["top_up"] = json!({ "deductible": "500.00", "ratio": "0.50", "ceiling": "2000.00", "source": source });
        json["outpatient"]["out_of_area"] = json!({
            "by_filing": {
                "RESETTLED_RETIRED": { "multiply": "1" },
                "LONG_TERM_RESIDENT": { "minus_points": "0" },
                "TEMPORARY_REFERRAL": { "minus_points": "10" },
                "EMERGENCY": { "minus_points": "10" },
                "UNFILED": { "multiply": "0.80" },
            },
            "source": source,
        });
        json["outpatient"]["large_amount"] = json!({
            "fund_ratio": { "active": "0.30", "retired": "0.40" }, "ceiling": "5000.00", "source": source,
        });
    })
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
        unknown_items: vec![],
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
