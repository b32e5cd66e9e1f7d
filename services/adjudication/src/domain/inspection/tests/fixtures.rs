//! A claim to be inspected, and a book of single rules.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use types::ids::{ClaimId, OrganisationId};
use types::money::Money;
use types::{care::CareKind, tier::Tier};

use crate::domain::inspection::{BilledItem, Case, Finding, Past, Patient, RuleBook, RuleBookError, Sex, inspect};

pub(super) const DEMONSTRATION: &str = include_str!("../../../../rules/demonstration-city.json");

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// A document with these rules and nothing else.
pub(super) fn document(rules: &[(&str, Value)]) -> Value {
    let mut document: Value = serde_json::from_str(DEMONSTRATION).unwrap();
    let rules = rules.iter().map(|(id, settings)| {
        let mut settings = settings.clone();
        settings["source"] = json!(["demo"]);
        ((*id).to_owned(), settings)
    });
    document["rules"] = Value::Object(rules.collect());
    document
}

pub(super) fn read(rules: &[(&str, Value)]) -> Result<RuleBook, RuleBookError> {
    RuleBook::read(&document(rules).to_string())
}

pub(super) fn found(rule: &str, settings: Value, case: &Case) -> Vec<Finding> {
    inspect(&read(&[(rule, settings)]).unwrap(), case)
}

/// Line and amount of each finding.
pub(super) fn amounts(findings: &[Finding]) -> Vec<(Option<usize>, String)> {
    findings.iter().map(|finding| (finding.line, finding.amount.to_string())).collect()
}

pub(super) fn item(code: &str, quantity: &str, unit_price: &str, on: &str) -> BilledItem {
    let (quantity, unit_price): (Decimal, Decimal) = (quantity.parse().unwrap(), unit_price.parse().unwrap());
    BilledItem {
        item_code: code.to_owned(),
        name: format!("名{code}"),
        quantity,
        unit_price,
        amount: Money::round_half_up(quantity * unit_price),
        on: day(on),
    }
}

/// A stay of five days of a man of 40 at the tertiary hospital.
pub(super) fn stay(lines: Vec<BilledItem>) -> Case {
    Case {
        patient: Patient { birth_date: day("1986-01-01"), sex: Some(Sex::Male) },
        provider: OrganisationId::from_uuid(uuid::Uuid::from_u128(1)),
        tier: Tier::Tertiary,
        kind: CareKind::Inpatient,
        from: day("2026-03-01"),
        until: day("2026-03-05"),
        received_on: day("2026-03-05"),
        is_insured: true,
        is_referred: false,
        total: lines.iter().map(|line| line.amount).sum(),
        diagnoses: vec!["I10.x00".to_owned()],
        procedures: vec![],
        lines,
        history: vec![],
    }
}

/// An outpatient visit on 1 March.
pub(super) fn visit(lines: Vec<BilledItem>) -> Case {
    Case { kind: CareKind::Outpatient, until: day("2026-03-01"), received_on: day("2026-03-01"), ..stay(lines) }
}

pub(super) fn past(number: u128, kind: CareKind, from: &str, until: &str, lines: Vec<BilledItem>) -> Past {
    Past {
        claim: ClaimId::from_uuid(uuid::Uuid::from_u128(1000 + number)),
        provider: OrganisationId::from_uuid(uuid::Uuid::from_u128(number)),
        kind,
        from: day(from),
        until: day(until),
        lines,
    }
}
