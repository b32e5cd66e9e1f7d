//! Each kind of check: what it finds, and what it lets pass.

use serde_json::{Value, json};
use types::care::CareKind;
use types::tier::Tier;

use super::fixtures::{amounts, day, found, item, money, past, stay, visit};
use crate::domain::inspection::{Case, Fact, Finding, Patient};

const FIRST: &str = "2026-03-01";

/// One line of an item on the day of a visit.
fn one(code: &str) -> Case {
    visit(vec![item(code, "1", "30", FIRST)])
}

fn is_found(rule: &str, settings: &Value, case: &Case) -> bool {
    let findings = found(rule, settings.clone(), case);
    assert!(findings.iter().all(|finding| !finding.evidence.is_empty() && finding.amount <= case.total));
    !findings.is_empty()
}

#[test]
fn ad_08_what_another_insurance_pays_is_not_asked_of_basic_insurance() {
    let settings = json!({"kind": "OTHER_INSURANCE", "items": ["XINJURY*"]});
    let case = one("XINJURY1");
    assert!(is_found("N25-001", &settings, &case));
    assert!(!is_found("N25-001", &settings, &Case { is_insured: false, ..case }));
    assert!(!is_found("N25-001", &settings, &one("XOTHER")));
}

#[test]
fn ad_08_a_herb_is_excluded_always_or_when_alone() {
    let always = json!({"kind": "EXCLUDED", "items": ["T1"], "alone_among": null});
    assert!(is_found("N25-003", &always, &one("T1")));
    let alone = json!({"kind": "EXCLUDED", "items": ["T1", "T2"], "alone_among": ["T*"]});
    assert!(is_found("N25-004", &alone, &visit(vec![item("T1", "1", "5", FIRST), item("T2", "1", "5", FIRST)])));
    assert!(!is_found("N25-004", &alone, &visit(vec![item("T1", "1", "5", FIRST), item("T3", "1", "5", FIRST)])));
    let other_day = stay(vec![item("T1", "1", "5", FIRST), item("T3", "1", "5", "2026-03-02")]);
    assert_eq!(amounts(&found("N25-004", alone, &other_day)), [(Some(1), "5.00".to_owned())]);
}

#[test]
fn ad_08_a_second_line_drug_comes_after_a_first_line_drug() {
    let settings = json!({"kind": "PRIOR_ITEM", "points": [{"items": ["X2"], "after": ["X1"], "window_days": 90}]});
    let mut case = one("X2");
    assert!(is_found("N25-005", &settings, &case));
    case.history =
        vec![past(2, CareKind::Outpatient, "2026-01-01", "2026-01-01", vec![item("X1", "1", "5", "2026-01-01")])];
    assert!(!is_found("N25-005", &settings, &case));
    case.history[0].lines[0].on = day("2025-11-30");
    assert!(is_found("N25-005", &settings, &case), "91 days ago");
}

#[test]
fn ad_08_an_age_is_reached_on_the_birthday_and_a_newborn_is_counted_in_days() {
    let child = json!({"kind": "AGE", "points": [{"items": ["XC"], "below": {"years": 14}}]});
    let of = |born: &str, code: &str| {
        let case = one(code);
        Case { patient: Patient { birth_date: day(born), ..case.patient }, ..case }
    };
    assert!(is_found("N25-065", &child, &of("2012-03-01", "XC")));
    assert!(!is_found("N25-065", &child, &of("2012-03-02", "XC")));
    let newborn = json!({"kind": "AGE", "points": [{"items": ["XN"], "below": {"days": 29}}]});
    assert!(!is_found("N25-006", &newborn, &of("2026-02-01", "XN")), "28 days");
    assert!(is_found("N25-006", &newborn, &of("2026-01-31", "XN")), "29 days");
    let elderly = json!({"kind": "AGE", "points": [{"diagnoses": ["I10"], "from": {"years": 60}}]});
    assert!(is_found("N25-055", &elderly, &of("1990-01-01", "X")));
    assert!(!is_found("N25-055", &elderly, &of("1960-01-01", "X")));
}

/// A visit with these procedures in its case record.
fn operated(procedures: &[&str]) -> Case {
    Case { procedures: procedures.iter().map(|code| (*code).to_owned()).collect(), ..one("X") }
}

#[test]
fn ad_08_a_procedure_of_the_other_sex_puts_the_claim_in_question_and_is_not_written_out() {
    let settings = json!({"kind": "SEX", "points": [{"procedures": ["68.4"], "sex": "FEMALE"}]});
    let findings = found("N25-039", settings.clone(), &operated(&["47.01", "68.4100"]));
    assert_eq!(amounts(&findings), [(None, "30.00".to_owned())]);
    assert!(findings[0].evidence.contains(&Fact::Procedure { position: 2 }));
    assert!(!serde_json::to_string(&findings[0].evidence).unwrap().contains("68.4"));
    assert!(!is_found("N25-039", &settings, &operated(&["47.01"])));
    assert!(!is_found("N25-039", &settings, &one("X")), "no case record states any");
}

#[test]
fn ad_08_a_procedure_goes_together_with_its_diagnoses() {
    let settings = json!({"kind": "INDICATION", "points": [{"procedures": ["47.0"], "any_of": ["K35", "K36"]}]});
    let appendectomy = operated(&["47.0100"]);
    assert!(is_found("N25-040", &settings, &appendectomy), "hypertension");
    assert!(!is_found("N25-040", &settings, &Case { diagnoses: vec!["K35.900".to_owned()], ..appendectomy }));
    assert!(!is_found("N25-040", &settings, &operated(&["51.2300"])));
    assert!(
        super::fixtures::read(&[("N25-040", json!({"kind": "INDICATION", "points": [{"any_of": ["K35"]}]}))]).is_err()
    );
}

#[test]
fn ad_08_a_procedure_code_is_regular_if_the_regions_list_has_it() {
    let settings = json!({"kind": "PROCEDURE_CODE", "known": ["47.0", "51.23"]});
    assert!(!is_found("N25-038", &settings, &operated(&["47.0100", "51.23"])));
    let findings = found("N25-038", settings, &operated(&["47.0100", "99.99", "51.2"]));
    assert_eq!(findings[0].evidence, [Fact::Procedure { position: 2 }, Fact::Procedure { position: 3 }]);
    assert!(super::fixtures::read(&[("N25-038", json!({"kind": "PROCEDURE_CODE", "known": []}))]).is_err());
}

#[test]
fn ad_08_a_diagnosis_of_the_other_sex_puts_the_claim_in_question_and_is_not_written_out() {
    let settings = json!({"kind": "SEX", "points": [{"diagnoses": ["O"], "sex": "FEMALE"}]});
    let mut case = one("X");
    assert!(!is_found("N25-054", &settings, &case));
    case.diagnoses.push("O80.900".to_owned());
    let findings = found("N25-054", settings, &case);
    assert_eq!(amounts(&findings), [(None, "30.00".to_owned())]);
    assert!(findings[0].evidence.contains(&Fact::Diagnosis { position: 2 }));
    assert!(
        !serde_json::to_string(&findings[0].evidence).unwrap().contains("O80"),
        "clinical text stays where it is sealed"
    );
}

#[test]
fn ad_08_an_item_wants_its_indication_and_minds_its_contraindication() {
    let wants = json!({"kind": "INDICATION", "points": [{"items": ["X1"], "any_of": ["I10", "I11"]}]});
    assert!(!is_found("N25-008", &wants, &one("X1")));
    assert!(is_found("N25-008", &wants, &Case { diagnoses: vec!["E11.900".to_owned()], ..one("X1") }));
    let minds = json!({"kind": "CONTRAINDICATION", "points": [{"items": ["X1"], "any_of": ["O"]}]});
    assert!(!is_found("N25-073", &minds, &one("X1")));
    assert!(is_found(
        "N25-073",
        &minds,
        &Case { diagnoses: vec!["I10.x00".to_owned(), "O26.900".to_owned()], ..one("X1") }
    ));
}

#[test]
fn ad_08_tier_and_kind_of_visit_limit_an_item() {
    let tier = json!({"kind": "TIER", "points": [{"items": ["X1"], "lowest": "DISTRICT"}]});
    assert!(is_found("N25-012", &tier, &Case { tier: Tier::Community, ..one("X1") }));
    assert!(!is_found("N25-012", &tier, &Case { tier: Tier::District, ..one("X1") }));
    let internet = json!({"kind": "VISIT_KIND", "points": [{"items": ["XN02A*"], "kinds": ["OUTPATIENT", "INPATIENT", "EMERGENCY"]}]});
    assert!(is_found("N25-047", &internet, &Case { kind: CareKind::Teleconsult, ..one("XN02AB") }));
    assert!(!is_found("N25-047", &internet, &one("XN02AB")));
}

#[test]
fn ad_08_more_than_a_day_a_claim_or_a_prescription_holds() {
    let day_limit = json!({"kind": "QUANTITY", "points": [{"items": ["C1"], "most": "2", "per": "DAY"}]});
    let case = stay(vec![item("C1", "3", "10", FIRST), item("C1", "2", "10", "2026-03-02")]);
    assert_eq!(amounts(&found("N25-086", day_limit, &case)), [(Some(1), "10.00".to_owned())]);
    let claim_limit = json!({"kind": "QUANTITY", "points": [{"items": ["C1"], "most": "2", "per": "CLAIM"}]});
    let expected = [(Some(1), "10.00".to_owned()), (Some(2), "20.00".to_owned())];
    assert_eq!(amounts(&found("N25-086", claim_limit, &case)), expected, "the last ones first");
    let kinds = json!({"kind": "ITEM_KINDS", "items": ["X*"], "most": 2});
    let lines = ["X1", "X2", "X1", "X3"].map(|code| item(code, "1", "10", FIRST));
    assert_eq!(amounts(&found("N25-046", kinds, &visit(lines.to_vec()))), [(Some(4), "10.00".to_owned())]);
}

#[test]
fn ad_08_hours_of_monitoring_are_at_most_the_hours_of_the_days_so_far() {
    let settings = json!({"kind": "UNIT_FREQUENCY", "billed": "IN_ARREARS", "points": [{"items": ["ECG"], "unit": "HOUR", "most": "1"}]});
    let case = stay(vec![item("ECG", "50", "4", "2026-03-02"), item("ECG", "70", "4", "2026-03-05")]);
    let findings = found("N25-027", settings, &case);
    assert_eq!(
        amounts(&findings),
        [(Some(1), "8.00".to_owned())],
        "50 of 48 hours by the second day, 120 of 120 by the fifth"
    );
}

#[test]
fn ad_08_similar_drugs_together_leave_the_first_in_peace() {
    let settings = json!({"kind": "PAIR", "points": [{"keeps": ["XC10AA*"], "drops": ["XC10AA*"], "within": "CLAIM"}]});
    let lines = ["XC10AA05", "XC10AA07", "XB01"].map(|code| item(code, "1", "10", FIRST));
    assert_eq!(amounts(&found("N25-069", settings, &visit(lines.to_vec()))), [(Some(2), "10.00".to_owned())]);
}

#[test]
fn ad_08_a_consumable_needs_the_service_that_uses_it() {
    let settings = json!({"kind": "COMPANION", "points": [{"items": ["C-STENT"], "needs": ["PCI"]}]});
    assert!(is_found("N25-084", &settings, &one("C-STENT")));
    assert!(!is_found(
        "N25-084",
        &settings,
        &visit(vec![item("C-STENT", "1", "9", FIRST), item("PCI", "1", "9", FIRST)])
    ));
}

#[test]
fn ad_08_once_a_week_is_once_in_seven_days() {
    let settings =
        json!({"kind": "PERIOD_FREQUENCY", "points": [{"items": ["SPEECH"], "most": "1", "window_days": 7}]});
    let case = stay(vec![item("SPEECH", "1", "60", FIRST), item("SPEECH", "2", "60", "2026-03-04")]);
    assert_eq!(amounts(&found("N25-031", settings.clone(), &case)), [(Some(2), "120.00".to_owned())]);
    let mut case = visit(vec![item("SPEECH", "1", "60", FIRST)]);
    case.history =
        vec![past(2, CareKind::Outpatient, "2026-02-23", "2026-02-23", vec![item("SPEECH", "1", "60", "2026-02-23")])];
    assert!(is_found("N25-031", &settings, &case));
    case.history[0].lines[0].on = day("2026-02-22");
    assert!(!is_found("N25-031", &settings, &case));
}

#[test]
fn ad_08_above_the_payable_total_only_what_is_above_is_in_question() {
    let settings = json!({"kind": "PAYABLE_TOTAL", "points": [{"items": ["C-LENS"], "max_amount": "1000.00", "window_days": 365}]});
    let mut case = stay(vec![item("C-LENS", "1", "800", "2026-03-02")]);
    assert!(!is_found("N25-034", &settings, &case));
    case.history =
        vec![past(3, CareKind::Inpatient, "2025-06-01", "2025-06-03", vec![item("C-LENS", "1", "700", "2025-06-02")])];
    assert_eq!(amounts(&found("N25-034", settings, &case)), [(Some(1), "500.00".to_owned())]);
}

#[test]
fn ad_08_a_test_is_repeated_while_the_last_was_valid_wherever_it_was_made() {
    let settings = json!({"kind": "REPEAT_TEST", "points": [{"items": ["CT"], "validity_days": 14}]});
    let mut case = one("CT");
    let before = |on: &str| past(7, CareKind::Outpatient, on, on, vec![item("CT", "1", "300", on)]);
    case.history = vec![before("2026-02-15")];
    let findings = found("X-02", settings.clone(), &case);
    assert!(matches!(&findings[0].evidence[1], Fact::Earlier { provider, .. } if *provider != case.provider));
    case.history = vec![before("2026-02-14")];
    assert!(!is_found("X-02", &settings, &case));
}

#[test]
fn ad_08_the_same_item_on_the_same_day_in_another_claim_is_charged_twice() {
    let settings = json!({"kind": "DUPLICATE", "except": ["REG"]});
    let mut case = visit(vec![item("CT", "1", "300", FIRST), item("REG", "1", "5", FIRST)]);
    case.history = vec![past(
        7,
        CareKind::Outpatient,
        FIRST,
        FIRST,
        vec![item("CT", "1", "300", FIRST), item("REG", "1", "5", FIRST)],
    )];
    assert_eq!(amounts(&found("X-03", settings, &case)), [(Some(1), "300.00".to_owned())]);
}

#[test]
fn ad_08_claims_come_in_time_with_a_principal_diagnosis_and_days_of_the_stay() {
    let late = json!({"kind": "LATE_CLAIM", "max_days": 7});
    assert!(!is_found("N25-041", &late, &Case { received_on: day("2026-03-08"), ..one("X") }));
    assert!(is_found("N25-041", &late, &Case { received_on: day("2026-03-09"), ..one("X") }));
    let principal = json!({"kind": "PRINCIPAL_DIAGNOSIS", "never": ["V", "W", "X", "Y"]});
    assert!(is_found("N25-037", &principal, &Case { diagnoses: vec!["W19.x00".to_owned()], ..one("X") }));
    assert!(!is_found("N25-037", &principal, &Case { diagnoses: vec![], ..one("X") }));
    let dates = json!({"kind": "STAY_DATES"});
    let outside =
        stay(vec![item("A", "1", "10", "2026-02-28"), item("A", "1", "10", FIRST), item("A", "1", "10", "2026-03-06")]);
    let lines: Vec<_> = found("N25-042", dates, &outside).iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [Some(1), Some(3)]);
}

#[test]
fn ad_08_a_split_admission_is_at_the_same_place_without_referral_or_plan() {
    let settings = json!({"kind": "SPLIT_ADMISSION", "gap_days": 10, "planned": ["Z51"]});
    let mut case = stay(vec![item("BED", "5", "50", FIRST)]);
    case.history = vec![past(1, CareKind::Inpatient, "2026-02-10", "2026-02-20", vec![])];
    assert!(is_found("N25-049", &settings, &case));
    assert!(!is_found("N25-049", &settings, &Case { is_referred: true, ..case.clone() }));
    assert!(!is_found("N25-049", &settings, &Case { diagnoses: vec!["Z51.102".to_owned()], ..case.clone() }));
    case.history[0].provider = past(2, CareKind::Inpatient, FIRST, FIRST, vec![]).provider;
    assert!(!is_found("N25-049", &settings, &case), "another hospital");
}

#[test]
fn ad_08_frequent_visits_are_counted_with_what_proves_them() {
    let settings = json!({"kind": "VISITS", "kinds": ["OUTPATIENT"], "items": ["X*"], "most": 2, "window_days": 30});
    let mut case = one("X1");
    let at = |number, on: &str, code: &str| past(number, CareKind::Outpatient, on, on, vec![item(code, "1", "5", on)]);
    case.history = vec![at(4, "2026-02-20", "X1"), at(5, "2026-02-21", "LAB"), at(6, "2026-01-30", "X1")];
    assert!(!is_found("N25-051", &settings, &case), "no drugs, or 30 days ago");
    case.history.push(at(7, "2026-01-31", "X9"));
    let findings: Vec<Finding> = found("N25-051", settings, &case);
    let visits = findings[0].evidence.iter().filter(|fact| matches!(fact, Fact::Visit { .. })).count();
    assert_eq!((findings[0].line, findings[0].amount, visits), (None, money("30.00"), 2));
}

#[test]
fn ad_08_a_bed_without_care_or_a_patient_seen_elsewhere_is_a_hang_bed() {
    let settings = json!({"kind": "HANG_BED", "not_care": ["BED", "NURSING"], "idle_days": 2});
    let cared = |days: &[&str]| {
        let mut lines = vec![item("BED", "5", "50", "2026-03-05")];
        lines.extend(days.iter().map(|on| item("TREATMENT", "1", "80", on)));
        stay(lines)
    };
    assert!(!is_found("X-01", &settings, &cared(&["2026-03-01", "2026-03-03", "2026-03-04"])));
    let idle = cared(&["2026-03-01", "2026-03-04"]);
    let findings = found("X-01", settings.clone(), &idle);
    assert!(findings[0].evidence.contains(&Fact::Found { what: "from".to_owned(), value: "2026-03-02".to_owned() }));
    let mut away = cared(&["2026-03-01", "2026-03-03", "2026-03-04"]);
    away.history = vec![past(9, CareKind::Outpatient, "2026-03-02", "2026-03-02", vec![])];
    assert!(is_found("X-01", &settings, &away));
    assert!(!is_found("X-01", &settings, &Case { kind: CareKind::Outpatient, ..idle }));
}
