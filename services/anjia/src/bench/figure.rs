//! One figure, and what it is measured by.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use rust_decimal::Decimal;
use serde_json::{Number, Value, json};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) bench: String,
    pub(super) ours: Decimal,
    /// The same machine doing the least that could be called the same, in the same run.
    pub(super) reference: Option<Decimal>,
    pub(super) unit: &'static str,
    pub(super) goal: Option<Goal>,
}

/// What a figure is to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    AtMost(Decimal),
    AtLeast(Decimal),
    /// Ours by the reference.
    RatioAtLeast(Decimal),
    RatioAtMost(Decimal),
}

impl Goal {
    fn is_met(self, ours: Decimal, ratio: Option<Decimal>) -> bool {
        match self {
            Self::AtMost(most) => ours <= most,
            Self::AtLeast(least) => ours >= least,
            Self::RatioAtLeast(least) => ratio.is_some_and(|ratio| ratio >= least),
            Self::RatioAtMost(most) => ratio.is_some_and(|ratio| ratio <= most),
        }
    }

    const fn amount(self) -> Decimal {
        match self {
            Self::AtMost(amount) | Self::AtLeast(amount) | Self::RatioAtLeast(amount) | Self::RatioAtMost(amount) => {
                amount
            }
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if matches!(self, Self::AtMost(_) | Self::RatioAtMost(_)) { '≤' } else { '≥' };
        let times = if matches!(self, Self::RatioAtLeast(_) | Self::RatioAtMost(_)) { "×" } else { "" };
        write!(f, "{sign} {}{times}", self.amount().normalize())
    }
}

/// What the turns of one way came to, beside those of another.
pub(super) struct Pairs(pub(super) Vec<(Decimal, Decimal)>);

impl Pairs {
    /// The pair whose ratio has as many below as above, which is to be at least so.
    pub(super) fn figure(mut self, bench: &str, unit: &'static str, goal: Decimal) -> Result<Figure> {
        self.0.sort_by_key(|(ours, reference)| ours.checked_div(*reference));
        let (ours, reference) = *self.0.get(self.0.len() / 2).context("nothing was measured")?;
        let (bench, goal) = (bench.to_owned(), Some(Goal::RatioAtLeast(goal)));
        Ok(Figure { bench, ours, reference: Some(reference), unit, goal })
    }
}

impl Figure {
    /// Ours by the reference.
    fn ratio(&self) -> Option<Decimal> {
        Some(self.ours.checked_div(self.reference?)?.round_dp(3))
    }

    pub(super) fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| goal.is_met(self.ours, self.ratio()))
    }
}

impl From<&Figure> for Value {
    fn from(figure: &Figure) -> Self {
        json!({
            "bench": figure.bench,
            "ours": number(figure.ours),
            "reference": figure.reference.map(number),
            "unit": figure.unit,
            "ratio": figure.ratio().map(number),
            "goal": figure.goal.map(|goal| number(goal.amount())),
            "met": figure.is_met(),
        })
    }
}

/// A JSON number with the digits of the decimal.
fn number(amount: Decimal) -> Option<Number> {
    serde_json::from_str(&amount.normalize().to_string()).ok()
}

pub(super) fn table(figures: &[Figure]) -> String {
    let mut table = format!("{:<20} {:>10} {:>11} {:>7} {:>7}  {}", "", "ours", "reference", "ratio", "goal", "unit");
    let optional = |amount: Option<Decimal>| amount.map(|amount| amount.normalize().to_string()).unwrap_or_default();
    for figure in figures {
        let goal = figure.goal.map(|goal| goal.to_string()).unwrap_or_default();
        let verdict = match figure.is_met() {
            Some(true) => "  met",
            Some(false) => "  MISSED",
            None => "",
        };
        // Cannot fail: it writes into memory.
        let _ = write!(
            table,
            "\n{:<20} {:>10} {:>11} {:>7} {goal:>7}  {}{verdict}",
            figure.bench,
            figure.ours.normalize().to_string(),
            optional(figure.reference),
            optional(figure.ratio()),
            figure.unit,
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_reads_the_same_for_people_and_programs() {
        let startup = Figure {
            bench: "startup".to_owned(),
            ours: Decimal::new(512, 2),
            reference: None,
            unit: "s",
            goal: Some(Goal::AtMost(Decimal::from(5))),
        };
        let booking = Figure {
            bench: "booking".to_owned(),
            ours: Decimal::from(300),
            reference: Some(Decimal::from(900)),
            unit: "bookings/s",
            goal: None,
        };
        assert_eq!(
            Value::from(&startup).to_string(),
            r#"{"bench":"startup","goal":5,"met":false,"ours":5.12,"ratio":null,"reference":null,"unit":"s"}"#
        );
        assert_eq!(
            Value::from(&booking).to_string(),
            r#"{"bench":"booking","goal":null,"met":null,"ours":300,"ratio":0.333,"reference":900,"unit":"bookings/s"}"#
        );
        let cost = Figure { goal: Some(Goal::RatioAtLeast(Decimal::new(75, 2))), ..booking.clone() };
        assert_eq!((cost.is_met(), cost.goal.map(|goal| goal.to_string())), (Some(false), Some("≥ 0.75×".to_owned())));
        assert_eq!(Figure { ours: Decimal::from(675), ..cost }.is_met(), Some(true));
        let table = table(&[startup, booking]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[1], "startup                    5.12                         ≤ 5  s  MISSED");
        assert_eq!(lines[2], "booking                     300         900   0.333          bookings/s");
    }
}
