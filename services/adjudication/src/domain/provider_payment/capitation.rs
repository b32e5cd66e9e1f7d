//! Capitation (按人头付费): an amount for each head and year, adjusted for who the heads are.

use std::collections::BTreeMap;

use drg::payment::{Factor, TermsError, present};
use rust_decimal::Decimal;
use types::money::Money;

use super::document::CapitationDocument;
use super::expected::Undecided;

const MONTHS: i64 = 12;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub per_head_year: Money,
    /// From age 0, rising; each holds up to the next.
    pub risk: Vec<Risk>,
    /// Conditions (such as a chronic disease) that multiply a head's amount.
    pub conditions: BTreeMap<String, Factor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Risk {
    /// Inclusive, in years.
    pub age_from: u32,
    pub factor: Factor,
}

/// Heads that weigh alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads {
    pub age: u32,
    pub conditions: Vec<String>,
    pub count: u32,
}

impl Terms {
    /// What is due for these heads in a year: count × amount × factor of the age × factors of the conditions, summed exactly and rounded
    /// half up to the fen once.
    pub fn due_for_year(&self, heads: &[Heads], path: &str) -> Result<Money, Undecided> {
        let mut sum = Decimal::ZERO;
        for cell in heads {
            let of_age = self.risk.iter().rev().find(|risk| risk.age_from <= cell.age);
            let of_age = of_age.ok_or_else(|| Undecided::not_stated(format!("{path}.risk")))?;
            let mut amount = self.per_head_year.decimal().checked_mul(of_age.factor.decimal());
            for condition in &cell.conditions {
                let factor = self.conditions.get(condition);
                let factor = factor.ok_or_else(|| Undecided::not_stated(format!("{path}.conditions.{condition}")))?;
                amount = amount.and_then(|amount| amount.checked_mul(factor.decimal()));
            }
            let of_cell = amount.and_then(|amount| amount.checked_mul(Decimal::from(cell.count)));
            sum = of_cell.and_then(|of_cell| sum.checked_add(of_cell)).ok_or(Undecided::TooLarge)?;
        }
        Money::from_decimal(Money::round_half_up(sum).decimal()).map_err(|_| Undecided::TooLarge)
    }
}

/// A twelfth of a year's amount, rounded down to the fen; what is left over is December's, so that the months add up to the year.
pub fn of_month(year: Money, month: u32) -> Money {
    let twelfth = Money::from_fen(year.fen().div_euclid(MONTHS));
    if i64::from(month) == MONTHS { Money::from_fen(year.fen() - twelfth.fen() * (MONTHS - 1)) } else { twelfth }
}

pub(super) fn read(written: CapitationDocument, path: &str) -> Result<Terms, TermsError> {
    let at = |field: &str| format!("{path}.{field}");
    let written_risk = present(written.risk, &at("risk"))?;
    let mut risk: Vec<Risk> = Vec::with_capacity(written_risk.len());
    for (index, band) in written_risk.into_iter().enumerate() {
        let at = |field: &str| format!("{path}.risk[{index}].{field}");
        let age_from = present(band.age_from, &at("age_from"))?;
        let follows = risk.last().map_or(age_from == 0, |before| before.age_from < age_from);
        if !follows {
            return Err(TermsError::malformed(at("age_from"), "ages begin at 0 and rise"));
        }
        risk.push(Risk { age_from, factor: present(band.factor, &at("factor"))? });
    }
    if risk.is_empty() {
        return Err(TermsError::missing(at("risk")));
    }
    Ok(Terms {
        per_head_year: present(written.per_head_year, &at("per_head_year"))?,
        risk,
        conditions: present(written.conditions, &at("conditions"))?,
    })
}
