//! The rules of one kind of care: deductible, bands, circumstances, ceilings, the large-amount layer.

use std::collections::{BTreeMap, BTreeSet};

use types::{
    care::CareKind,
    money::{Money, Ratio},
    tier::Tier,
};

use super::{DownRule, Limit, Points, Published, UpRule};
use crate::domain::{
    circumstances::{Area, Group, OwnClinic},
    input::Person,
};

/// What a clause says, and the legal texts that say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    pub value: T,
    pub sources: Vec<String>,
}

/// The rules of one kind of care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CareRules {
    /// The kinds of care judged by these rules.
    pub kinds: BTreeSet<CareKind>,
    pub tiers: BTreeSet<Tier>,
    pub deductible: Sourced<Deductible>,
    /// Where the person's own clinic cares for or referred them, nothing is deducted.
    pub deductible_waived: BTreeSet<OwnClinic>,
    pub bands: Vec<Band>,
    /// Multiplies the own share of retired persons in the bands.
    pub retired_self_factor: Option<Sourced<Ratio>>,
    pub unreferred_minus: Option<Sourced<PointsRule>>,
    pub family_doctor_plus: Option<Sourced<PointsRule>>,
    /// What care outside of the insured region does to the ratio; there is a word for every [`Area`] but home.
    pub out_of_area: Option<Sourced<BTreeMap<Area, Away>>>,
    /// Where an unreferred visit is not paid at all.
    pub unreferred_not_paid: Option<Sourced<NotPaid>>,
    /// For how many days a referral is good.
    pub referral_valid_days: Option<Sourced<u32>>,
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
        !matches!(self.deductible.value, Deductible::PerStay(_))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deductible {
    PerYear(ByStatus<Money>),
    /// One for the year, that of the highest tier had: what was borne at a lower tier counts.
    PerYearByTier(BTreeMap<Tier, ByStatus<Money>>),
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
    pub fn ratio(&self, person: Person, own_clinic: OwnClinic, tier: Tier) -> Option<Ratio> {
        let row = self.rows.iter().find(|row| row.applies_to(person, own_clinic))?;
        row.by_tier.get(&tier).copied()
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
    /// At the person's own clinic, or elsewhere, only.
    pub own_clinic: Option<bool>,
    pub by_tier: BTreeMap<Tier, Ratio>,
}

impl RatioRow {
    pub fn applies_to(&self, person: Person, own_clinic: OwnClinic) -> bool {
        self.retired.is_none_or(|retired| retired == person.retired)
            && self.age_from.is_none_or(|from| from <= person.age)
            && self.age_below.is_none_or(|below| person.age < below)
            && self.own_clinic.is_none_or(|here| here == (own_clinic == OwnClinic::Here))
    }
}

/// Percentage points that a circumstance adds to or takes from the fund's ratio, at some tiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointsRule {
    pub points: Points,
    pub tiers: BTreeSet<Tier>,
}

/// What care outside of the insured region does to the ratio that is otherwise due. The two kinds of rule do not add up to the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// That share of it: 0.8 turns 85 % into 68 %.
    Multiply(Ratio),
    /// Percentage points less: 20 turns 85 % into 65 %.
    Minus(Points),
}

/// Unreferred visits at some tiers that insurance does not pay, but for some groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPaid {
    pub tiers: BTreeSet<Tier>,
    pub except: BTreeSet<Group>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeAmount {
    pub ratio: ByStatus<Published<Ratio>>,
    /// What the large-amount fund pays at most in a year.
    pub ceiling: Limit,
}
