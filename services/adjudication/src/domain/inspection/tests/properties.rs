//! Whatever a claim says, it is inspected without a panic, and no finding questions more than was billed.

use chrono::{NaiveDate, TimeDelta};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use types::care::CareKind;
use types::money::Money;

use super::fixtures::{DEMONSTRATION, day, document, item, past, stay};
use crate::domain::inspection::{BilledItem, Case, Lookback, Past, RuleBook, Sex, inspect, lookback};

const CODES: [&str; 14] = [
    "DEMO-TIER",
    "DEMO-IMPLANT",
    "DEMO-PCI1",
    "DEMO-PCI2",
    "DEMO-BLOODGAS",
    "DEMO-BICARBONATE",
    "DEMO-CT",
    "XA01",
    "XB02",
    "ZC03",
    "001109000010000",
    "003402000050000",
    "002503020030000",
    "001103000010000",
];

fn line() -> impl Strategy<Value = BilledItem> {
    let quantity = prop_oneof![1_i64..100_000, Just(i64::MAX)];
    (0..CODES.len(), quantity, 0_i64..10_000_000, -40_i64..400).prop_map(|(code, quantity, price, offset)| {
        let line = item(CODES[code], "1", "1", "2026-03-01");
        let (quantity, unit_price) = (Decimal::new(quantity, 4), Decimal::new(price, 4));
        let cost = quantity.checked_mul(unit_price).filter(|cost| *cost < Decimal::from(1_000_000_000_u64));
        let amount = cost.map_or(Money::ZERO, Money::round_half_up);
        BilledItem { quantity, unit_price, amount, on: day("2026-03-01") + chrono::TimeDelta::days(offset), ..line }
    })
}

fn case() -> impl Strategy<Value = Case> {
    let kind = prop::sample::select(CareKind::ALL.to_vec());
    let codes = prop::collection::vec("[A-Z][0-9]{2}\\.[0-9x]{3}", 0..4);
    let lines = || prop::collection::vec(line(), 0..25);
    let stated = (codes, prop::collection::vec("[0-9]{2}\\.[0-9x]{2,4}", 0..4));
    (lines(), lines(), kind, stated, -30_i64..60, 0_i64..800, any::<(bool, bool, bool)>()).prop_map(
        |(lines, earlier, kind, (diagnoses, procedures), days, late, (insured, referred, female))| {
            let mut case = stay(lines);
            case.kind = kind;
            (case.diagnoses, case.procedures) = (diagnoses, procedures);
            case.until = case.from + chrono::TimeDelta::days(days);
            case.received_on = case.until + chrono::TimeDelta::days(late);
            (case.is_insured, case.is_referred) = (insured, referred);
            case.patient.sex = female.then_some(Sex::Female);
            case.history = vec![
                past(1, CareKind::Inpatient, "2026-02-20", "2026-02-27", earlier.clone()),
                past(2, CareKind::Outpatient, "2026-03-03", "2026-03-03", earlier),
            ];
            case
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn ad_08_mutated_claims_are_inspected_without_a_panic_and_question_no_more_than_was_billed(case in case()) {
        let book = RuleBook::read(DEMONSTRATION).unwrap();
        let findings = inspect(&book, &case);
        prop_assert_eq!(&findings, &inspect(&book, &case), "deterministic");
        for finding in &findings {
            let billed = finding.line.map_or(case.total, |line| case.lines[line - 1].amount);
            prop_assert!(!finding.amount.is_negative() && finding.amount <= billed, "{:?}", finding);
            prop_assert!(!finding.evidence.is_empty());
            prop_assert!(book.rule(&finding.rule).is_some());
        }
        prop_assert!(case.withheld(&findings) <= case.total);
    }

    #[test]
    fn ad_08_rules_find_the_same_in_what_they_look_back_on_as_in_all_of_it(case in case().prop_map(within_stays)) {
        for document in [DEMONSTRATION.to_owned(), document(&looking_back()).to_string()] {
            let book = RuleBook::read(&document).unwrap();
            let history = lookback(&book, &case).map(|lookback| reached(&case, &lookback)).unwrap_or_default();
            let looked_at = Case { history, ..case.clone() };
            prop_assert_eq!(inspect(&book, &looked_at), inspect(&book, &case));
        }
    }
}

/// Rules that the demonstration does not have, each of which looks back.
fn looking_back() -> Vec<(&'static str, Value)> {
    vec![
        (
            "N25-005",
            json!({"kind": "PRIOR_ITEM", "points": [{"items": ["XA01"], "after": ["XB02"], "window_days": 30}]}),
        ),
        (
            "N25-050",
            json!({"kind": "VISITS", "kinds": ["OUTPATIENT"], "items": ["XA01"], "most": 1, "window_days": 30}),
        ),
        (
            "N25-031",
            json!({"kind": "PERIOD_FREQUENCY", "points": [
            {"items": ["XA01", "ZC03"], "most": "1", "window_days": 30}, {"items": ["XB02"], "min_interval_days": 9}]}),
        ),
    ]
}

/// Every line on a day of its visit, as claims have them.
fn within_stays(case: Case) -> Case {
    let within = |lines: &[BilledItem], from: NaiveDate, until: NaiveDate| -> Vec<BilledItem> {
        let days = (until - from).num_days().max(0) + 1;
        let on = |line: &BilledItem| from + TimeDelta::days((line.on - day("2020-01-01")).num_days() % days);
        lines.iter().map(|line| BilledItem { on: on(line), ..line.clone() }).collect()
    };
    let until = case.until.max(case.from);
    let history = case.history.iter();
    let history = history.map(|past| Past { lines: within(&past.lines, past.from, past.until), ..past.clone() });
    Case { lines: within(&case.lines, case.from, until), until, history: history.collect(), ..case }
}

/// As `store/histories.rs` reads it.
fn reached(case: &Case, lookback: &Lookback) -> Vec<Past> {
    let is_same = |line: &BilledItem| {
        let codes = case.lines.iter().any(|own| own.item_code == line.item_code);
        lookback.same_items && codes && case.lines.iter().any(|own| own.on == line.on)
    };
    let is_read = |line: &BilledItem| lookback.lines_from.is_some_and(|from| line.on >= from) || is_same(line);
    let claims = case.history.iter().filter(|past| past.until >= lookback.claims_from);
    claims
        .map(|past| Past { lines: past.lines.iter().filter(|line| is_read(line)).cloned().collect(), ..past.clone() })
        .collect()
}
