//! The shipped JSON Schema says what the reader reads: it accepts every document that the reader accepts, and refuses what is wrong in shape.
//! Gaps, overlaps and unlisted sources are beyond a schema; only the reader finds them.

use jsonschema::Validator;

use super::*;

fn schema() -> Validator {
    let schema: Value = serde_json::from_str(include_str!("../../../../policies/policy.schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn shipped() -> [Value; 4] {
    [BEIJING, RESIDENT, STUDENT, DEMONSTRATION].map(|text| serde_json::from_str(text).unwrap())
}

/// Every place of a document, as a pointer.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{pointer}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| places(value, &format!("{pointer}/{index}"), found));
        }
        _ => {}
    }
}

#[test]
fn ad_01_the_schema_accepts_every_shipped_document() {
    let schema = schema();
    for document in shipped() {
        let errors: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", document["id"]);
    }
}

#[test]
fn ad_01_whatever_is_taken_out_of_a_document_schema_and_reader_judge_alike() {
    let schema = schema();
    for document in shipped() {
        let mut found = Vec::new();
        places(&document, "", &mut found);
        for pointer in found.iter().filter(|pointer| !pointer.starts_with("/sources/")) {
            let Some((parent, name)) = pointer.rsplit_once('/') else { continue };
            let mut without = document.clone();
            let Some(fields) = without.pointer_mut(parent).and_then(Value::as_object_mut) else { continue };
            fields.remove(name);
            if Policy::read(&without.to_string()).is_ok() {
                assert!(schema.is_valid(&without), "{} reads without {pointer}", document["id"]);
            } else {
                // Beyond a schema: everybody's ratio once, by rows that stand beside each other.
                let by_row = pointer.contains("/fund_ratio/") || pointer.contains("/account_credit/rows/");
                let by_section =
                    ["/referral_chain", "/per_stay/", "/per_year_by_tier/"].iter().any(|place| pointer.contains(place));
                assert!(by_row || by_section || !schema.is_valid(&without), "{} without {pointer}", document["id"]);
            }
        }
    }
}

#[test]
fn ad_01_the_schema_refuses_what_the_reader_refuses_in_shape() {
    let schema = schema();
    let edits: [(&str, Value); 9] = [
        ("/inpatient/bands/0/fund_ratio/0/by_tier/TERTIARY", json!("1.01")),
        ("/inpatient/bands/0/fund_ratio/0/by_tier/TERTIARY", json!("85%")),
        ("/inpatient/bands/0/fund_ratio/0/by_tier/TERTIARY", json!(0.85)),
        ("/inpatient/pooled_ceiling/value", Value::Null),
        ("/inpatient/pooled_ceiling/value", json!("-1.00")),
        ("/inpatient/pooled_ceiling/source", json!([])),
        ("/outpatient/cover_limit/value", json!("not_published")),
        ("/scheme", json!("STUDENT")),
        ("/inpatient/deductible/settlement_cycle_days", json!(0)),
    ];
    for (pointer, value) in edits {
        let mut document = document();
        *document.pointer_mut(pointer).unwrap() = value;
        assert!(Policy::read(&document.to_string()).is_err(), "{pointer}");
        assert!(!schema.is_valid(&document), "{pointer}");
    }
    let mut document = document();
    document["inpatient"]["celing"] = json!("1.00");
    assert!(!schema.is_valid(&document));
}
