//! How much of what was billed is in question.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use types::money::Money;

use super::case::{BilledItem, Case};
use super::evidence::Finding;

/// The part of a line that its excess quantity costs, rounded half up; never more than the line.
pub(super) fn of_quantity(line: &BilledItem, excess: Decimal) -> Money {
    if excess >= line.quantity {
        return line.amount;
    }
    excess.checked_mul(line.unit_price).map_or(line.amount, |cost| Money::round_half_up(cost).min(line.amount))
}

/// An excess quantity over some lines, laid on the last of them first: index, quantity and its cost.
pub(super) fn spread(lines: &[(usize, &BilledItem)], excess: Decimal) -> Vec<(usize, Decimal, Money)> {
    let mut left = excess;
    let mut parts = vec![];
    for (index, line) in lines.iter().rev() {
        if left <= Decimal::ZERO {
            break;
        }
        let part = left.min(line.quantity);
        parts.push((*index, part, of_quantity(line, part)));
        left -= part;
    }
    parts.reverse();
    parts
}

/// What is withheld of a claim: of each line the most that any of its findings questions, and never more than was billed. Findings about
/// the claim as a whole take the whole of what they question.
pub fn withheld(case_total: Money, findings: impl IntoIterator<Item = (Option<usize>, Money)>) -> Money {
    let mut by_line: BTreeMap<Option<usize>, Money> = BTreeMap::new();
    for (line, amount) in findings {
        let most = by_line.entry(line).or_insert(Money::ZERO);
        *most = (*most).max(amount);
    }
    let whole = by_line.remove(&None).unwrap_or(Money::ZERO);
    let lines = by_line.values().try_fold(Money::ZERO, |sum, amount| sum.checked_add(*amount));
    lines.unwrap_or(case_total).max(whole).min(case_total)
}

impl Case {
    /// What these findings together withhold of this claim.
    pub fn withheld(&self, findings: &[Finding]) -> Money {
        withheld(self.total, findings.iter().map(|finding| (finding.line, finding.amount)))
    }
}
