//! What is payable for some persons, diagnoses, providers or kinds of care only. A hit is about a whole line.

use chrono::{Datelike as _, NaiveDate};

use super::{Hit, lines_of};
use crate::domain::input::age_on;
use crate::domain::inspection::case::{BilledItem, Case};
use crate::domain::inspection::code::Codes;
use crate::domain::inspection::document::{Age, AgePoint, DiagnosisPoint, SexPoint, TierPoint, VisitKindPoint};
use crate::domain::inspection::evidence::Fact;

pub(super) fn other_insurance(case: &Case, items: &Codes) -> Vec<Hit> {
    if !case.is_insured {
        return vec![];
    }
    whole(lines_of(case, items), |_| Some(vec![Fact::found("paid_by", "basic medical insurance")]))
}

pub(super) fn excluded(case: &Case, items: &Codes, alone_among: Option<&Codes>) -> Vec<Hit> {
    whole(lines_of(case, items), |line| {
        let Some(among) = alone_among else { return Some(vec![]) };
        let beside = case.lines.iter().filter(|other| other.on == line.on && among.has_item(other));
        let is_alone = beside.clone().all(|other| items.has_item(other));
        is_alone.then(|| vec![Fact::found("items_of_the_prescription", beside.count())])
    })
}

pub(super) fn age(case: &Case, points: &[AgePoint]) -> Vec<Hit> {
    let born = case.patient.birth_date;
    let mut hits = vec![];
    for point in points {
        let is_outside = |on: NaiveDate| {
            point.from.is_some_and(|from| !reached(from, born, on))
                || point.below.is_some_and(|below| reached(below, born, on))
        };
        let facts = |on: NaiveDate| {
            let mut facts =
                vec![Fact::found("age_years", age_on(born, on)), Fact::found("age_days", (on - born).num_days())];
            facts.extend(point.from.map(|from| Fact::limit("from_age", shown(from))));
            facts.extend(point.below.map(|below| Fact::limit("below_age", shown(below))));
            facts
        };
        hits.extend(whole(lines_of(case, &point.items), |line| is_outside(line.on).then(|| facts(line.on))));
        hits.extend(diagnoses(case, &point.diagnoses, || is_outside(case.from).then(|| facts(case.from))));
    }
    hits
}

pub(super) fn sex(case: &Case, points: &[SexPoint]) -> Vec<Hit> {
    let Some(sex) = case.patient.sex else { return vec![] };
    let mut hits = vec![];
    for point in points.iter().filter(|point| point.sex != sex) {
        let facts = || vec![Fact::limit("sex", format!("{:?}", point.sex)), Fact::found("sex", format!("{sex:?}"))];
        hits.extend(whole(lines_of(case, &point.items), |_| Some(facts())));
        hits.extend(diagnoses(case, &point.diagnoses, || Some(facts())));
        hits.extend(procedures(case, &point.procedures, facts));
    }
    hits
}

pub(super) fn indication(case: &Case, points: &[DiagnosisPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        if case.diagnoses.iter().any(|code| point.any_of.has_diagnosis(code)) {
            continue;
        }
        let facts = || vec![Fact::limit("diagnoses", &point.any_of), Fact::found("matching_diagnoses", 0)];
        hits.extend(whole(lines_of(case, &point.items), |_| Some(facts())));
        hits.extend(procedures(case, &point.procedures, facts));
    }
    hits
}

pub(super) fn contraindication(case: &Case, points: &[DiagnosisPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        let Some(index) = case.diagnoses.iter().position(|code| point.any_of.has_diagnosis(code)) else { continue };
        let facts = || vec![Fact::limit("not_with_diagnoses", &point.any_of), Fact::Diagnosis { position: index + 1 }];
        hits.extend(whole(lines_of(case, &point.items), |_| Some(facts())));
        hits.extend(procedures(case, &point.procedures, facts));
    }
    hits
}

pub(super) fn tier(case: &Case, points: &[TierPoint]) -> Vec<Hit> {
    let below = points.iter().filter(|point| case.tier < point.lowest);
    below
        .flat_map(|point| {
            whole(lines_of(case, &point.items), |_| {
                Some(vec![Fact::limit("lowest_tier", point.lowest.as_str()), Fact::found("tier", case.tier.as_str())])
            })
        })
        .collect()
}

pub(super) fn visit_kind(case: &Case, points: &[VisitKindPoint]) -> Vec<Hit> {
    let elsewhere = points.iter().filter(|point| !point.kinds.contains(&case.kind));
    elsewhere
        .flat_map(|point| {
            let kinds: Vec<&str> = point.kinds.iter().map(|kind| kind.as_str()).collect();
            whole(lines_of(case, &point.items), move |_| {
                Some(vec![
                    Fact::limit("kinds_of_care", kinds.join(", ")),
                    Fact::found("kind_of_care", case.kind.as_str()),
                ])
            })
        })
        .collect()
}

/// A hit for every line for which there are facts.
fn whole(lines: Vec<(usize, &BilledItem)>, facts: impl Fn(&BilledItem) -> Option<Vec<Fact>>) -> Vec<Hit> {
    lines.into_iter().filter_map(|(index, line)| Some(Hit::line(index, line, facts(line)?))).collect()
}

/// A hit on the claim for the first diagnosis that the codes match.
fn diagnoses(case: &Case, codes: &Codes, facts: impl Fn() -> Option<Vec<Fact>>) -> Option<Hit> {
    let index = case.diagnoses.iter().position(|code| codes.has_diagnosis(code))?;
    let mut facts = facts()?;
    facts.push(Fact::Diagnosis { position: index + 1 });
    Some(Hit::claim(case, facts))
}

/// The same for the first procedure.
fn procedures(case: &Case, codes: &Codes, facts: impl Fn() -> Vec<Fact>) -> Option<Hit> {
    let index = case.procedures.iter().position(|code| codes.has_procedure(code))?;
    let mut facts = facts();
    facts.push(Fact::Procedure { position: index + 1 });
    Some(Hit::claim(case, facts))
}

fn reached(age: Age, born: NaiveDate, on: NaiveDate) -> bool {
    match age {
        Age::Days(days) => (on - born).num_days() >= i64::from(days),
        Age::Years(years) => on.year() >= born.year() && age_on(born, on) >= years,
    }
}

fn shown(age: Age) -> String {
    match age {
        Age::Years(years) => format!("{years} years"),
        Age::Days(days) => format!("{days} days"),
    }
}
