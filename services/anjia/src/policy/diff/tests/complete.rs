//! Nothing that a document can say is left out, and nothing is called by its key.

use std::collections::BTreeSet;

use adjudication::domain::policy::Policy;
use serde_json::{Value, json};

use super::{BEIJING, DEMONSTRATION, RESIDENT};
use crate::policy::diff::words::{place, value};
use crate::policy::diff::{change, ratios};

const STUDENT: &str = include_str!("../../../../../adjudication/policies/hangzhou-student-resident.json");
const SCHEMA: &str = include_str!("../../../../../adjudication/policies/policy.schema.json");

/// What a leaf may say instead, beside the words of the schema and the sources that the document lists.
const OTHERWISE: [&str; 8] = ["0.01", "0.02", "1.00", "20000.00", "2029-12-31", "110105", "Another text", "PROJECT"];

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// Keys of objects and words of lists of words, wherever the schema names them.
fn named(schema: &Value, keys: &mut BTreeSet<String>, words: &mut BTreeSet<String>) {
    let Some(fields) = schema.as_object() else {
        schema.as_array().into_iter().flatten().for_each(|part| named(part, keys, words));
        return;
    };
    for (name, part) in fields {
        match (name.as_str(), part) {
            ("properties", Value::Object(properties)) => {
                keys.extend(properties.keys().cloned());
                properties.values().for_each(|part| named(part, keys, words));
            }
            ("enum", Value::Array(listed)) => words.extend(listed.iter().filter_map(Value::as_str).map(str::to_owned)),
            ("const", Value::String(word)) => {
                words.insert(word.clone());
            }
            _ => named(part, keys, words),
        }
    }
}

#[test]
fn ad_01_every_key_and_every_word_of_a_policy_has_a_name_in_both_languages() {
    let (mut keys, mut words) = (BTreeSet::new(), BTreeSet::new());
    named(&schema(), &mut keys, &mut words);
    // The same in every document: it never changes.
    words.remove("anjia.policy/1");
    assert!(keys.contains("by_tier") && words.contains("REFERRED_BY"), "{keys:?} {words:?}");
    let called_by_key = |key: &&String, [zh, en]: [String; 2]| zh == **key || (en == **key && !key.contains("from"));
    let unnamed: Vec<&String> = keys
        .iter()
        .filter(|key| place(&[(*key).clone()])[0] == **key)
        .chain(words.iter().filter(|word| called_by_key(word, value(&[], word))))
        .collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}

/// Every place with a single value, as a pointer.
fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| leaves(field, &format!("{pointer}/{name}"), found));
        }
        Value::Array(rows) => {
            rows.iter().enumerate().for_each(|(index, row)| leaves(row, &format!("{pointer}/{index}"), found));
        }
        _ => found.push(pointer.to_owned()),
    }
}

fn otherwise(leaf: &Value, words: &BTreeSet<String>) -> Vec<Value> {
    match leaf {
        Value::Bool(yes) => vec![json!(!yes)],
        Value::Number(number) => vec![json!(number.as_u64().unwrap_or_default() + 1)],
        _ => {
            let texts = OTHERWISE.into_iter().chain(words.iter().map(String::as_str));
            texts.map(Value::from).filter(|text| text != leaf).collect()
        }
    }
}

#[test]
fn ad_01_whatever_changes_in_a_shipped_policy_is_reported() {
    let mut words = BTreeSet::new();
    named(&schema(), &mut BTreeSet::new(), &mut words);
    for text in [BEIJING, RESIDENT, STUDENT, DEMONSTRATION] {
        let document: Value = serde_json::from_str(text).unwrap();
        let mut words = words.clone();
        words.extend(document["sources"].as_object().unwrap().keys().cloned());
        let mut found = vec![];
        leaves(&document, "", &mut found);
        let mut changed_leaves = 0;
        for pointer in &found {
            let mut is_changed = false;
            for other in otherwise(document.pointer(pointer).unwrap(), &words) {
                let mut new = document.clone();
                *new.pointer_mut(pointer).unwrap() = other.clone();
                if Policy::read(&new.to_string()).is_err() {
                    continue;
                }
                let reported = [ratios::compare(&document, &new), change::compare(&document, &new)].concat();
                assert!(!reported.is_empty(), "{}: {pointer} becomes {other}", document["id"]);
                is_changed = true;
            }
            changed_leaves += usize::from(is_changed);
        }
        // The others bind one another, such as where one band ends and the next begins.
        assert!(changed_leaves * 10 > found.len() * 7, "{}: {changed_leaves} of {}", document["id"], found.len());
    }
}
