//! What pays above basic insurance, on the share that it leaves to the person, and by which means the person pays the rest.
//!
//! These go by the person's year over all kinds of care, in this order: critical illness insurance, medical assistance, a commercial top-up,
//! vouchers, the personal account and the family's.

use std::collections::BTreeSet;

use types::{
    care::CareKind,
    money::{Money, Ratio},
    tier::Tier,
};

use super::{Limit, Sourced};
use crate::domain::circumstances::Group;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Above {
    pub critical_illness: Option<CriticalIllness>,
    pub assistance: Option<Sourced<Assistance>>,
    pub top_up: Option<Sourced<TopUp>>,
    pub voucher: Option<Sourced<Voucher>>,
    pub account: Option<Sourced<Account>>,
}

/// Critical illness insurance (大病保险), on the year's own share of in-scope expenses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriticalIllness {
    pub everybody: Sourced<CoverAbove>,
    /// Some groups have a better one.
    pub assisted: Option<(BTreeSet<Group>, Sourced<CoverAbove>)>,
}

impl CriticalIllness {
    /// The cover of a person, and whether it is that of the assisted.
    pub fn of(&self, groups: &BTreeSet<Group>) -> (&Sourced<CoverAbove>, bool) {
        match &self.assisted {
            Some((assisted, cover)) if !assisted.is_disjoint(groups) => (cover, true),
            _ => (&self.everybody, false),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverAbove {
    /// Of the year's own share, what is below it is not judged.
    pub threshold: Money,
    /// Positions above the threshold, from zero without gap or overlap, the last one open.
    pub bands: Vec<Tranche>,
    /// What it pays at most in a year.
    pub ceiling: Limit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tranche {
    /// Exclusive.
    pub from: Money,
    /// Inclusive; `None` where the band is open.
    pub to: Option<Money>,
    pub ratio: Ratio,
}

/// Medical assistance (医疗救助), on what critical illness insurance leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assistance {
    /// No group stands in two rows. Of a person of several groups the first row counts.
    pub rows: Vec<AssistanceRow>,
    /// What it pays at most in a year.
    pub ceiling: Limit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssistanceRow {
    pub groups: BTreeSet<Group>,
    /// Of the year.
    pub deductible: Money,
    pub ratio: Ratio,
}

/// A commercial top-up (补充医疗保险), on what is left of the in-scope expenses, for who has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopUp {
    /// Of the year.
    pub deductible: Money,
    pub ratio: Ratio,
    /// What it pays at most in a year.
    pub ceiling: Limit,
}

/// A voucher of some groups, for care of some kinds at some tiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    pub per_year: Money,
    pub groups: BTreeSet<Group>,
    pub kinds: BTreeSet<CareKind>,
    pub tiers: BTreeSet<Tier>,
}

/// What may be paid from the personal account (个人账户).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub covers: BTreeSet<Part>,
    /// Also from that of a member of the family (家庭共济).
    pub family_mutual_aid: bool,
}

/// A part of a person's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Part {
    /// What is left of in-scope expenses.
    InScope,
    /// The first self-pay share of class B.
    FirstSelfPay,
    /// Class C, and what is above a limit of the price.
    FullyOwn,
}
