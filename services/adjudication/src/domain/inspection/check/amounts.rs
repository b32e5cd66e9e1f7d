//! Prices, quantities and what stands beside what, within one claim.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use types::money::Money;

use super::{Hit, lines_of, sum};
use crate::domain::inspection::case::{BilledItem, Case};
use crate::domain::inspection::code::Codes;
use crate::domain::inspection::document::{
    Billed, CompanionPoint, PairPoint, QuantityPoint, RepeatPoint, Unit, UnitPoint, UnitPricePoint, Within,
};
use crate::domain::inspection::evidence::Fact;
use crate::domain::inspection::money::spread;

/// Lines with their index.
type Lines<'a> = Vec<(usize, &'a BilledItem)>;

const HOURS_A_DAY: Decimal = Decimal::from_parts(24, 0, 0, false, 0);

pub(super) fn unit_price(case: &Case, points: &[UnitPricePoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        for (index, line) in lines_of(case, &point.items) {
            if line.unit_price <= point.max_unit_price {
                continue;
            }
            let over = line.unit_price - point.max_unit_price;
            let excess =
                over.checked_mul(line.quantity).map_or(line.amount, |over| Money::round_half_up(over).min(line.amount));
            let facts = vec![
                Fact::limit("unit_price", point.max_unit_price),
                Fact::found("unit_price", line.unit_price),
                Fact::found("excess_per_unit", over),
            ];
            hits.push(Hit::part(index, line, excess, facts));
        }
    }
    hits
}

/// Operations of one day: the dearest unit in full, every other unit at the ratio. The full price of a line is its own unit price, unless
/// the same item was charged dearer in this claim: then it was charged at a discount already.
pub(super) fn repeat_operation(case: &Case, points: &[RepeatPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        let lines = lines_of(case, &point.items);
        let mut full: BTreeMap<&str, Decimal> = BTreeMap::new();
        for (_, line) in &lines {
            let price = full.entry(line.item_code.as_str()).or_default();
            *price = (*price).max(line.unit_price);
        }
        for (day, lines) in by_day(&lines) {
            let units = sum(lines.iter().map(|(_, line)| line.quantity));
            let price = |line: &BilledItem| full.get(line.item_code.as_str()).copied().unwrap_or_default();
            let Some(dearest) =
                lines.iter().copied().max_by_key(|(index, line)| (price(line), std::cmp::Reverse(*index)))
            else {
                continue;
            };
            if units <= Decimal::ONE {
                continue;
            }
            for (index, line) in &lines {
                let first = if *index == dearest.0 { Decimal::ONE.min(line.quantity) } else { Decimal::ZERO };
                let repeated = line.quantity - first;
                let weight =
                    repeated.checked_mul(point.repeat_ratio.decimal()).and_then(|rest| rest.checked_add(first));
                let allowed = weight.and_then(|weight| weight.checked_mul(price(line))).map(Money::round_half_up);
                let Some(excess) = allowed.map(|allowed| line.amount.less_at_most(allowed)) else { continue };
                if !excess.is_positive() {
                    continue;
                }
                let facts = vec![
                    Fact::found("operations_of_the_day", units),
                    Fact::found("day", day),
                    Fact::limit("ratio_of_repetitions", point.repeat_ratio.decimal()),
                    Fact::limit("payable", allowed.unwrap_or(Money::ZERO)),
                ];
                hits.push(Hit::part(*index, line, excess, facts));
            }
        }
    }
    hits
}

/// Lines of `drops` on a day, or anywhere in a claim, that has one of `keeps`.
pub(super) fn pair(case: &Case, points: &[PairPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        let keeps = lines_of(case, &point.keeps);
        if keeps.is_empty() {
            continue;
        }
        for (index, line) in lines_of(case, &point.drops) {
            // Where the same items stand on both sides (similar drugs), the later line is in question.
            let mutual = point.keeps == point.drops;
            let stands_beside = |other: &&(usize, &BilledItem)| {
                let is_other = if mutual { other.0 < index } else { other.0 != index };
                is_other && (point.within == Within::Claim || other.1.on == line.on)
            };
            if let Some((kept, keep)) = keeps.iter().find(stands_beside) {
                hits.push(Hit::line(index, line, vec![Fact::line(*kept, keep)]));
            }
        }
    }
    hits
}

/// Of what is charged by the day or hour, more than the days of care have. Billed daily, each day has its own measure; in arrears, on no
/// day may there be more than the days so far allow.
pub(super) fn unit_frequency(case: &Case, billed: Billed, points: &[UnitPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        let lines = lines_of(case, &point.items);
        let a_day = match point.unit {
            Unit::Day => point.most,
            Unit::Hour => point.most.checked_mul(HOURS_A_DAY).unwrap_or(Decimal::MAX),
        };
        let limit = |days: i64| a_day.checked_mul(Decimal::from(days)).unwrap_or(Decimal::MAX);
        let facts = |days: i64, found: Decimal| {
            vec![
                Fact::found("days", days),
                Fact::limit("quantity", limit(days)),
                Fact::found("quantity", found),
                Fact::found("excess_quantity", found - limit(days)),
            ]
        };
        let mut push = |lines: &[(usize, &BilledItem)], days: i64, found: Decimal| {
            for (index, _, amount) in spread(lines, found - limit(days)) {
                hits.push(Hit::part(index, &case.lines[index], amount, facts(days, found)));
            }
        };
        match billed {
            Billed::Daily => {
                for lines in by_day(&lines).values() {
                    let found = sum(lines.iter().map(|(_, line)| line.quantity));
                    if found > limit(1) {
                        push(lines, 1, found);
                    }
                }
            }
            Billed::InArrears => {
                let mut worst: Option<(i64, Decimal, Lines<'_>)> = None;
                for day in by_day(&lines).keys() {
                    let so_far: Vec<_> = lines.iter().copied().filter(|(_, line)| line.on <= *day).collect();
                    let found = sum(so_far.iter().map(|(_, line)| line.quantity));
                    let days = (*day - case.from).num_days().max(0) + 1;
                    let is_worse = worst.as_ref().is_none_or(|(at, most, _)| found - limit(days) > *most - limit(*at));
                    if found > limit(days) && is_worse {
                        worst = Some((days, found, so_far));
                    }
                }
                if let Some((days, found, lines)) = worst {
                    push(&lines, days, found);
                }
            }
        }
    }
    hits
}

pub(super) fn quantity(case: &Case, points: &[QuantityPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points {
        let lines = lines_of(case, &point.items);
        let groups: Vec<Vec<(usize, &BilledItem)>> = match point.per {
            Within::Claim => vec![lines],
            Within::Day => by_day(&lines).into_values().collect(),
        };
        for lines in groups {
            let found = sum(lines.iter().map(|(_, line)| line.quantity));
            for (index, _, amount) in spread(&lines, found - point.most) {
                let facts = vec![Fact::limit("quantity", point.most), Fact::found("quantity", found)];
                hits.push(Hit::part(index, &case.lines[index], amount, facts));
            }
        }
    }
    hits
}

/// More different items than are allowed on one day; those that came after the last allowed one are in question.
pub(super) fn item_kinds(case: &Case, items: &Codes, most: u32) -> Vec<Hit> {
    let mut hits = vec![];
    for (day, lines) in by_day(&lines_of(case, items)) {
        let mut kinds: BTreeSet<&str> = BTreeSet::new();
        let found = lines.iter().map(|(_, line)| line.item_code.as_str()).collect::<BTreeSet<_>>().len();
        for (index, line) in lines {
            kinds.insert(line.item_code.as_str());
            if kinds.len() > usize::try_from(most).unwrap_or(usize::MAX) {
                let facts = vec![Fact::limit("kinds", most), Fact::found("kinds", found), Fact::found("day", day)];
                hits.push(Hit::line(index, line, facts));
            }
        }
    }
    hits
}

pub(super) fn companion(case: &Case, points: &[CompanionPoint]) -> Vec<Hit> {
    let mut hits = vec![];
    for point in points.iter().filter(|point| lines_of(case, &point.needs).is_empty()) {
        for (index, line) in lines_of(case, &point.items) {
            hits.push(Hit::line(index, line, vec![Fact::limit("needs", &point.needs), Fact::found("of_these", 0)]));
        }
    }
    hits
}

fn by_day<'a>(lines: &[(usize, &'a BilledItem)]) -> BTreeMap<NaiveDate, Vec<(usize, &'a BilledItem)>> {
    let mut days: BTreeMap<NaiveDate, Vec<(usize, &BilledItem)>> = BTreeMap::new();
    for (index, line) in lines {
        days.entry(line.on).or_default().push((*index, line));
    }
    days
}
