//! Records from a file: `[{"sex": 1, "age": 63, "age_days": 23011, "weight_g": null, "dx": ["I63.900"], "proc": ["01.2400"],
//! "expected": "BB15", "cost": "31820.55"}]`. Sex as GB/T 2261.1, codes with the principal first.
//!
//! A value that cannot be used (a negative age, a sex that is none) says nothing, as if it were absent, and is named beside the answer:
//! whatever a record says, it is answered.

use std::path::Path;

use anyhow::{Context, Result};
use drg::{Record, Sex};
use serde_json::Value;
use types::money::Money;

/// Read from standard input instead of a file.
const STANDARD_INPUT: &str = "-";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) record: Record,
    /// What it should be grouped as, if it says so.
    pub(super) expected: Option<String>,
    /// What it cost, if it says so.
    pub(super) cost: Option<Money>,
    /// Fields that say nothing that can be used.
    pub(super) unusable: Vec<&'static str>,
}

pub(super) fn read(path: &Path) -> Result<Vec<Case>> {
    let text = if path == Path::new(STANDARD_INPUT) {
        std::io::read_to_string(std::io::stdin()).context("standard input")?
    } else {
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?
    };
    parse(&text).with_context(|| format!("the cases in {}", path.display()))
}

pub(super) fn parse(text: &str) -> Result<Vec<Case>> {
    let values: Vec<Value> = serde_json::from_str(text).context("not a JSON array of records")?;
    Ok(values.iter().map(case).collect())
}

fn case(value: &Value) -> Case {
    let mut unusable = Vec::new();
    let mut usable = |field: &'static str, is_usable: bool| {
        if !is_usable {
            unusable.push(field);
        }
    };
    let number = |field: &str| {
        let number = value[field].as_u64().and_then(|number| u32::try_from(number).ok());
        (number, value[field].is_null() || number.is_some())
    };
    let sex = value["sex"].as_i64().and_then(Sex::from_code);
    usable("sex", value["sex"].is_null() || sex.is_some());
    let mut numbers = [None; 3];
    for (slot, field) in numbers.iter_mut().zip(["age", "age_days", "weight_g"]) {
        let (read, is_usable) = number(field);
        *slot = read;
        usable(field, is_usable);
    }
    let [age_years, age_days, weight_g] = numbers;
    let (diagnoses, are_usable) = codes(&value["dx"]);
    usable("dx", are_usable);
    let (procedures, are_usable) = codes(&value["proc"]);
    usable("proc", are_usable);
    let cost = value["cost"].as_str().and_then(|cost| cost.parse().ok()).filter(|cost: &Money| !cost.is_negative());
    usable("cost", value["cost"].is_null() || cost.is_some());
    Case {
        record: Record { sex, age_years, age_days, weight_g, diagnoses, procedures },
        expected: value["expected"].as_str().map(str::to_owned),
        cost,
        unusable,
    }
}

/// The codes of a list. One that is no text keeps its place, so that no other becomes the principal, and is known to no table.
fn codes(value: &Value) -> (Vec<String>, bool) {
    let Some(items) = value.as_array() else { return (Vec::new(), value.is_null()) };
    let texts = items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect();
    (texts, items.iter().all(Value::is_string))
}
