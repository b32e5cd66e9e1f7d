//! A policy: what one region's scheme pays, from one date on, as data.
//!
//! A [`Policy`] exists only if its document is complete: bands without gap or overlap, a ratio for everybody it covers, every
//! number stated with its legal source. What a region has not published is not a guess here but a tier that is not covered,
//! or the words `not_published`.

mod document;
mod limit;
mod read;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use types::{
    care::CareKind,
    money::{Money, Ratio},
    region::RegionCode,
    scheme::Scheme,
    tier::Tier,
};

pub use document::{DownRule, JudgedOn, UpRule};
pub use limit::{Limit, Points, Published};

use super::{explanation::Clause, input::Person, localized::Localized};

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct PolicyError {
    /// The path in the document, such as `inpatient.bands[1].fund_ratio[0].by_tier.TERTIARY`.
    pub path: String,
    pub problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("missing; a number that is not known must not be guessed")]
    Missing,
    #[error("{0}")]
    Malformed(String),
    #[error("leaves a gap or overlaps: must begin at {expected}")]
    NotContiguous { expected: Money },
    #[error("nobody's ratio is stated twice, and everybody's once: {matches} rows match {who}")]
    RatioNotUnique { who: String, matches: usize },
    #[error("names a source that the document does not list")]
    UnknownSource,
    #[error("names no source")]
    NoSource,
}

/// A complete policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub id: String,
    pub region: RegionCode,
    pub scheme: Scheme,
    pub name: Localized,
    /// Not of a real region: to be labelled so wherever it is shown.
    pub demonstration: bool,
    pub effective_from: NaiveDate,
    /// The last day, if there is one.
    pub effective_to: Option<NaiveDate>,
    pub judged_on: JudgedOn,
    sources: BTreeMap<String, Localized>,
    outpatient: Option<CareRules>,
    inpatient: Option<CareRules>,
}

impl Policy {
    /// Reads and checks a document (JSON).
    pub fn read(text: &str) -> Result<Self, PolicyError> {
        read::policy(text)
    }

    /// The day by which the policy, the age and the accumulator's year are judged.
    pub const fn judged_date(&self, from: NaiveDate, to: NaiveDate) -> NaiveDate {
        match self.judged_on {
            JudgedOn::Admission => from,
            JudgedOn::Discharge => to,
        }
    }

    pub fn in_force_on(&self, date: NaiveDate) -> bool {
        self.effective_from <= date && self.effective_to.is_none_or(|last| date <= last)
    }

    /// Two policies of one region and scheme may not be in force on the same day.
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends_before =
            |first: &Self, second: &Self| first.effective_to.is_some_and(|last| last < second.effective_from);
        self.region == other.region
            && self.scheme == other.scheme
            && !ends_before(self, other)
            && !ends_before(other, self)
    }

    /// The rules for this care, if this policy is in force for it. Whatever is not outpatient or inpatient care has none.
    pub fn rules(&self, kind: CareKind, tier: Tier, from: NaiveDate, to: NaiveDate) -> Option<&CareRules> {
        let rules = match kind {
            CareKind::Outpatient => self.outpatient.as_ref(),
            CareKind::Inpatient => self.inpatient.as_ref(),
            _ => None,
        };
        rules.filter(|rules| rules.tiers.contains(&tier) && self.in_force_on(self.judged_date(from, to)))
    }

    pub(super) fn clause(&self, kind: CareKind, path: &str, sources: &[String]) -> Clause {
        Clause {
            path: format!("{}.{path}", kind.as_str().to_ascii_lowercase()),
            sources: sources.iter().filter_map(|key| self.sources.get(key)).cloned().collect(),
        }
    }
}

/// What a clause says, and the legal texts that say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    pub value: T,
    pub sources: Vec<String>,
}

/// The rules of one kind of care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CareRules {
    pub tiers: BTreeSet<Tier>,
    pub deductible: Sourced<Deductible>,
    pub bands: Vec<Band>,
    /// Multiplies the own share of retired persons in the bands.
    pub retired_self_factor: Option<Sourced<Ratio>>,
    pub unreferred_minus: Option<Sourced<PointsRule>>,
    pub family_doctor_plus: Option<Sourced<PointsRule>>,
    /// In-scope expenses beyond this position are not covered at all.
    pub cover_limit: Sourced<Limit>,
    /// What the pooled fund pays at most in a year.
    pub pooled_ceiling: Sourced<Limit>,
    /// What pays above the pooled fund's ceiling.
    pub large_amount: Option<Sourced<LargeAmount>>,
}

impl CareRules {
    /// Whether positions run on through the year, or begin at zero with each stay.
    pub const fn axis_is_the_year(&self) -> bool {
        matches!(self.deductible.value, Deductible::PerYear(_))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deductible {
    PerYear(ByStatus<Money>),
    PerStay(StayDeductibles),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StayDeductibles {
    pub by_tier: BTreeMap<Tier, StayDeductible>,
    /// A longer stay bears the repeat deductible again for every further cycle begun.
    pub settlement_cycle_days: Option<u32>,
    pub up: UpRule,
    pub down: DownRule,
    pub chain_sources: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StayDeductible {
    /// Of the year's first stay.
    pub first: ByStatus<Money>,
    /// Of every later stay of the year.
    pub repeat: ByStatus<Money>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByStatus<T> {
    pub active: T,
    pub retired: T,
}

impl<T: Copy> ByStatus<T> {
    pub const fn of(&self, person: Person) -> T {
        if person.retired { self.retired } else { self.active }
    }
}

/// Positions on the in-scope axis with the fund's ratios there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// Exclusive.
    pub from: Money,
    /// Inclusive; `None` where the band is open.
    pub to: Option<Money>,
    pub rows: Vec<RatioRow>,
    pub sources: Vec<String>,
}

impl Band {
    /// Every document is checked to have exactly one for everybody it covers.
    pub fn ratio(&self, person: Person, tier: Tier) -> Option<Ratio> {
        self.rows.iter().filter(|row| row.applies_to(person)).find_map(|row| row.by_tier.get(&tier)).copied()
    }
}

/// Fund ratios for some persons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatioRow {
    /// Retired or active persons only.
    pub retired: Option<bool>,
    /// Inclusive.
    pub age_from: Option<u32>,
    /// Exclusive.
    pub age_below: Option<u32>,
    pub by_tier: BTreeMap<Tier, Ratio>,
}

impl RatioRow {
    pub fn applies_to(&self, person: Person) -> bool {
        self.retired.is_none_or(|retired| retired == person.retired)
            && self.age_from.is_none_or(|from| from <= person.age)
            && self.age_below.is_none_or(|below| person.age < below)
    }
}

/// Percentage points that a circumstance adds to or takes from the fund's ratio, at some tiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointsRule {
    pub points: Points,
    pub tiers: BTreeSet<Tier>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeAmount {
    pub ratio: ByStatus<Published<Ratio>>,
    /// What the large-amount fund pays at most in a year.
    pub ceiling: Limit,
}
