//! The claim as a whole: its days, and the person's other visits.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use types::care::CareKind;

use super::Hit;
use crate::domain::inspection::case::{Case, Past};
use crate::domain::inspection::code::Codes;
use crate::domain::inspection::evidence::Fact;

pub(super) fn principal_diagnosis(case: &Case, never: &Codes) -> Vec<Hit> {
    match case.diagnoses.first() {
        Some(principal) if never.has_diagnosis(principal) => {
            vec![Hit::claim(case, vec![Fact::Diagnosis { position: 1 }, Fact::limit("never_principal", never)])]
        }
        _ => vec![],
    }
}

/// A hit on the claim for every code that the list does not know.
pub(super) fn procedure_code(case: &Case, known: &Codes) -> Vec<Hit> {
    let unknown = case.procedures.iter().enumerate().filter(|(_, code)| !known.has_procedure(code));
    let facts: Vec<Fact> = unknown.map(|(index, _)| Fact::Procedure { position: index + 1 }).collect();
    if facts.is_empty() { vec![] } else { vec![Hit::claim(case, facts)] }
}

pub(super) fn late_claim(case: &Case, max_days: u32) -> Vec<Hit> {
    let days = (case.received_on - case.until).num_days();
    if days <= i64::from(max_days) {
        return vec![];
    }
    vec![Hit::claim(case, vec![Fact::limit("days_after_care", max_days), Fact::found("days_after_care", days)])]
}

pub(super) fn stay_dates(case: &Case) -> Vec<Hit> {
    let outside = case.lines.iter().enumerate().filter(|(_, line)| !(case.from..=case.until).contains(&line.on));
    let facts = || vec![Fact::limit("from", case.from), Fact::limit("until", case.until)];
    outside.map(|(index, line)| Hit::line(index, line, facts())).collect()
}

/// A stay at the same institution shortly after the last one. Who was referred, and stays that are planned in turns, are no split.
pub(super) fn split_admission(case: &Case, gap_days: u32, planned: &Codes) -> Vec<Hit> {
    let is_planned = case.diagnoses.iter().any(|code| planned.has_diagnosis(code));
    if case.kind != CareKind::Inpatient || case.is_referred || is_planned {
        return vec![];
    }
    let gap = |past: &Past| (case.from - past.until).num_days();
    let is_close = |past: &&Past| {
        past.kind == CareKind::Inpatient
            && past.provider == case.provider
            && (0..=i64::from(gap_days)).contains(&gap(past))
    };
    let last = case.history.iter().filter(is_close).max_by_key(|past| (past.until, past.claim));
    let hit = last.map(|past| {
        let facts = vec![Fact::visit(past), Fact::limit("gap_days", gap_days), Fact::found("gap_days", gap(past))];
        Hit::claim(case, facts)
    });
    hit.into_iter().collect()
}

/// More visits of some kinds, this one included, than a window allows.
pub(super) fn visits(case: &Case, kinds: &[CareKind], items: &Codes, most: u32, window_days: u32) -> Vec<Hit> {
    let counts = |lines: &[crate::domain::inspection::case::BilledItem]| {
        items.is_empty() || lines.iter().any(|line| items.has_item(line))
    };
    if !kinds.contains(&case.kind) || !counts(&case.lines) {
        return vec![];
    }
    let first = case.from.checked_sub_days(Days::new(window_days.saturating_sub(1).into())).unwrap_or(NaiveDate::MIN);
    let mut earlier: Vec<&Past> = case
        .history
        .iter()
        .filter(|past| (first..=case.from).contains(&past.from) && kinds.contains(&past.kind) && counts(&past.lines))
        .collect();
    earlier.sort_by_key(|past| (past.from, past.claim));
    let found = earlier.len() + 1;
    if found <= usize::try_from(most).unwrap_or(usize::MAX) {
        return vec![];
    }
    let mut facts =
        vec![Fact::limit("visits", most), Fact::limit("window_days", window_days), Fact::found("visits", found)];
    facts.extend(earlier.into_iter().map(Fact::visit));
    vec![Hit::claim(case, facts)]
}

/// A stay with days on which nothing but bed and nursing was charged, one after another; or during which the person was seen elsewhere.
pub(super) fn hang_bed(case: &Case, not_care: &Codes, idle_days: u32) -> Vec<Hit> {
    if case.kind != CareKind::Inpatient {
        return vec![];
    }
    let cared: BTreeSet<NaiveDate> =
        case.lines.iter().filter(|line| !not_care.has_item(line)).map(|line| line.on).collect();
    let (mut idle, mut worst, mut began) = (0_i64, 0_i64, case.from);
    let mut day = Some(case.from);
    // Discharge is not a day of care that could be missed.
    while let Some(today) = day.filter(|today| *today < case.until) {
        idle = if cared.contains(&today) { 0 } else { idle + 1 };
        if idle > worst {
            (worst, began) = (idle, today - Days::new(u64::try_from(idle - 1).unwrap_or(0)));
        }
        day = today.succ_opt();
    }
    let mut facts = vec![];
    if worst >= i64::from(idle_days.max(1)) {
        facts = vec![
            Fact::limit("days_without_care", idle_days),
            Fact::found("days_without_care", worst),
            Fact::found("from", began),
        ];
    }
    let away = case.history.iter().filter(|past| {
        past.kind != CareKind::Inpatient
            && past.provider != case.provider
            && past.from > case.from
            && past.from < case.until
    });
    facts.extend(away.map(Fact::visit));
    if facts.is_empty() { vec![] } else { vec![Hit::claim(case, facts)] }
}
