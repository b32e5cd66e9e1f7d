//! What a case of a group is paid: weight (权重) × rate (费率) × coefficient (调整系数), and the rules for cases that cost far more
//! (高倍率) or far less (低倍率) than that.
//!
//! Every number is the terms' own: there is no weight, rate or multiple here. The shape of the rules is that of the national technical
//! standard (国家医疗保障局《国家医疗保障DRG分组与付费技术规范》, 医保办发〔2019〕36号).

mod document;
mod factor;

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use types::ids::OrganisationId;
use types::money::Money;
use types::tier::Tier;

pub use document::{Document, read};
pub use factor::Factor;

use crate::UNGROUPABLE;

/// Why terms are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct TermsError {
    /// The path in the document, such as `weights.BR11`.
    pub path: String,
    pub problem: TermsProblem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsProblem {
    #[error("missing; a number that is not known must not be guessed")]
    Missing,
    #[error("{0}")]
    Malformed(String),
}

impl TermsError {
    pub fn missing(path: impl Into<String>) -> Self {
        Self { path: path.into(), problem: TermsProblem::Missing }
    }

    pub fn malformed(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { path: path.into(), problem: TermsProblem::Malformed(what.into()) }
    }
}

/// What stands at a path, which must be there.
pub fn present<T>(value: Option<T>, path: &str) -> Result<T, TermsError> {
    value.ok_or_else(|| TermsError::missing(path))
}

/// By what a provider's payments are multiplied.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coefficients {
    pub by_tier: BTreeMap<Tier, Factor>,
    /// Instead of the tier's.
    #[serde(default)]
    pub by_provider: BTreeMap<OrganisationId, Factor>,
}

impl Coefficients {
    /// Every tier that the terms cover has one.
    pub fn check(&self, tiers: &BTreeSet<Tier>, path: &str) -> Result<(), TermsError> {
        match tiers.iter().find(|tier| !self.by_tier.contains_key(tier)) {
            Some(tier) => Err(TermsError::missing(format!("{path}.by_tier.{tier}"))),
            None => Ok(()),
        }
    }

    pub fn of(&self, place: &Place) -> Option<Factor> {
        let own = place.provider.and_then(|provider| self.by_provider.get(&provider));
        own.or_else(|| self.by_tier.get(&place.tier)).copied()
    }
}

/// Who is to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub tier: Tier,
    pub provider: Option<OrganisationId>,
}

/// Terms of payment by group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The version of the tables that groups are of; none where groups come with claims only.
    pub grouper: Option<String>,
    /// In yuan, of a weight of 1.
    pub base_rate: Money,
    pub weights: BTreeMap<String, Factor>,
    pub coefficients: Coefficients,
    pub high: HighOutlier,
    pub low: LowOutlier,
    /// The share of its cost that an ungroupable case is paid.
    pub ungroupable: Factor,
}

/// A case that costs more than a multiple of its standard payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HighOutlier {
    /// Multiples by weight, rising; the last band is open.
    pub bands: Vec<Band>,
    pub pays: Outlier,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// Inclusive; none: open.
    pub weight_to: Option<Factor>,
    pub multiple: Factor,
}

/// A case that costs less than a multiple of its standard payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowOutlier {
    pub multiple: Factor,
    /// The share of its cost that is paid.
    pub cost_ratio: Factor,
}

/// What a case beyond the multiple is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlier {
    /// The standard, and this share of what the cost exceeds the multiple by.
    StandardPlusExcess(Factor),
    /// This share of the cost.
    Cost(Factor),
}

/// A case to be paid.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub group: &'a str,
    /// What it cost altogether; without it no outlier can be told.
    pub cost: Option<Money>,
    pub place: Place,
}

/// What a case is paid, and the numbers that made it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    pub amount: Money,
    pub by: Rule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    Standard(Standard),
    High { standard: Standard, multiple: Factor, pays: Outlier },
    Low { standard: Standard, multiple: Factor, cost_ratio: Factor },
    Ungroupable { cost_ratio: Factor },
}

/// weight × rate × coefficient, rounded half up to the fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standard {
    pub weight: Factor,
    pub base_rate: Money,
    pub coefficient: Factor,
    pub amount: Money,
}

/// Why a case has no payment by these terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpriced {
    #[error("the terms state no number at {0}")]
    NotStated(String),
    #[error("the cost of the case is not known")]
    CostUnknown,
    #[error("the payment is beyond what an amount can hold")]
    TooLarge,
}

impl Terms {
    /// What a case is paid. A case whose cost is exactly a multiple is no outlier.
    pub fn pay(&self, case: Case<'_>) -> Result<Paid, Unpriced> {
        if case.group == UNGROUPABLE {
            let cost = case.cost.ok_or(Unpriced::CostUnknown)?;
            return Ok(Paid {
                amount: of(cost, self.ungroupable)?,
                by: Rule::Ungroupable { cost_ratio: self.ungroupable },
            });
        }
        let standard = self.standard(case)?;
        let Some(cost) = case.cost else {
            return Ok(Paid { amount: standard.amount, by: Rule::Standard(standard) });
        };
        let multiple = self.high.multiple(standard.weight).ok_or_else(|| not_stated("high_outlier.bands"))?;
        if cost.decimal() > times(standard.amount, multiple)? {
            let pays = self.high.pays;
            let amount = match pays {
                Outlier::Cost(ratio) => of(cost, ratio)?,
                Outlier::StandardPlusExcess(ratio) => {
                    let excess = cost.decimal() - times(standard.amount, multiple)?;
                    let share = excess.checked_mul(ratio.decimal()).ok_or(Unpriced::TooLarge)?;
                    standard.amount.checked_add(rounded(share)?).ok_or(Unpriced::TooLarge)?
                }
            };
            return Ok(Paid { amount, by: Rule::High { standard, multiple, pays } });
        }
        let LowOutlier { multiple, cost_ratio } = self.low;
        if cost.decimal() < times(standard.amount, multiple)? {
            return Ok(Paid { amount: of(cost, cost_ratio)?, by: Rule::Low { standard, multiple, cost_ratio } });
        }
        Ok(Paid { amount: standard.amount, by: Rule::Standard(standard) })
    }

    fn standard(&self, case: Case<'_>) -> Result<Standard, Unpriced> {
        let weight = *self.weights.get(case.group).ok_or_else(|| not_stated(format!("weights.{}", case.group)))?;
        let of_place = self.coefficients.of(&case.place);
        let coefficient = of_place.ok_or_else(|| not_stated(format!("coefficients.by_tier.{}", case.place.tier)))?;
        let weighed = times(self.base_rate, weight)?;
        let amount = rounded(weighed.checked_mul(coefficient.decimal()).ok_or(Unpriced::TooLarge)?)?;
        Ok(Standard { weight, base_rate: self.base_rate, coefficient, amount })
    }
}

impl HighOutlier {
    fn multiple(&self, weight: Factor) -> Option<Factor> {
        let band = self.bands.iter().find(|band| band.weight_to.is_none_or(|to| weight <= to));
        band.map(|band| band.multiple)
    }
}

fn not_stated(path: impl Into<String>) -> Unpriced {
    Unpriced::NotStated(path.into())
}

fn times(amount: Money, factor: Factor) -> Result<Decimal, Unpriced> {
    amount.decimal().checked_mul(factor.decimal()).ok_or(Unpriced::TooLarge)
}

/// This share of an amount, half up to the fen.
fn of(amount: Money, factor: Factor) -> Result<Money, Unpriced> {
    rounded(times(amount, factor)?)
}

/// Half up to the fen; refused where a column of money would not hold it.
fn rounded(amount: Decimal) -> Result<Money, Unpriced> {
    Money::from_decimal(Money::round_half_up(amount).decimal()).map_err(|_| Unpriced::TooLarge)
}
