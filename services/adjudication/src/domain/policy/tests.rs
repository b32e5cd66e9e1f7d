//! Documents that are complete, and every way in which one is not.

mod above;
mod schema;

use serde_json::{Value, json};

use super::{Policy, PolicyError, Problem};
use crate::domain::document::Document as _;

const BEIJING: &str = include_str!("../../../policies/beijing-employee.json");
const RESIDENT: &str = include_str!("../../../policies/beijing-resident.json");
const STUDENT: &str = include_str!("../../../policies/hangzhou-student-resident.json");
const DEMONSTRATION: &str = include_str!("../../../policies/demonstration-city.json");

fn document() -> Value {
    serde_json::from_str(BEIJING).unwrap()
}

fn refused(edit: impl FnOnce(&mut Value)) -> PolicyError {
    refused_of(BEIJING, edit)
}

fn refused_of(text: &str, edit: impl FnOnce(&mut Value)) -> PolicyError {
    let mut document: Value = serde_json::from_str(text).unwrap();
    edit(&mut document);
    Policy::read(&document.to_string()).unwrap_err()
}

/// The pointer (`/a/0/b`) and the path (`a[0].b`) of every number, also of those that are written as text.
fn numbers(value: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                numbers(value, &format!("{pointer}/{name}"), &path, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                numbers(value, &format!("{pointer}/{index}"), &format!("{path}[{index}]"), found);
            }
        }
        Value::Number(_) => found.push((pointer.to_owned(), path.to_owned())),
        Value::String(text) if path.contains('.') && text.parse::<rust_decimal::Decimal>().is_ok() => {
            found.push((pointer.to_owned(), path.to_owned()));
        }
        _ => {}
    }
}

#[test]
fn ad_01_the_documents_of_this_folder_are_complete() {
    let shipped =
        [(BEIJING, "2023-01-01"), (RESIDENT, "2019-01-01"), (STUDENT, "2020-12-31"), (DEMONSTRATION, "2023-01-01")];
    for (text, from) in shipped {
        let policy = Policy::read(text).unwrap();
        assert_eq!(policy.effective_from.to_string(), from);
        assert_eq!(policy.demonstration, text == DEMONSTRATION);
    }
}

#[test]
fn ad_01_every_number_that_is_null_is_refused_with_its_path() {
    let mut found = Vec::new();
    numbers(&document(), "", "", &mut found);
    assert!(found.len() > 20, "{}", found.len());
    for (pointer, path) in found {
        let error = refused(|document| *document.pointer_mut(&pointer).unwrap() = Value::Null);
        assert_eq!(error, PolicyError { path, problem: Problem::Missing });
    }
}

#[test]
fn ad_01_every_number_that_is_absent_is_refused_with_a_path() {
    let mut found = Vec::new();
    numbers(&document(), "", "", &mut found);
    for (pointer, path) in found {
        // The one number that a region may not have.
        if path == "inpatient.deductible.settlement_cycle_days" {
            continue;
        }
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let error = refused(|document| {
            document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        });
        let at_the_row = path.contains(".age_");
        assert!(if at_the_row { path.starts_with(&error.path) } else { error.path == path }, "{path}: {error}");
    }
}

#[test]
fn ad_01_bands_with_a_gap_or_an_overlap_are_refused() {
    for (index, from) in [(0, "0.01"), (1, "30000.01"), (1, "29999.99"), (2, "39999.99")] {
        let error = refused(|document| document["inpatient"]["bands"][index]["from"] = json!(from));
        assert_eq!(error.path, format!("inpatient.bands[{index}].from"));
        assert!(matches!(error.problem, Problem::NotContiguous { .. }));
    }
    assert_eq!(refused(|document| document["inpatient"]["bands"][1]["to"] = json!("none")).path, "inpatient.bands[2]");
    assert_eq!(
        refused(|document| document["inpatient"]["bands"][1]["to"] = json!("30000.00")).path,
        "inpatient.bands[1].to"
    );
    assert_eq!(refused(|document| document["inpatient"]["bands"][2]["to"] = json!("90000.00")).path, "inpatient.bands");
    assert_eq!(
        refused(|document| document["outpatient"]["bands"][0]["to"] = json!("19999.99")).path,
        "outpatient.bands"
    );
    assert_eq!(refused(|document| document["inpatient"]["bands"] = json!([])).path, "inpatient.bands");
}

#[test]
fn ad_01_a_ratio_outside_zero_to_one_is_refused_with_its_path() {
    for ratio in [json!("1.01"), json!("-0.01"), json!("85%"), json!(0.85), json!("")] {
        let error = refused(|document| {
            document["inpatient"]["bands"][0]["fund_ratio"][0]["by_tier"]["TERTIARY"] = ratio;
        });
        assert_eq!(error.path, "inpatient.bands[0].fund_ratio[0].by_tier.TERTIARY");
    }
}

#[test]
fn ad_01_everybody_has_exactly_one_ratio() {
    let not_unique = |edit: fn(&mut Value)| {
        let error = refused(|document| edit(&mut document["outpatient"]["bands"][0]["fund_ratio"]));
        assert_eq!(error.path, "outpatient.bands[0].fund_ratio");
        assert!(matches!(error.problem, Problem::RatioNotUnique { .. }), "{error}");
    };
    not_unique(|rows| rows[2]["age_from"] = json!(71));
    not_unique(|rows| rows[2]["age_from"] = json!(69));
    not_unique(|rows| rows.as_array_mut().unwrap().clear());
    let foreign_tier =
        refused(|document| document["inpatient"]["bands"][0]["fund_ratio"][0]["by_tier"]["DISTRICT"] = json!("0.87"));
    assert_eq!(foreign_tier.path, "inpatient.bands[0].fund_ratio[0].by_tier.DISTRICT");
}

#[test]
fn ad_01_a_tier_without_its_numbers_is_refused_and_not_guessed() {
    let error = refused(|document| document["inpatient"]["tiers"] = json!(["DISTRICT", "TERTIARY"]));
    assert_eq!(
        error,
        PolicyError { path: "inpatient.deductible.per_stay.DISTRICT".to_owned(), problem: Problem::Missing }
    );
}

#[test]
fn ad_01_every_clause_names_a_source_that_the_document_lists() {
    let unknown = refused(|document| document["inpatient"]["bands"][0]["source"] = json!(["A9"]));
    assert_eq!((unknown.path.as_str(), unknown.problem), ("inpatient.bands[0].source", Problem::UnknownSource));
    let none = refused(|document| document["inpatient"]["pooled_ceiling"]["source"] = json!([]));
    assert_eq!((none.path.as_str(), none.problem), ("inpatient.pooled_ceiling.source", Problem::NoSource));
}

#[test]
fn ad_01_unknown_fields_words_and_formats_are_refused() {
    assert_eq!(refused(|document| document["inpatient"]["celing"] = json!("1.00")).path, "inpatient.celing");
    assert_eq!(refused(|document| document["scheme"] = json!("STUDENT")).path, "scheme");
    assert_eq!(refused(|document| document["format"] = json!("anjia.policy/2")).path, "format");
    assert_eq!(refused(|document| document["rounding"]["rule"] = json!("DOWN")).path, "rounding.rule");
    assert_eq!(refused(|document| document["effective"]["to"] = json!("2022-12-31")).path, "effective.to");
    assert_eq!(
        refused(|document| document["outpatient"]["cover_limit"]["value"] = json!("not_published")).path,
        "outpatient.cover_limit.value"
    );
    for text in ["", "{", "[]", "null"] {
        assert_eq!(Policy::read(text).unwrap_err().path, ".", "{text:?}");
    }
}

#[test]
fn ad_01_what_is_wrong_is_said_in_the_words_of_documents() {
    let cases = [
        ("effective", json!("2026"), "invalid type: string \"2026\", expected an object"),
        ("name", json!(5), "invalid type: integer `5`, expected an object"),
        ("inpatient", json!([]), "invalid list of length 0, expected an object"),
        ("sources", json!([]), "invalid type: list, expected an object"),
        ("stated", json!({}), "invalid type: object, expected a list"),
        ("id", json!({}), "invalid type: object, expected a string"),
        ("judged_on", json!("BIRTH"), "unknown word `BIRTH`, expected `ADMISSION` or `DISCHARGE`"),
        // What the author wrote stays as it is.
        ("effective", json!("a map, expected struct"), "invalid type: string \"a map, expected struct\", expected an "),
    ];
    for (field, value, said) in cases {
        let refused = refused(|document| document[field] = value).to_string();
        assert!(refused.starts_with(&format!("{field}: {said}")), "{refused}");
    }
}

#[test]
fn ad_01_policies_overlap_on_common_days_of_one_region_and_scheme_only() {
    let read = |from: &str, to: Value, region: &str| {
        let mut document = document();
        document["effective"] = json!({ "from": from, "to": to });
        document["region"] = json!(region);
        Policy::read(&document.to_string()).unwrap()
    };
    let first = read("2023-01-01", json!("2023-12-31"), "110000");
    let open = read("2023-12-31", Value::Null, "110000");
    let next = read("2024-01-01", Value::Null, "110000");
    let elsewhere = read("2023-01-01", Value::Null, "310000");
    assert!(first.overlaps(&open) && open.overlaps(&first) && open.overlaps(&next));
    assert!(!first.overlaps(&next) && !next.overlaps(&first) && !first.overlaps(&elsewhere));
    assert!(first.in_force_on(first.effective_to.unwrap()) && !first.in_force_on(next.effective_from));
}
