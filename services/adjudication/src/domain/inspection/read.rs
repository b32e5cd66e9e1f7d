//! From a document to a rule book: rules of the library only, each with the kind it has there, with sources, and no number missing.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::book::{Configured, RuleBook, Supervision};
use super::code::Codes;
use super::document::{Document, Format, Frame, Settings};
use super::library::Library;
use crate::domain::document::in_words;
use crate::domain::localized::Localized;
use crate::domain::supervision::{REWARD_MAX, REWARD_MIN};

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct RuleBookError {
    /// The path in the document, such as `rules.N25-049`.
    pub path: String,
    pub problem: String,
}

type Read<T> = Result<T, RuleBookError>;

/// A window longer than this would read a person's whole life with every claim.
const WINDOW_DAYS_MAX: u32 = 730;
const POINTS: i64 = 100;

#[expect(clippy::needless_pass_by_value, reason = "texts of either kind")]
fn refused(path: impl Into<String>, problem: impl ToString) -> RuleBookError {
    RuleBookError { path: path.into(), problem: problem.to_string() }
}

pub(super) fn rule_book(text: &str) -> Read<RuleBook> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document: Document = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| refused(error.path().to_string(), in_words(error.inner())))?;
    let Format::V1 = document.format;
    if document.id.is_empty() {
        return Err(refused("id", "is empty"));
    }
    let mut rules = vec![];
    for (id, settings) in &document.rules {
        rules.push(configured(id, settings, &document.sources)?);
    }
    check_supervision(&document.supervision)?;
    let book = RuleBook {
        id: document.id,
        region: document.region,
        name: document.name,
        demonstration: document.demonstration,
        effective_from: document.effective_from,
        rules,
        supervision: document.supervision,
    };
    if book.window_days() > WINDOW_DAYS_MAX {
        return Err(refused("rules", format!("a window is longer than {WINDOW_DAYS_MAX} days")));
    }
    Ok(book)
}

fn configured(id: &str, json: &Value, sources: &BTreeMap<String, Localized>) -> Read<Configured> {
    let path = format!("rules.{id}");
    let library = Library::national();
    let rule = library.rule(id).ok_or_else(|| refused(&path, "is no rule of the library"))?;
    let Some(kind) = rule.kind else {
        return Err(refused(&path, "cannot be decided from a claim; leave it out"));
    };
    let frame: Frame = serde_json::from_value(json.clone()).map_err(|error| refused(&path, in_words(&error)))?;
    if frame.kind != kind {
        return Err(refused(format!("{path}.kind"), "is not the kind of this rule in the library"));
    }
    let cited = frame.source.iter().map(|key| sources.get(key).cloned());
    let cited = cited.collect::<Option<Vec<_>>>().filter(|cited| !cited.is_empty());
    let cited = cited.ok_or_else(|| refused(format!("{path}.source"), "names no source that the document lists"))?;

    let mut json = json.clone();
    if let Some(fields) = json.as_object_mut() {
        fields.remove("source");
        fields.remove("national_points");
        if frame.national_points {
            let national = library.points(id).and_then(Value::as_array);
            let national = national.ok_or_else(|| refused(format!("{path}.national_points"), "there are none"))?;
            let points = fields.entry("points").or_insert_with(|| Value::Array(vec![]));
            if let Some(points) = points.as_array_mut() {
                points.extend(national.iter().cloned());
            }
        }
    }
    let settings: Settings = serde_json::from_value(json).map_err(|error| refused(&path, in_words(&error)))?;
    check(&settings).map_err(|problem| refused(&path, problem))?;
    Ok(Configured { rule: id.to_owned(), settings, sources: cited })
}

/// What types alone do not say.
fn check(settings: &Settings) -> Result<(), &'static str> {
    let named = |items: &Codes| if items.is_empty() { Err("a point lists no items") } else { Ok(()) };
    let positive = |number: &Decimal| if *number > Decimal::ZERO { Ok(()) } else { Err("a limit must be positive") };
    match settings {
        Settings::Age { points } => points.iter().try_for_each(|point| {
            if point.items.is_empty() && point.diagnoses.is_empty() {
                return Err("a point lists neither items nor diagnoses");
            }
            if point.from.is_none() && point.below.is_none() {
                return Err("a point states no age: `from`, `below` or both; there is no national child age");
            }
            Ok(())
        }),
        Settings::Sex { points } => points.iter().try_for_each(|point| {
            let lists_none = point.items.is_empty() && point.diagnoses.is_empty() && point.procedures.is_empty();
            if lists_none { Err("a point lists neither items nor diagnoses nor procedures") } else { Ok(()) }
        }),
        Settings::Indication { points } | Settings::Contraindication { points } => {
            points.iter().try_for_each(|point| {
                let lists_none = point.items.is_empty() && point.procedures.is_empty();
                if lists_none { Err("a point lists neither items nor procedures") } else { Ok(()) }
            })
        }
        Settings::ProcedureCode { known } if known.is_empty() => Err("the list of codes is empty"),
        Settings::PeriodFrequency { points } => points.iter().try_for_each(|point| {
            named(&point.items)?;
            match (point.min_interval_days, point.most, point.window_days) {
                (_, Some(most), Some(_)) => positive(&most),
                (Some(_), None, None) => Ok(()),
                _ => Err("a point states `min_interval_days`, or `most` with `window_days`"),
            }
        }),
        Settings::UnitFrequency { points, .. } => {
            points.iter().try_for_each(|point| named(&point.items).and_then(|()| positive(&point.most)))
        }
        Settings::Quantity { points } => {
            points.iter().try_for_each(|point| named(&point.items).and_then(|()| positive(&point.most)))
        }
        Settings::Share { items, .. }
        | Settings::ItemKinds { items, .. }
        | Settings::OtherInsurance { items }
        | Settings::Excluded { items, .. } => named(items),
        Settings::Visits { kinds, .. } if kinds.is_empty() => Err("names no kind of visit"),
        _ => Ok(()),
    }
}

fn check_supervision(supervision: &Supervision) -> Read<()> {
    if supervision.outlier_score <= Decimal::ZERO {
        return Err(refused("supervision.outlier_score", "must be positive"));
    }
    if supervision.reward_min.decimal() < REWARD_MIN || supervision.reward_min > supervision.reward_max {
        return Err(refused("supervision.reward_min", format!("must be from {REWARD_MIN} to reward_max")));
    }
    if supervision.reward_max.decimal() > REWARD_MAX {
        return Err(refused("supervision.reward_max", format!("must be at most {REWARD_MAX}")));
    }
    let mut points = Decimal::ZERO;
    for (index, standard) in supervision.assessment.iter().enumerate() {
        let path = format!("supervision.assessment[{index}]");
        if standard.full_at.decimal() >= standard.none_at.decimal() {
            return Err(refused(path, "full_at must be below none_at"));
        }
        if standard.points <= Decimal::ZERO {
            return Err(refused(path, "points must be positive"));
        }
        points = points.checked_add(standard.points).ok_or_else(|| refused(path, "is too large"))?;
    }
    if points != Decimal::from(POINTS) {
        return Err(refused("supervision.assessment", "points must add up to 100"));
    }
    Ok(())
}
