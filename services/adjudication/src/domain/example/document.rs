//! The example as it is written.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;
use types::{
    care::CareKind,
    money::{Money, Ratio},
    tier::Tier,
};

use super::{Example, ExampleError};
use crate::domain::{
    circumstances::Circumstances,
    document::in_words,
    entitlement::FlexibleEmployment,
    input::{Accumulators, Chain},
    line::PriceLimit,
    localized::Localized,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[expect(dead_code, reason = "the one format there is; the document states it all the same")]
    format: Format,
    id: String,
    title: Localized,
    source: String,
    policy: Option<String>,
    case: Case,
}

#[derive(Deserialize)]
enum Format {
    #[serde(rename = "anjia.example/1")]
    V1,
}

/// What kind of arithmetic an example shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Claims,
    Sum,
    Ratios,
    Bill,
    Contribution,
    Enrolment,
    Identifier,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Case {
    /// Claims of one person, one after the other; each goes on from where the one before left the year, unless it says otherwise.
    Claims(Vec<Claim>),
    /// Published parts and their published sum.
    Sum(Sum),
    /// Ratios of active persons and what the factor of the retired makes of them.
    Ratios(Ratios),
    /// The lines of a receipt, without any policy.
    Bill(Bill),
    /// A monthly contribution.
    Contribution(Contribution),
    /// Months missing and months of waiting.
    Enrolment(Enrolment),
    /// Whether an identifier is one.
    Identifier(Identifier),
}

impl Case {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Claims(_) => Kind::Claims,
            Self::Sum(_) => Kind::Sum,
            Self::Ratios(_) => Kind::Ratios,
            Self::Bill(_) => Kind::Bill,
            Self::Contribution(_) => Kind::Contribution,
            Self::Enrolment(_) => Kind::Enrolment,
            Self::Identifier(_) => Kind::Identifier,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    #[serde(default)]
    pub(super) retired: bool,
    pub(super) age: u32,
    pub(super) tier: Tier,
    pub(super) care: CareKind,
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    pub(super) lines: Vec<Line>,
    pub(super) before: Option<Accumulators>,
    pub(super) chain: Option<Chain>,
    #[serde(default = "yes")]
    pub(super) referred: bool,
    #[serde(default)]
    pub(super) family_doctor: bool,
    pub(super) circumstances: Option<Circumstances>,
    /// Figures by name; see [`super::claim::figures`].
    pub(super) expected: BTreeMap<String, Money>,
    /// The person's share of each band, lowest first.
    pub(super) expected_band_own: Option<Vec<Money>>,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    #[serde(default)]
    pub(super) name: String,
    pub(super) class: Class,
    pub(super) first_self_pay: Option<Ratio>,
    pub(super) quantity: Option<Decimal>,
    pub(super) unit_price: Option<Decimal>,
    pub(super) amount: Money,
    pub(super) price_limit: Option<PriceLimit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Class {
    A,
    B,
    C,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sum {
    /// Published parts by what they are.
    pub(super) parts: BTreeMap<String, Money>,
    /// What was published as their sum.
    pub(super) published: Money,
    /// By how much it is known to be off; nothing where it is not.
    #[serde(default)]
    pub(super) known_difference: Money,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ratios {
    pub(super) factor: Ratio,
    pub(super) rows: Vec<RatioRow>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RatioRow {
    pub(super) active_own: Ratio,
    pub(super) retired_own: Ratio,
    pub(super) retired_fund: Ratio,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bill {
    pub(super) lines: Vec<Line>,
    pub(super) expected_total: Money,
    /// Of the class C lines.
    pub(super) expected_fully_own: Option<Money>,
    /// Published sums of categories; together the total, too.
    #[serde(default)]
    pub(super) categories: Vec<Money>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contribution {
    pub(super) base: Money,
    pub(super) rate: Ratio,
    pub(super) expected_monthly: Money,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enrolment {
    pub(super) rule: FlexibleEmployment,
    pub(super) months_paid: u32,
    pub(super) gap_months: u32,
    pub(super) expected_missing_months: u32,
    pub(super) expected_waiting_months: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identifier {
    pub(super) of: Identified,
    pub(super) value: String,
    pub(super) expected_valid: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Identified {
    /// GB 11643.
    Person,
    /// GB 32100.
    Organisation,
}

pub(super) fn read(text: &str) -> Result<Example, ExampleError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document: Document = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| ExampleError::Malformed { path: error.path().to_string(), what: in_words(error.inner()) })?;
    let Document { id, title, source, policy, case, .. } = document;
    Ok(Example { id, title, source, policy, case })
}
