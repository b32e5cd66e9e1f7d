//! What insurance costs and how long one waits for it: contributions, premiums with relief, credits to the personal account, waiting.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use types::money::{Money, Ratio};

use super::Sourced;
use crate::domain::{circumstances::Group, input::Person};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dues {
    pub contribution: Option<Sourced<Contribution>>,
    pub premium: Option<Sourced<Premium>>,
    /// Everybody of whom a row speaks gets that credit; where none does, there is none.
    pub account_credit: Option<Sourced<Vec<CreditRow>>>,
    /// Months of waiting after enrolling late.
    pub waiting_months: Option<Sourced<u32>>,
}

/// Monthly contributions, as shares of a base (缴费基数) between two multiples of the average wage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contribution {
    pub employer: Ratio,
    pub employee: Ratio,
    pub base_floor: Decimal,
    pub base_cap: Decimal,
}

impl Contribution {
    /// The base of a wage; its bounds are rounded half up.
    pub fn base(&self, wage: Money, average_wage: Money) -> Money {
        let bound = |times: Decimal| times.checked_mul(average_wage.decimal()).map_or(wage, Money::round_half_up);
        wage.max(bound(self.base_floor)).min(bound(self.base_cap))
    }
}

/// The yearly premium of a resident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Premium {
    pub total: Money,
    pub own: Money,
    pub subsidy: Money,
    pub relief: Vec<Relief>,
}

impl Premium {
    /// What a person of these groups pays; the rest of the total is subsidy.
    pub fn own(&self, groups: &BTreeSet<Group>) -> Money {
        let relieved = self.relief.iter().filter(|relief| !relief.groups.is_disjoint(groups));
        relieved.map(|relief| relief.own).fold(self.own, Ord::min)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relief {
    pub groups: BTreeSet<Group>,
    pub own: Money,
}

/// What is credited to the personal account every month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditRow {
    pub retired: bool,
    pub age_from: Option<u32>,
    pub age_below: Option<u32>,
    pub ratio: Ratio,
    pub of: CreditBase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CreditBase {
    /// The person's own contribution base.
    OwnBase,
    /// The city's average wage.
    CityWage,
}

impl CreditRow {
    pub fn applies_to(&self, person: Person) -> bool {
        self.retired == person.retired
            && self.age_from.is_none_or(|from| from <= person.age)
            && self.age_below.is_none_or(|below| person.age < below)
    }
}
