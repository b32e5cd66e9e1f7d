//! The document as it is written. Numbers are optional here only so that a missing one is refused with its path.
//! The format is explained in `policies/README.md`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Deserialize;
use types::{
    money::{Money, Ratio},
    region::RegionCode,
    scheme::Scheme,
    tier::Tier,
};

use super::{
    super::localized::Localized,
    limit::{Limit, Points, Published},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) format: Format,
    pub(super) id: String,
    pub(super) region: RegionCode,
    pub(super) scheme: Scheme,
    pub(super) name: Localized,
    #[serde(default)]
    pub(super) demonstration: bool,
    pub(super) effective: Effective,
    pub(super) judged_on: JudgedOn,
    pub(super) rounding: SourcedRounding,
    pub(super) sources: BTreeMap<String, Localized>,
    pub(super) outpatient: Option<Care>,
    pub(super) inpatient: Option<Care>,
}

#[derive(Deserialize)]
pub(super) enum Format {
    #[serde(rename = "anjia.policy/1")]
    V1,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effective {
    pub(super) from: Option<NaiveDate>,
    pub(super) to: Option<NaiveDate>,
}

/// Which day of a stay decides the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JudgedOn {
    Admission,
    Discharge,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourcedRounding {
    #[expect(dead_code, reason = "half up is the only rule there is; the document states it all the same")]
    pub(super) rule: Rounding,
    pub(super) source: Vec<String>,
}

#[derive(Deserialize)]
pub(super) enum Rounding {
    #[serde(rename = "HALF_UP_TO_FEN")]
    HalfUpToFen,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Care {
    pub(super) tiers: BTreeSet<Tier>,
    pub(super) deductible: Option<Deductible>,
    pub(super) referral_chain: Option<ReferralChain>,
    pub(super) bands: Vec<Band>,
    pub(super) retired_self_factor: Option<Value<Ratio>>,
    pub(super) unreferred_minus: Option<PointsRule>,
    pub(super) family_doctor_plus: Option<PointsRule>,
    pub(super) cover_limit: Option<Value<Limit>>,
    pub(super) pooled_ceiling: Option<Value<Limit>>,
    pub(super) large_amount: Option<LargeAmount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Value<T> {
    pub(super) value: Option<T>,
    pub(super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deductible {
    pub(super) per_year: Option<ByStatus<Money>>,
    pub(super) per_stay: Option<BTreeMap<Tier, StayDeductible>>,
    pub(super) settlement_cycle_days: Option<u32>,
    pub(super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StayDeductible {
    pub(super) first: Option<ByStatus<Money>>,
    pub(super) repeat: Option<ByStatus<Money>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ByStatus<T> {
    pub(super) active: Option<T>,
    pub(super) retired: Option<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReferralChain {
    pub(super) up: UpRule,
    pub(super) down: DownRule,
    pub(super) source: Vec<String>,
}

/// The deductible of the upper hospital after an up-referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UpRule {
    /// What the chain already bore counts.
    CountsOn,
    Anew,
}

/// The deductible of the lower hospital after a down-referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DownRule {
    NoneAnew,
    Anew,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Band {
    pub(super) from: Option<Money>,
    pub(super) to: Option<Limit>,
    pub(super) fund_ratio: Vec<RatioRow>,
    pub(super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RatioRow {
    pub(super) retired: Option<bool>,
    pub(super) age_from: Option<u32>,
    pub(super) age_below: Option<u32>,
    pub(super) by_tier: BTreeMap<Tier, Ratio>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PointsRule {
    pub(super) points: Option<Points>,
    pub(super) tiers: BTreeSet<Tier>,
    pub(super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LargeAmount {
    pub(super) fund_ratio: Option<ByStatus<Published<Ratio>>>,
    pub(super) ceiling: Option<Limit>,
    pub(super) source: Vec<String>,
}
