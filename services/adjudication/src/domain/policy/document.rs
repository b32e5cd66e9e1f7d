//! The document as it is written. Numbers are optional here only so that a missing one is refused with its path.
//! The format is explained in `policies/README.md`.

mod above;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Deserialize;
use types::{
    care::CareKind,
    money::{Money, Ratio},
    region::RegionCode,
    scheme::Scheme,
    tier::Tier,
};

pub(super) use above::{
    Account, Contribution, CoverAbove, Credit, CriticalIllness, MedicalAssistance, Premium, TopUp, Voucher,
    WaitingMonths,
};

use super::limit::{Limit, Points, Published};
use crate::domain::{
    circumstances::{Area, Group, OwnClinic},
    localized::Localized,
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
    pub(super) critical_illness: Option<CriticalIllness>,
    pub(super) medical_assistance: Option<MedicalAssistance>,
    pub(super) top_up: Option<TopUp>,
    pub(super) voucher: Option<Voucher>,
    pub(super) personal_account: Option<Account>,
    pub(super) contribution: Option<Contribution>,
    pub(super) premium: Option<Premium>,
    pub(super) account_credit: Option<Credit>,
    pub(super) waiting_months: Option<WaitingMonths>,
    #[serde(default)]
    pub(super) stated: Vec<Stated>,
}

/// What the text says and no amount goes by: which clinics, which months, what other services keep.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stated {
    pub(super) zh: String,
    pub(super) en: String,
    pub(super) source: Vec<String>,
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
    pub(super) kinds: Option<BTreeSet<CareKind>>,
    pub(super) tiers: BTreeSet<Tier>,
    pub(super) deductible: Option<Deductible>,
    pub(super) referral_chain: Option<ReferralChain>,
    pub(super) bands: Vec<Band>,
    pub(super) retired_self_factor: Option<Value<Ratio>>,
    pub(super) unreferred_minus: Option<PointsRule>,
    pub(super) family_doctor_plus: Option<PointsRule>,
    pub(super) out_of_area: Option<OutOfArea>,
    pub(super) unreferred_not_paid: Option<NotPaid>,
    pub(super) referral_valid_days: Option<Value<u32>>,
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
    pub(super) per_year_by_tier: Option<BTreeMap<Tier, ByStatus<Money>>>,
    pub(super) per_stay: Option<BTreeMap<Tier, StayDeductible>>,
    pub(super) settlement_cycle_days: Option<u32>,
    #[serde(default)]
    pub(super) waived_at: BTreeSet<OwnClinic>,
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
    pub(super) own_clinic: Option<bool>,
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
pub(super) struct OutOfArea {
    pub(super) by_filing: BTreeMap<Area, Away>,
    pub(super) source: Vec<String>,
}

/// Exactly one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Away {
    pub(super) multiply: Option<Ratio>,
    pub(super) minus_points: Option<Points>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotPaid {
    pub(super) tiers: BTreeSet<Tier>,
    #[serde(default)]
    pub(super) except_groups: BTreeSet<Group>,
    pub(super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LargeAmount {
    pub(super) fund_ratio: Option<ByStatus<Published<Ratio>>>,
    pub(super) ceiling: Option<Limit>,
    pub(super) source: Vec<String>,
}
