//! Published cases, limits and samples, reproduced.

use serde_json::{Value, json};

use super::fixtures::{amounts, found, item, past, read, stay, visit};
use crate::domain::inspection::library::DOCUMENTS;
use crate::domain::inspection::{BilledItem, Case, Fact, Library, Patient, Sex, inspect};
use types::care::CareKind;

#[test]
fn ad_08_three_vessels_at_full_price_are_payable_at_1_4_times_the_price() {
    let settings = json!({"kind": "REPEAT_OPERATION", "points": [{"items": ["PCI"], "repeat_ratio": "0.20"}]});
    let full = stay(vec![item("PCI", "3", "1000", "2026-03-02")]);
    assert_eq!(amounts(&found("N25-015", settings.clone(), &full)), [(Some(1), "1600.00".to_owned())]);
    let apart = stay(vec![item("PCI", "1", "1000", "2026-03-02"), item("PCI", "2", "1000", "2026-03-02")]);
    assert_eq!(amounts(&found("N25-015", settings.clone(), &apart)), [(Some(2), "1600.00".to_owned())]);
    let discounted = stay(vec![item("PCI", "1", "1000", "2026-03-02"), item("PCI", "2", "200", "2026-03-02")]);
    assert_eq!(found("N25-015", settings.clone(), &discounted), [], "charged as ordered");
    let days = stay(vec![item("PCI", "1", "1000", "2026-03-02"), item("PCI", "1", "1000", "2026-03-04")]);
    assert_eq!(found("N25-015", settings, &days), [], "another operation");
}

#[test]
fn ad_08_rehabilitation_is_charged_once_a_day_and_for_at_most_three_parts() {
    let settings = json!({"kind": "UNIT_FREQUENCY", "billed": "DAILY", "points": [
        {"items": ["TRAINING"], "unit": "DAY", "most": "1"},
        {"items": ["PART-*"], "unit": "DAY", "most": "3"},
    ]});
    let case = stay(vec![
        item("TRAINING", "1", "30", "2026-03-01"),
        item("TRAINING", "2", "30", "2026-03-02"),
        item("PART-A", "3", "10", "2026-03-02"),
        item("PART-B", "1", "10", "2026-03-02"),
    ]);
    let expected = [(Some(2), "30.00".to_owned()), (Some(4), "10.00".to_owned())];
    assert_eq!(amounts(&found("N25-027", settings, &case)), expected);
}

#[test]
fn ad_08_a_course_of_hand_function_assessment_ends_after_90_days_and_has_14_between() {
    let settings = json!({"kind": "COURSE", "window_days": 365, "national_points": true});
    let code = "003402000050000";
    let days = (0..90).map(|back| {
        let on = super::fixtures::day("2026-02-28") - chrono::Days::new(back);
        item(code, "1", "20", &on.to_string())
    });
    let mut case = stay(vec![item(code, "1", "20", "2026-03-01")]);
    case.history = vec![past(2, CareKind::Outpatient, "2025-12-01", "2026-02-28", days.collect())];
    assert_eq!(amounts(&found("N25-023", settings.clone(), &case)), [(Some(1), "20.00".to_owned())]);
    case.history[0].lines.pop();
    assert_eq!(found("N25-023", settings, &case), [], "the ninetieth day");

    let settings = json!({"kind": "PERIOD_FREQUENCY", "national_points": true});
    case.history[0].lines = vec![item(code, "1", "20", "2026-02-16")];
    let findings = found("N25-031", settings.clone(), &case);
    assert_eq!(amounts(&findings), [(Some(1), "20.00".to_owned())]);
    assert!(findings[0].evidence.contains(&Fact::Found { what: "days_since".to_owned(), value: "13".to_owned() }));
    case.history[0].lines = vec![item(code, "1", "20", "2026-02-15")];
    assert_eq!(found("N25-031", settings, &case), [], "fourteen days");
}

#[test]
fn ad_08_glycated_haemoglobin_is_repeated_too_soon_within_a_stay_of_90_days() {
    let settings =
        json!({"kind": "PERIOD_FREQUENCY", "points": [{"items": ["002503020030000"], "min_interval_days": 90}]});
    let mut case =
        stay(vec![item("002503020030000", "1", "70", "2026-03-01"), item("002503020030000", "1", "70", "2026-05-20")]);
    case.until = super::fixtures::day("2026-06-30");
    assert_eq!(amounts(&found("N25-031", settings, &case)), [(Some(2), "70.00".to_owned())]);
}

#[test]
fn ad_08_bicarbonate_is_part_of_the_blood_gas() {
    let settings = json!({"kind": "PAIR", "points": [{"keeps": ["BLOODGAS"], "drops": ["HCO3"], "within": "DAY"}]});
    let case = visit(vec![item("HCO3", "1", "12", "2026-03-01"), item("BLOODGAS", "1", "80", "2026-03-01")]);
    let findings = found("N25-025", settings.clone(), &case);
    assert_eq!(amounts(&findings), [(Some(1), "12.00".to_owned())]);
    assert!(matches!(findings[0].evidence[1], Fact::Line { line: 2, .. }));
    let apart = stay(vec![item("HCO3", "1", "12", "2026-03-02"), item("BLOODGAS", "1", "80", "2026-03-01")]);
    assert_eq!(found("N25-025", settings, &apart), []);
}

#[test]
fn ad_08_the_published_duplicate_pairs_are_found_by_the_catalogues_name() {
    let settings = json!({"kind": "PAIR", "national_points": true});
    let book = read(&[("N25-025", settings)]).unwrap();
    let pairs = Library::national().points("N25-025").and_then(Value::as_array).unwrap();
    assert_eq!(pairs.len(), 20);
    for pair in pairs {
        let code = pair["keeps"][0].as_str().unwrap();
        let dropped = BilledItem {
            name: pair["drops"][0].as_str().unwrap().trim_start_matches('=').to_owned(),
            ..item("OF-THE-REGION", "1", "9", "2026-03-01")
        };
        let case = visit(vec![item(code, "1", "50", "2026-03-01"), dropped]);
        assert_eq!(amounts(&inspect(&book, &case)), [(Some(2), "9.00".to_owned())], "{pair}");
    }
}

#[test]
fn ad_08_readmission_within_31_days_is_looked_at() {
    let settings = json!({"kind": "SPLIT_ADMISSION", "gap_days": 31, "planned": []});
    let mut case = stay(vec![item("BED", "5", "50", "2026-03-01")]);
    case.history = vec![past(1, CareKind::Inpatient, "2026-01-20", "2026-01-29", vec![])];
    assert_eq!(amounts(&found("N25-049", settings.clone(), &case)), [(None, "250.00".to_owned())]);
    case.history = vec![past(1, CareKind::Inpatient, "2026-01-20", "2026-01-28", vec![])];
    assert_eq!(found("N25-049", settings, &case), []);
}

#[test]
fn ad_08_an_implant_billed_at_600_for_200_is_400_too_dear() {
    let settings = json!({"kind": "UNIT_PRICE", "points": [{"items": ["C-IMPLANT"], "max_unit_price": "200"}]});
    let case = stay(vec![item("C-IMPLANT", "3", "600", "2026-03-02")]);
    let findings = found("N25-014", settings, &case);
    assert_eq!(amounts(&findings), [(Some(1), "1200.00".to_owned())]);
    assert!(
        findings[0].evidence.contains(&Fact::Found { what: "excess_per_unit".to_owned(), value: "400".to_owned() })
    );
}

#[test]
fn ad_08_a_daily_item_charged_7_times_in_5_days_is_2_too_many() {
    let settings = json!({"kind": "UNIT_FREQUENCY", "billed": "IN_ARREARS", "points": [{"items": ["001109000010000"], "unit": "DAY", "most": "1"}]});
    let case = stay(vec![item("001109000010000", "7", "40", "2026-03-05")]);
    let findings = found("N25-027", settings, &case);
    assert_eq!(amounts(&findings), [(Some(1), "80.00".to_owned())]);
    assert!(findings[0].evidence.contains(&Fact::Found { what: "excess_quantity".to_owned(), value: "2".to_owned() }));
}

#[test]
fn ad_08_every_published_limit_finds_what_exceeds_it_and_nothing_else() {
    let knowledge: Value = serde_json::from_str(DOCUMENTS.1).unwrap();
    let book = read(&[
        ("N25-023", json!({"kind": "COURSE", "window_days": 400, "national_points": true})),
        ("N25-027", json!({"kind": "UNIT_FREQUENCY", "billed": "DAILY", "national_points": true})),
        ("N25-031", json!({"kind": "PERIOD_FREQUENCY", "national_points": true})),
    ])
    .unwrap();
    let of_rule =
        |case: &Case, rule: &str| inspect(&book, case).into_iter().filter(|finding| finding.rule == rule).count();
    let points = |rule: &str| knowledge["points"][rule].as_array().unwrap().clone();
    for point in points("N25-027") {
        let code = point["items"][0].as_str().unwrap();
        let most = if point["unit"] == "HOUR" { 24 } else { 1 };
        let with = |quantity: i32| visit(vec![item(code, &quantity.to_string(), "3", "2026-03-01")]);
        assert_eq!((of_rule(&with(most), "N25-027"), of_rule(&with(most + 1), "N25-027")), (0, 1), "{point}");
    }
    for point in points("N25-023") {
        let (code, days) = (point["items"][0].as_str().unwrap(), point["max_days"].as_u64().unwrap());
        let with = |count: u64| {
            let first = super::fixtures::day("2025-02-01");
            let on = |index: u64| (first + chrono::Days::new(index)).to_string();
            let mut case = stay((0..count).map(|index| item(code, "1", "3", &on(index))).collect());
            (case.from, case.until) = (first, first + chrono::Days::new(count));
            case
        };
        assert_eq!((of_rule(&with(days), "N25-023"), of_rule(&with(days + 1), "N25-023")), (0, 1), "{point}");
    }
    for point in points("N25-031") {
        let code = point["items"][0].as_str().unwrap();
        let interval = point["min_interval_days"].as_u64().unwrap_or(7);
        let with = |gap: u64| {
            let earlier = super::fixtures::day("2026-03-01") - chrono::Days::new(gap);
            let mut case = visit(vec![item(code, "1", "3", "2026-03-01")]);
            let line = item(code, "1", "3", &earlier.to_string());
            case.history = vec![past(3, CareKind::Outpatient, "2026-01-01", "2026-01-01", vec![line])];
            case
        };
        assert_eq!((of_rule(&with(interval), "N25-031"), of_rule(&with(interval - 1), "N25-031")), (0, 1), "{point}");
    }
}

#[test]
fn ad_08_the_sampled_codes_are_checked_once_a_region_says_for_which_sex_they_are() {
    for (rule, count) in [("N25-067", 5), ("N25-081", 5)] {
        let codes: Vec<String> = Library::national().incomplete(rule).flat_map(|point| point.items.clone()).collect();
        assert_eq!(codes.len(), count);
        for code in codes {
            assert!(read(&[(rule, json!({"kind": "SEX", "points": [{"items": [code]}]}))]).is_err(), "no sex, no rule");
            let settings = json!({"kind": "SEX", "points": [{"items": [code], "sex": "FEMALE"}]});
            let case = visit(vec![item(&code, "1", "30", "2026-03-01")]);
            assert_eq!(amounts(&found(rule, settings.clone(), &case)), [(Some(1), "30.00".to_owned())]);
            for sex in [Some(Sex::Female), None] {
                let patient = Patient { sex, ..case.patient };
                assert_eq!(found(rule, settings.clone(), &Case { patient, ..case.clone() }), []);
            }
        }
    }
}
