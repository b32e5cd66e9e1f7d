//! Charts as SVG, drawn in whole units: nothing is loaded, and they print.

use chrono::NaiveDate;
use maud::{Markup, html};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{Ahead, Day};

const WIDTH: i64 = 720;
const HEIGHT: i64 = 180;
const MARGIN: i64 = 24;
/// Dates that can be read beside one another.
const DATES_MAX: usize = 14;

/// Places, those given, and walk-ins, day by day.
pub(super) fn used(days: &[Day]) -> Markup {
    let Some(most) = days.iter().map(|it| it.used.places.max(it.used.given).max(it.used.walk_ins)).max() else {
        return html! {};
    };
    let slot = (WIDTH - 2 * MARGIN) / count(days.len());
    let bar = (slot / 4).max(1);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label="号源、已约、未预约就诊 Places, given, walk-ins" {
            @for (index, Day { day, used }) in (0_i64..).zip(days) {
                @let left = MARGIN + slot * index;
                (column(left, bar, used.places, most, "places"))
                (column(left + bar, bar, used.given, most, "given"))
                (column(left + 2 * bar, bar, used.walk_ins, most, "walked"))
                @if is_dated(index, days.len()) { text x=(left) y=(HEIGHT - 6) { (day.format("%m-%d")) } }
            }
        }
    }
}

/// How many kept their appointment and how many did not come, day by day.
pub(super) fn missed(days: &[Day]) -> Markup {
    let pairs = days.iter().map(|it| (it.day, [it.used.kept, it.used.no_shows]));
    pairs_of(pairs.collect(), "就诊与爽约 Kept and missed", ["kept", "missed"])
}

/// How long people waited to be called, in minutes: half of them at most, and nine in ten. A day on which nobody was called has none.
pub(super) fn waits(days: &[Day]) -> Markup {
    let minutes = |it: &Day| [it.used.wait_median_s, it.used.wait_p90_s].map(|seconds| (seconds / 60).max(0));
    let pairs = days.iter().map(|it| (it.day, if it.used.called > 0 { minutes(it) } else { [0, 0] }));
    pairs_of(
        pairs.collect(),
        "候诊分钟：中位数与九成以内 Minutes waited: median, nine in ten within",
        ["median", "p90"],
    )
}

/// Two columns a day; nothing where every day has nothing.
fn pairs_of(days: Vec<(NaiveDate, [i32; 2])>, label: &str, classes: [&str; 2]) -> Markup {
    let most = days.iter().flat_map(|(_, pair)| *pair).max().unwrap_or(0);
    if most == 0 {
        return html! {};
    }
    let slot = (WIDTH - 2 * MARGIN) / count(days.len());
    let bar = (slot / 3).max(1);
    let ([one, other], length) = (classes, days.len());
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label) {
            @for (index, (day, [first, second])) in (0_i64..).zip(days) {
                @let left = MARGIN + slot * index;
                (column(left, bar, first, most, one))
                (column(left + bar, bar, second, most, other))
                @if is_dated(index, length) { text x=(left) y=(HEIGHT - 6) { (day.format("%m-%d")) } }
            }
            text x="2" y=(MARGIN) { (most) }
        }
    }
}

/// What is expected, beside what is planned.
pub(super) fn ahead(days: &[Ahead]) -> Markup {
    let Some(most) = days.iter().map(|it| it.suggested.max(it.planned)).max() else { return html! {} };
    let slot = (WIDTH - 2 * MARGIN) / count(days.len());
    let bar = (slot / 3).max(1);
    let at = |expected: Decimal| HEIGHT - MARGIN - scaled(expected, most.into(), HEIGHT - 2 * MARGIN);
    let points: Vec<String> =
        (0_i64..).zip(days).map(|(index, it)| format!("{},{}", MARGIN + slot * index + bar, at(it.expected))).collect();
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label="预计需求与计划号源 Expected demand and planned places" {
            @for (index, it) in (0_i64..).zip(days) {
                @let left = MARGIN + slot * index;
                (column(left, bar, it.planned, most, "places"))
                (column(left + bar, bar, it.suggested, most, "suggested"))
                @if is_dated(index, days.len()) { text x=(left) y=(HEIGHT - 6) { (it.day.format("%m-%d")) } }
            }
            polyline class="expected" points=(points.join(" ")) {}
        }
    }
}

fn column(left: i64, width: i64, amount: i32, most: i32, class: &str) -> Markup {
    let height = scaled(amount.into(), most.into(), HEIGHT - 2 * MARGIN);
    html! {
        rect class=(class) x=(left) y=(HEIGHT - MARGIN - height) width=(width) height=(height) { title { (amount) } }
    }
}

fn is_dated(index: i64, days: usize) -> bool {
    let every = i64::try_from(days.div_ceil(DATES_MAX)).unwrap_or(1).max(1);
    index % every == 0
}

fn count(days: usize) -> i64 {
    i64::try_from(days).unwrap_or(i64::MAX).max(1)
}

/// A part of so many units; nothing where there is no whole, never less than nothing.
fn scaled(part: Decimal, whole: Decimal, units: i64) -> i64 {
    let share = part.checked_div(whole).and_then(|share| share.checked_mul(units.into()));
    share.and_then(|share| share.round().to_i64()).unwrap_or(0).clamp(0, units)
}
