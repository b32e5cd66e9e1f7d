//! Charts as SVG, drawn in whole units: nothing is loaded, and they print.

use maud::{Markup, html};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use types::money::Money;

use super::Month;

const WIDTH: i64 = 640;
const HEIGHT: i64 = 180;
const MARGIN: i64 = 24;

/// Income beside payment, month by month, with the line of nothing: what was taken back hangs below it.
pub(super) fn bars(months: &[&Month]) -> Markup {
    if months.is_empty() {
        return html! {};
    }
    let amounts = || months.iter().flat_map(|month| [month.income, month.paid]);
    let highest = amounts().max().unwrap_or(Money::ZERO).max(Money::ZERO);
    let lowest = amounts().min().unwrap_or(Money::ZERO).min(Money::ZERO);
    let range = highest.decimal() - lowest.decimal();
    let units = |amount: Money| scaled(amount.decimal().abs(), range, HEIGHT - 2 * MARGIN);
    let nothing = HEIGHT - MARGIN - units(lowest);
    let slot = (WIDTH - 2 * MARGIN) / count(months);
    let width = (slot / 3).max(1);
    let column = |left: i64, amount: Money, class: &str| {
        let height = units(amount);
        let top = if amount.is_negative() { nothing } else { nothing - height };
        html! { rect class=(class) x=(left) y=(top) width=(width) height=(height) { title { (amount) } } }
    };
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label="收入与支出 Income and payment" {
            line class="nothing" x1=(MARGIN) y1=(nothing) x2=(WIDTH - MARGIN) y2=(nothing) {}
            @for (index, month) in (0_i64..).zip(months) {
                @let left = MARGIN + slot * index;
                (column(left, month.income, "income"))
                (column(left + width, month.paid, "paid"))
                text x=(left) y=(HEIGHT - 6) { (month.first_day.format("%Y-%m")) }
            }
        }
    }
}

/// The balance at the end of each month, with the line of nothing.
pub(super) fn balances(months: &[&Month]) -> Markup {
    let highest = months.iter().map(|month| month.balance).max().unwrap_or(Money::ZERO).max(Money::ZERO);
    let lowest = months.iter().map(|month| month.balance).min().unwrap_or(Money::ZERO).min(Money::ZERO);
    if months.is_empty() || highest == lowest {
        return html! {};
    }
    let range = highest.decimal() - lowest.decimal();
    let at = |amount: Money| HEIGHT - MARGIN - scaled(amount.decimal() - lowest.decimal(), range, HEIGHT - 2 * MARGIN);
    let slot = (WIDTH - 2 * MARGIN) / count(months);
    let points: Vec<String> = (0_i64..)
        .zip(months)
        .map(|(index, month)| format!("{},{}", MARGIN + slot * index + slot / 2, at(month.balance)))
        .collect();
    let nothing = at(Money::ZERO);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label="月末结余 Balance at the end of the month" {
            line class="nothing" x1=(MARGIN) y1=(nothing) x2=(WIDTH - MARGIN) y2=(nothing) {}
            polyline class="balance" points=(points.join(" ")) {}
            @for (point, month) in points.iter().zip(months) {
                @if let Some((x, y)) = point.split_once(',') {
                    circle class="balance" cx=(x) cy=(y) r="3" { title { (month.balance) } }
                }
            }
        }
    }
}

fn count(months: &[&Month]) -> i64 {
    i64::try_from(months.len()).unwrap_or(i64::MAX).max(1)
}

/// A part of so many units; nothing where there is no whole, never less than nothing.
fn scaled(part: Decimal, whole: Decimal, units: i64) -> i64 {
    let share = part.checked_div(whole).and_then(|share| share.checked_mul(units.into()));
    share.and_then(|share| share.round().to_i64()).unwrap_or(0).clamp(0, units)
}
