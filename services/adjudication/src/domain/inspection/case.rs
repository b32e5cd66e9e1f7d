//! What is inspected: a claim, the person it is of, and what else was claimed for that person.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use types::ids::{ClaimId, OrganisationId};
use types::{care::CareKind, money::Money, tier::Tier};

/// As identity documents say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Sex {
    Female,
    Male,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patient {
    pub birth_date: NaiveDate,
    /// None where it is not known; then no rule about it finds anything.
    pub sex: Option<Sex>,
}

/// A claim with what the rules ask about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub patient: Patient,
    pub provider: OrganisationId,
    pub tier: Tier,
    pub kind: CareKind,
    pub from: NaiveDate,
    pub until: NaiveDate,
    /// Local day on which the claim arrived.
    pub received_on: NaiveDate,
    /// Basic medical insurance pays for it.
    pub is_insured: bool,
    pub is_referred: bool,
    pub total: Money,
    /// ICD-10, the principal one first.
    pub diagnoses: Vec<String>,
    /// ICD-9-CM-3, as the case record states them; none where it states none, and then no rule about them finds anything.
    pub procedures: Vec<String>,
    pub lines: Vec<BilledItem>,
    /// Other claims of the same person, of every provider, that reach into the window of the rules; any order.
    pub history: Vec<Past>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledItem {
    pub item_code: String,
    /// As the catalogue has it.
    pub name: String,
    pub quantity: Decimal,
    pub unit_price: Decimal,
    pub amount: Money,
    pub on: NaiveDate,
}

/// Another claim of the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub claim: ClaimId,
    pub provider: OrganisationId,
    pub kind: CareKind,
    pub from: NaiveDate,
    pub until: NaiveDate,
    pub lines: Vec<BilledItem>,
}

impl Case {
    /// Calendar days of care, first and last included.
    pub fn days(&self) -> i64 {
        (self.until - self.from).num_days().max(0) + 1
    }
}
