//! What the engine needs to know about a claim or a quote, everything resolved beforehand.

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};
use types::{care::CareKind, money::Money, tier::Tier};

use super::{circumstances::Circumstances, line::Line};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    pub person: Person,
    /// Of the provider.
    pub tier: Tier,
    pub kind: CareKind,
    /// Admission, or the day of the visit.
    pub from: NaiveDate,
    /// Discharge, or the day of the visit again.
    pub to: NaiveDate,
    /// As the provider states it; the lines must sum to it.
    pub total: Money,
    pub lines: Vec<Line>,
    /// Of a booking: items that it expects and no catalogue knows, each once. Where there are any nothing is divided, and `lines` is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_items: Vec<String>,
    /// Of this person, year, scheme and kind of care, before this claim.
    pub before: Accumulators,
    /// Where this stay continues a referral chain.
    pub chain: Option<Chain>,
    /// The visit was referred, or needs no referral (emergencies count as referred: [`counts_as_referred`]).
    pub referred: bool,
    /// The person has a family-doctor contract (家庭医生签约) in force.
    pub family_doctor: bool,
    #[serde(default, skip_serializing_if = "Circumstances::is_default")]
    pub circumstances: Circumstances,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub retired: bool,
    /// In whole years on the date that the policy is judged on; see [`age_on`].
    pub age: u32,
}

/// Running totals of one person in one year, scheme and kind of care. Outpatient and inpatient care never share them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accumulators {
    /// In-scope expenses so far: the position on the axis of outpatient care.
    pub in_scope: Money,
    /// Deductible borne so far.
    pub deductible: Money,
    /// Paid by the pooled fund so far.
    pub pooled_fund: Money,
    /// Paid by the large-amount fund so far.
    pub large_amount_fund: Money,
    /// Stays settled so far; for outpatient care, visits.
    pub stays: u32,
}

impl Accumulators {
    /// These, moved by what a claim moved others by.
    #[must_use]
    pub fn moved(&self, before: &Self, after: &Self) -> Self {
        Self {
            in_scope: self.in_scope + (after.in_scope - before.in_scope),
            deductible: self.deductible + (after.deductible - before.deductible),
            pooled_fund: self.pooled_fund + (after.pooled_fund - before.pooled_fund),
            large_amount_fund: self.large_amount_fund + (after.large_amount_fund - before.large_amount_fund),
            stays: self.stays.saturating_add(after.stays).saturating_sub(before.stays),
        }
    }

    pub(super) fn any_negative(&self) -> bool {
        [self.in_scope, self.deductible, self.pooled_fund, self.large_amount_fund]
            .iter()
            .any(|amount| amount.is_negative())
    }
}

/// The referral chain that a stay continues, and what its earlier stays bore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    pub direction: Direction,
    /// Deductible already borne by earlier stays of this chain.
    pub deductible_borne: Money,
    /// Earlier stays of this chain.
    pub stays: u32,
    /// Those of them that the accumulators of this year count.
    pub stays_this_year: u32,
}

/// Of the referral by which the person came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    Up,
    Down,
    Lateral,
}

/// Whether a visit with a referral, or without, counts as referred: an emergency needs none.
pub const fn counts_as_referred(has_referral: bool, kind: CareKind) -> bool {
    has_referral || matches!(kind, CareKind::Emergency)
}

/// Age in whole years on a date; born on 29 February, one is a year older on 1 March of common years.
pub fn age_on(birth_date: NaiveDate, date: NaiveDate) -> u32 {
    let years = date.year() - birth_date.year();
    let had_birthday = (date.month(), date.day()) >= (birth_date.month(), birth_date.day());
    u32::try_from(if had_birthday { years } else { years - 1 }).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_a_year_older_on_the_birthday() {
        let born = NaiveDate::from_ymd_opt(1956, 2, 29).unwrap();
        let on = |year, month, day| age_on(born, NaiveDate::from_ymd_opt(year, month, day).unwrap());
        assert_eq!((on(2026, 2, 28), on(2026, 3, 1)), (69, 70));
        assert_eq!((on(2024, 2, 28), on(2024, 2, 29)), (67, 68));
        assert_eq!((on(1956, 2, 29), on(1950, 1, 1)), (0, 0));
    }
}
