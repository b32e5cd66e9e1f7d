//! What earlier claims of the same person have to do with this one.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use types::money::Money;

use super::{Hit, lines_of, sum};
use crate::domain::inspection::case::{BilledItem, Case, Past};
use crate::domain::inspection::code::Codes;
use crate::domain::inspection::document::{CoursePoint, PeriodPoint, PriorPoint, TotalPoint, ValidityPoint};
use crate::domain::inspection::evidence::Fact;
use crate::domain::inspection::money::of_quantity;

/// No earlier charge of what must be tried first.
pub(super) fn prior_item(case: &Case, points: &[PriorPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        for (index, line) in lines_of(case, &point.items) {
            let here = case.lines.iter().any(|other| other.on <= line.on && point.after.has_item(other));
            let earlier = || past_lines(case, &point.after, back(line.on, point.window_days), line.on).next().is_some();
            if !here && !earlier() {
                let facts = vec![Fact::limit("after", &point.after), Fact::limit("window_days", point.window_days)];
                hits.push(Hit::line(index, line, facts));
            }
        }
    }
    hits
}

/// Too soon after the last time, or too much in a window that ends with the line.
pub(super) fn period_frequency(case: &Case, points: &[PeriodPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        for (index, line) in lines_of(case, &point.items) {
            let too_soon = point.min_interval_days.and_then(|days| {
                let since = (line.on - back(line.on, days)).num_days();
                last_before(case, &point.items, line.on).filter(|(on, _)| (line.on - *on).num_days() < since).map(
                    |(on, fact)| {
                        let found = Fact::found("days_since", (line.on - on).num_days());
                        Hit::line(index, line, vec![fact, Fact::limit("min_interval_days", days), found])
                    },
                )
            });
            if too_soon.is_some() {
                hits.extend(too_soon);
                continue;
            }
            let (Some(most), Some(window_days)) = (point.most, point.window_days) else { continue };
            let from = back(line.on, window_days.saturating_sub(1));
            let before = lines_of(case, &point.items);
            let before =
                before.iter().filter(|(other, before)| before.on >= from && (before.on, *other) < (line.on, index));
            let earlier: Vec<_> = past_lines(case, &point.items, from, line.on).collect();
            let so_far =
                sum(before.map(|(_, line)| line.quantity).chain(earlier.iter().map(|(_, line)| line.quantity)));
            let excess = sum([so_far, line.quantity]) - most.max(so_far);
            if excess > Decimal::ZERO {
                let mut facts = vec![
                    Fact::limit("quantity", most),
                    Fact::limit("window_days", window_days),
                    Fact::found("quantity", sum([so_far, line.quantity])),
                ];
                facts.extend(earlier.iter().map(|(past, line)| Fact::earlier(past, line)));
                hits.push(Hit::part(index, line, of_quantity(line, excess), facts));
            }
        }
    }
    hits
}

/// More days of charge in the window than the course has. Days are counted as they were charged: an item taken home counts once, so
/// that the count is never too high.
pub(super) fn course(case: &Case, window_days: u32, points: &[CoursePoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        let from = back(case.until, window_days.saturating_sub(1));
        let mut days: BTreeSet<NaiveDate> =
            past_lines(case, &point.items, from, case.until).map(|(_, line)| line.on).collect();
        let earlier = days.len();
        let mut lines = lines_of(case, &point.items);
        lines.sort_by_key(|(index, line)| (line.on, *index));
        for (index, line) in lines {
            days.insert(line.on);
            if days.len() > usize::try_from(point.max_days).unwrap_or(usize::MAX) {
                let facts = vec![
                    Fact::limit("days", point.max_days),
                    Fact::limit("window_days", window_days),
                    Fact::found("days", days.len()),
                    Fact::found("days_in_earlier_claims", earlier),
                ];
                hits.push(Hit::line(index, line, facts));
            }
        }
    }
    hits
}

/// More money for some items in a window than is payable.
pub(super) fn payable_total(case: &Case, points: &[TotalPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        let from = back(case.until, point.window_days.saturating_sub(1));
        let before = past_lines(case, &point.items, from, case.until).map(|(_, line)| line.amount);
        let mut so_far = add(before);
        let mut lines = lines_of(case, &point.items);
        lines.sort_by_key(|(index, line)| (line.on, *index));
        for (index, line) in lines {
            let room = point.max_amount.less_at_most(so_far);
            so_far = add([so_far, line.amount]);
            let excess = line.amount.less_at_most(room);
            if excess.is_positive() {
                let facts = vec![
                    Fact::limit("amount", point.max_amount),
                    Fact::limit("window_days", point.window_days),
                    Fact::found("amount", so_far),
                ];
                hits.push(Hit::part(index, line, excess, facts));
            }
        }
    }
    hits
}

/// A test whose last result was still valid, whoever made it.
pub(super) fn repeat_test(case: &Case, points: &[ValidityPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        for (index, line) in lines_of(case, &point.items) {
            let from = back(line.on, point.validity_days);
            // The same claim may have a test of the same day twice; that is for other rules.
            let last = past_lines(case, &point.items, from, line.on)
                .filter(|(_, earlier)| earlier.item_code == line.item_code && earlier.on < line.on)
                .max_by_key(|(past, earlier)| (earlier.on, past.claim));
            if let Some((past, earlier)) = last {
                let facts = vec![
                    Fact::earlier(past, earlier),
                    Fact::limit("validity_days", point.validity_days),
                    Fact::found("days_since", (line.on - earlier.on).num_days()),
                ];
                hits.push(Hit::line(index, line, facts));
            }
        }
    }
    hits
}

/// The same item for the same person on the same day in another claim.
pub(super) fn duplicate(case: &Case, except: &Codes) -> Vec<Hit> {
    let lines = case.lines.iter().enumerate().filter(|(_, line)| !except.has_item(line));
    lines
        .filter_map(|(index, line)| {
            let is_same = |other: &&BilledItem| other.item_code == line.item_code && other.on == line.on;
            let twin = case.history.iter().find_map(|past| past.lines.iter().find(is_same).map(|other| (past, other)));
            twin.map(|(past, other)| Hit::line(index, line, vec![Fact::earlier(past, other)]))
        })
        .collect()
}

/// Lines of earlier claims on days from–until that some codes match.
fn past_lines<'a>(
    case: &'a Case,
    items: &'a Codes,
    from: NaiveDate,
    until: NaiveDate,
) -> impl Iterator<Item = (&'a Past, &'a BilledItem)> {
    let lines = case.history.iter().flat_map(|past| past.lines.iter().map(move |line| (past, line)));
    lines.filter(move |(_, line)| (from..=until).contains(&line.on) && items.has_item(line))
}

/// The last day before, in this claim or another, on which some codes were charged.
fn last_before(case: &Case, items: &Codes, on: NaiveDate) -> Option<(NaiveDate, Fact)> {
    let here = lines_of(case, items).into_iter().filter(|(_, line)| line.on < on).max_by_key(|(_, line)| line.on);
    let here = here.map(|(index, line)| (line.on, Fact::line(index, line)));
    let day_before = on.pred_opt()?;
    let elsewhere =
        past_lines(case, items, NaiveDate::MIN, day_before).max_by_key(|(past, line)| (line.on, past.claim));
    let elsewhere = elsewhere.map(|(past, line)| (line.on, Fact::earlier(past, line)));
    match (here, elsewhere) {
        (Some(here), Some(elsewhere)) if elsewhere.0 > here.0 => Some(elsewhere),
        (None, elsewhere) => elsewhere,
        (here, _) => here,
    }
}

fn back(from: NaiveDate, days: u32) -> NaiveDate {
    from.checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN)
}

fn add(amounts: impl IntoIterator<Item = Money>) -> Money {
    amounts.into_iter().fold(Money::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(sum))
}
