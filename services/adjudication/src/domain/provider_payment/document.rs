//! Terms as they are written. Numbers are optional here only so that a missing one is refused with its path.
//! The format is explained in `payment-terms/README.md`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use drg::payment::{Coefficients, Factor};
use serde::Deserialize;
use types::care::CareKind;
use types::ids::OrganisationId;
use types::money::{Money, Ratio};
use types::{region::RegionCode, scheme::Scheme, tier::Tier};

use super::per_unit::{Counts, Unit};
use super::quality::{Percent, Score, Unscored};
use crate::domain::localized::Localized;
use crate::domain::policy::JudgedOn;

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
    pub(super) rounding: Rounding,
    pub(super) may_be_negative: Option<bool>,
    pub(super) sources: BTreeMap<String, Localized>,
    pub(super) methods: Vec<MethodDocument>,
    pub(super) value_based: Option<QualityDocument>,
}

#[derive(Deserialize)]
pub(super) enum Format {
    #[serde(rename = "anjia.provider-payment/1")]
    V1,
}

/// The only rule there is; the document states it all the same.
#[derive(Deserialize)]
pub(super) enum Rounding {
    #[serde(rename = "HALF_UP_TO_FEN")]
    HalfUpToFen,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effective {
    pub(super) from: Option<NaiveDate>,
    pub(super) to: Option<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MethodDocument {
    pub(super) kinds: BTreeSet<CareKind>,
    pub(super) tiers: BTreeSet<Tier>,
    pub(super) pay: Option<PayDocument>,
    pub(super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PayDocument {
    FeeForService(FeeForServiceDocument),
    Drg(Box<drg::payment::Document>),
    Dip(Box<DipDocument>),
    Capitation(CapitationDocument),
    PerUnit(PerUnitDocument),
    Mixture(Vec<PartDocument>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartDocument {
    pub(super) share: Option<Ratio>,
    pub(super) pay: Option<PayDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeeForServiceDocument {
    pub(super) cost_ratio: Option<Factor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DipDocument {
    pub(super) point_value: Option<Factor>,
    pub(super) groups: Option<BTreeMap<String, DipGroupDocument>>,
    pub(super) coefficients: Option<Coefficients>,
    pub(super) over: Option<Factor>,
    pub(super) under: Option<Factor>,
    pub(super) auxiliary: Option<BTreeMap<String, Factor>>,
    pub(super) unlisted_cost_ratio: Option<Factor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DipGroupDocument {
    pub(super) name: Option<String>,
    pub(super) diagnosis: Option<String>,
    #[serde(default)]
    pub(super) procedures: BTreeSet<String>,
    pub(super) score: Option<Factor>,
    pub(super) average_cost: Option<BTreeMap<Tier, Money>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CapitationDocument {
    pub(super) per_head_year: Option<Money>,
    pub(super) risk: Option<Vec<RiskDocument>>,
    pub(super) conditions: Option<BTreeMap<String, Factor>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RiskDocument {
    pub(super) age_from: Option<u32>,
    pub(super) factor: Option<Factor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PerUnitDocument {
    pub(super) unit: Option<Unit>,
    pub(super) counts: Option<Counts>,
    pub(super) stages: Option<Vec<StageDocument>>,
    pub(super) coefficients: Option<Coefficients>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StageDocument {
    /// Inclusive, or `none`: open.
    pub(super) to_unit: Option<String>,
    pub(super) rate: Option<Money>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QualityDocument {
    pub(super) bands: Option<Vec<QualityBandDocument>>,
    pub(super) scores: Option<BTreeMap<OrganisationId, Score>>,
    pub(super) unscored: Option<Unscored>,
    pub(super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QualityBandDocument {
    pub(super) score_from: Option<Score>,
    pub(super) percent: Option<Percent>,
}
