//! A policy document as a list of facts, each under a path that says for whom and where it holds, so that two documents can be compared
//! fact by fact whatever order they state them in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What tells the rows of a list apart: for whom they are.
const SELECTORS: [&str; 7] = ["groups", "retired", "age_from", "age_below", "own_clinic", "from", "of"];

/// Keys of objects, and for rows of lists what selects them: `[retired=true,age_from=70]`.
pub(super) type Path = Vec<String>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// A number, word or yes and no.
    One(String),
    /// Words without an order.
    Some(BTreeSet<String>),
}

/// Everything a document says, but for bands by tier, which are compared as ratios along the axis.
pub(super) fn facts(document: &Value) -> BTreeMap<Path, Fact> {
    let mut facts = BTreeMap::new();
    walk(document, &mut vec![], &mut facts);
    facts
}

fn walk(value: &Value, path: &mut Path, facts: &mut BTreeMap<Path, Fact>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push(name.clone());
                if !is_banded(path, field) {
                    walk(field, path, facts);
                }
                path.pop();
            }
        }
        Value::Array(rows) if rows.iter().any(Value::is_object) => {
            for row in rows {
                path.push(selector(row));
                walk(&without_selectors(row), path, facts);
                path.pop();
            }
        }
        Value::Array(words) => {
            let words = words.iter().map(shown).collect();
            facts.insert(path.clone(), Fact::Some(words));
        }
        one => {
            facts.insert(path.clone(), Fact::One(shown(one)));
        }
    }
}

/// `outpatient.bands` and the like, whose rows state ratios by tier.
pub(super) fn is_banded(path: &[String], value: &Value) -> bool {
    let states_rows = |band: &Value| band.get("fund_ratio").is_some_and(Value::is_array);
    path.len() == 2 && path[1] == "bands" && value.as_array().is_some_and(|bands| bands.iter().any(states_rows))
}

fn selector(row: &Value) -> String {
    let parts = SELECTORS.iter().filter_map(|name| {
        let value = row.get(name).filter(|value| !value.is_null())?;
        let value = match value {
            Value::Array(words) => {
                words.iter().map(shown).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("+")
            }
            one => shown(one),
        };
        Some(format!("{name}={value}"))
    });
    format!("[{}]", parts.collect::<Vec<_>>().join(","))
}

fn without_selectors(row: &Value) -> Value {
    let mut row = row.clone();
    if let Some(fields) = row.as_object_mut() {
        fields.retain(|name, _| !SELECTORS.contains(&name.as_str()));
    }
    row
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_known_by_whom_it_is_for() {
        let document = json!({
            "personal": { "rows": [{ "retired": true, "age_from": 70, "ratio": "0.05" }, { "retired": false, "ratio": "0.02" }] },
            "outpatient": { "tiers": ["B", "A"], "bands": [{ "fund_ratio": [] }], "deductible": { "per_year": { "active": "1.00" } } },
        });
        let facts = facts(&document);
        let shown: Vec<(String, Fact)> = facts.into_iter().map(|(path, fact)| (path.join("."), fact)).collect();
        let words = BTreeSet::from(["A".to_owned(), "B".to_owned()]);
        assert_eq!(
            shown,
            [
                ("outpatient.deductible.per_year.active".to_owned(), Fact::One("1.00".to_owned())),
                ("outpatient.tiers".to_owned(), Fact::Some(words)),
                ("personal.rows.[retired=false].ratio".to_owned(), Fact::One("0.02".to_owned())),
                ("personal.rows.[retired=true,age_from=70].ratio".to_owned(), Fact::One("0.05".to_owned())),
            ]
        );
    }
}
