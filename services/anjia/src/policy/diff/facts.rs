//! A policy document as a list of facts, each under a path that says for whom and where it holds, so that two documents can be compared
//! fact by fact whatever order they state them in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// What tells the rows of a list apart: for whom they are.
const SELECTORS: [&str; 7] = ["groups", "retired", "age_from", "age_below", "own_clinic", "from", "of"];

/// Keys of objects, and for rows of lists what selects them: `[retired=true,age_from=70]`. A row that nothing selects is known by its
/// content, but for its source: `{"en":"…","zh":"…"}`.
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
                let (known_by, rest) = told_apart(row);
                path.push(known_by);
                walk(&rest, path, facts);
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

/// What tells a row from its neighbours, and what it then says.
fn told_apart(row: &Value) -> (String, Value) {
    let Some(fields) = row.as_object() else { return (shown(row), Value::Null) };
    let is_selector = |name: &str| SELECTORS.contains(&name);
    let selects = fields.iter().any(|(name, value)| is_selector(name) && !value.is_null());
    let is_known_by = |name: &str| if selects { is_selector(name) } else { name != "source" };
    let (known_by, rest): (Vec<_>, Vec<_>) = fields.iter().partition(|(name, _)| is_known_by(name));
    let rest = rest.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let known_by: BTreeMap<_, _> = known_by.into_iter().collect();
    (if selects { selector(row) } else { json!(known_by).to_string() }, Value::Object(rest))
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

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_nothing_selects_are_each_known_by_what_they_say() {
        let document = json!({ "stated": [
            { "zh": "甲", "en": "one", "source": ["A"] },
            { "zh": "乙", "en": "two", "source": ["A"] },
        ] });
        let paths: Vec<String> = facts(&document).into_keys().map(|path| path.join(".")).collect();
        assert_eq!(paths, [r#"stated.{"en":"one","zh":"甲"}.source"#, r#"stated.{"en":"two","zh":"乙"}.source"#]);
    }

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
