//! A policy: what one region's scheme pays, from one date on, as data.
//!
//! A [`Policy`] exists only if its document is complete: bands without gap or overlap, a ratio for everybody it covers, every
//! number stated with its legal source. What a region has not published is not a guess here but a tier that is not covered,
//! or the words `not_published`.

mod above;
mod care;
mod document;
mod dues;
mod limit;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use types::{care::CareKind, money::Money, region::RegionCode, scheme::Scheme, tier::Tier};

pub use above::{
    Above, Account, Assistance, AssistanceRow, CoverAbove, CriticalIllness, Part, TopUp, Tranche, Voucher,
};
pub use care::{
    Away, Band, ByStatus, CareRules, Deductible, LargeAmount, NotPaid, PointsRule, RatioRow, Sourced, StayDeductible,
    StayDeductibles,
};
pub use document::{DownRule, JudgedOn, UpRule};
pub use dues::{Contribution, CreditBase, CreditRow, Dues, Premium, Relief};
pub use limit::{Limit, Points, Published};

use super::{document::Document as _, explanation::Clause, localized::Localized};

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
    pub outpatient: Option<CareRules>,
    pub inpatient: Option<CareRules>,
    /// What pays above basic insurance, and by which means a person pays.
    pub above: Above,
    /// What insurance costs, and how long one waits for it. No claim is divided by it.
    pub dues: Dues,
    /// What the text says beside: no amount goes by it.
    pub stated: Vec<Sourced<Localized>>,
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

    /// The rules for this care, if this policy is in force for it.
    pub fn rules(&self, kind: CareKind, tier: Tier, from: NaiveDate, to: NaiveDate) -> Option<&CareRules> {
        let rules = self.section(kind).map(|(_, rules)| rules)?;
        (rules.tiers.contains(&tier) && self.in_force_on(self.judged_date(from, to))).then_some(rules)
    }

    /// Whose running totals of the year this care moves: those of outpatient or of inpatient care.
    pub fn account_kind(&self, kind: CareKind) -> Option<CareKind> {
        self.section(kind).map(|(account, _)| account)
    }

    fn section(&self, kind: CareKind) -> Option<(CareKind, &CareRules)> {
        let sections = [(CareKind::Outpatient, &self.outpatient), (CareKind::Inpatient, &self.inpatient)];
        sections.into_iter().find_map(|(account, rules)| {
            rules.as_ref().filter(|rules| rules.kinds.contains(&kind)).map(|rules| (account, rules))
        })
    }

    pub(super) fn clause<'s>(&self, path: String, sources: impl IntoIterator<Item = &'s String>) -> Clause {
        let mut cited: Vec<&String> = Vec::new();
        for source in sources {
            if !cited.contains(&source) {
                cited.push(source);
            }
        }
        Clause { path, sources: cited.into_iter().filter_map(|key| self.sources.get(key)).cloned().collect() }
    }
}
