//! What a replay adds up: counts and sums of whole fen only, so that the tallies of shards add up to the tally of the whole, bit for bit.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use types::care::CareKind;
use types::tier::Tier;

use super::axis::{Age, Axis, Income, Layer, Month, Rows, Size};
use super::fen::{Fen, Pair};

/// How many of those who gain and lose most are shown.
const MOST_SHOWN: usize = 8;

/// Everything that is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tally {
    /// With at least one claim that counts.
    pub(super) persons: u64,
    pub(super) lines: u64,
    /// Claims for which a policy has no rules: all own share.
    pub(super) not_covered: Pair<u64>,
    /// Claims that could not be judged under both policies, by reason. They count nowhere else.
    pub(super) left_out: BTreeMap<String, u64>,
    pub(super) effect: Effect,
    pub(super) by_layer: Rows<Layer, Pair<Fen>>,
    pub(super) by_tier: Rows<Tier, Effect>,
    pub(super) by_kind: Rows<CareKind, Effect>,
    pub(super) by_income: Rows<Income, Effect>,
    pub(super) by_age: Rows<Age, Effect>,
    pub(super) by_month: Rows<Month, Effect>,
    pub(super) households: Rows<Income, Burden>,
    pub(super) fortunes_by_income: Rows<Income, Fortunes>,
    pub(super) fortunes_by_age: Rows<Age, Fortunes>,
    /// Persons, by how much their own share changes.
    pub(super) changes: Rows<Size, u64>,
    /// Those whose own share falls most, first the most.
    pub(super) largest_gains: Vec<Case>,
    /// Those whose own share rises most, first the most.
    pub(super) largest_losses: Vec<Case>,
}

/// What some claims cost whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effect {
    pub(super) claims: u64,
    pub(super) billed: Fen,
    pub(super) fund: Pair<Fen>,
    pub(super) own: Pair<Fen>,
}

/// What own shares mean for households.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Burden {
    pub(super) households: u64,
    /// Those of them whose income is stated.
    pub(super) with_income: u64,
    /// What these have a year.
    pub(super) income: Fen,
    /// What these pay themselves.
    pub(super) own: Pair<Fen>,
    /// Households that pay more than a tenth of their income (SDG indicator 3.8.2).
    pub(super) above_tenth: Pair<u64>,
    /// Households that pay more than a quarter of it (SDG indicator 3.8.2).
    pub(super) above_quarter: Pair<u64>,
}

/// Who wins and who loses, and how much, by persons.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fortunes {
    pub(super) winners: u64,
    pub(super) gained: Fen,
    pub(super) losers: u64,
    pub(super) lost: Fen,
    pub(super) unchanged: u64,
}

/// One person who gains or loses much. Says nothing of who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) age: Age,
    pub(super) income: Income,
    pub(super) claims: u64,
    pub(super) billed: Fen,
    pub(super) own: Pair<Fen>,
}

/// What a person's claims came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PersonSum {
    pub(super) claims: u64,
    pub(super) billed: Fen,
    pub(super) own: Pair<Fen>,
}

impl Tally {
    pub(super) fn person(&mut self, age: Age, income: Income, sum: PersonSum) {
        let change = sum.own.change();
        let fortune = Fortunes::of(change);
        self.persons += 1;
        *self.fortunes_by_income.at(income) += fortune;
        *self.fortunes_by_age.at(age) += fortune;
        *self.changes.at(Size::of(change.0)) += 1;
        let case = Case { age, income, claims: sum.claims, billed: sum.billed, own: sum.own };
        if change < Fen::default() {
            keep_most(&mut self.largest_gains, [case]);
        } else if change > Fen::default() {
            keep_most(&mut self.largest_losses, [case]);
        }
    }

    pub(super) fn household(&mut self, group: Income, income: Option<Fen>, own: Pair<Fen>) {
        let mut burden = Burden { households: 1, ..Burden::default() };
        if let Some(income) = income {
            let above = |parts: i128| own.map(|own| u64::from(own.0 * parts > income.0));
            burden = Burden { with_income: 1, income, own, above_tenth: above(10), above_quarter: above(4), ..burden };
        }
        *self.households.at(group) += burden;
    }
}

impl Fortunes {
    fn of(change: Fen) -> Self {
        let nobody = Self::default();
        match change.0 {
            0 => Self { unchanged: 1, ..nobody },
            ..0 => Self { winners: 1, gained: Fen(-change.0), ..nobody },
            _ => Self { losers: 1, lost: change, ..nobody },
        }
    }
}

impl Case {
    /// First the most; where that is equal, by everything else that is shown, so that every order of merging shows the same.
    fn order(&self) -> impl Ord + use<> {
        let change = std::cmp::Reverse(self.own.change().0.abs());
        (change, self.billed, self.own.against, self.age.index(), self.income.index(), self.claims)
    }
}

fn keep_most(most: &mut Vec<Case>, more: impl IntoIterator<Item = Case>) {
    for case in more {
        if most.len() == MOST_SHOWN && most.last().is_some_and(|last| last.order() <= case.order()) {
            continue;
        }
        let place = most.partition_point(|other| other.order() <= case.order());
        most.insert(place, case);
        most.truncate(MOST_SHOWN);
    }
}

/// Sums field by field.
macro_rules! adds_up {
    ($($name:ident { $($field:ident),+ })+) => {$(
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)+
            }
        }
    )+};
}

adds_up! {
    Effect { claims, billed, fund, own }
    Burden { households, with_income, income, own, above_tenth, above_quarter }
    Fortunes { winners, gained, losers, lost, unchanged }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.persons += other.persons;
        self.lines += other.lines;
        self.not_covered += other.not_covered;
        for (reason, claims) in other.left_out {
            *self.left_out.entry(reason).or_default() += claims;
        }
        self.effect += other.effect;
        self.by_layer += other.by_layer;
        self.by_tier += other.by_tier;
        self.by_kind += other.by_kind;
        self.by_income += other.by_income;
        self.by_age += other.by_age;
        self.by_month += other.by_month;
        self.households += other.households;
        self.fortunes_by_income += other.fortunes_by_income;
        self.fortunes_by_age += other.fortunes_by_age;
        self.changes += other.changes;
        keep_most(&mut self.largest_gains, other.largest_gains);
        keep_most(&mut self.largest_losses, other.largest_losses);
    }
}
