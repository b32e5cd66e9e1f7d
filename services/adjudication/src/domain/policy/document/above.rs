//! What pays above basic insurance, and what insurance costs, as it is written.

use std::collections::BTreeSet;

use serde::Deserialize;
use types::{
    care::CareKind,
    money::{Money, Ratio},
    tier::Tier,
};

use super::super::{
    above::Part,
    dues::CreditBase,
    limit::{Limit, Multiple},
};
use crate::domain::circumstances::Group;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct CriticalIllness {
    pub(in super::super) everybody: Option<CoverAbove>,
    pub(in super::super) assisted: Option<CoverAbove>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct CoverAbove {
    #[serde(default)]
    pub(in super::super) groups: BTreeSet<Group>,
    pub(in super::super) threshold: Option<Money>,
    pub(in super::super) bands: Vec<Tranche>,
    pub(in super::super) ceiling: Option<Limit>,
    pub(in super::super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Tranche {
    pub(in super::super) from: Option<Money>,
    pub(in super::super) to: Option<Limit>,
    pub(in super::super) fund_ratio: Option<Ratio>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct MedicalAssistance {
    pub(in super::super) rows: Vec<AssistanceRow>,
    pub(in super::super) ceiling: Option<Limit>,
    pub(in super::super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct AssistanceRow {
    pub(in super::super) groups: BTreeSet<Group>,
    pub(in super::super) deductible: Option<Money>,
    pub(in super::super) fund_ratio: Option<Ratio>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct TopUp {
    pub(in super::super) deductible: Option<Money>,
    pub(in super::super) ratio: Option<Ratio>,
    pub(in super::super) ceiling: Option<Limit>,
    pub(in super::super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Voucher {
    pub(in super::super) per_year: Option<Money>,
    pub(in super::super) groups: BTreeSet<Group>,
    pub(in super::super) kinds: BTreeSet<CareKind>,
    pub(in super::super) tiers: BTreeSet<Tier>,
    pub(in super::super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Account {
    pub(in super::super) covers: BTreeSet<Part>,
    pub(in super::super) family_mutual_aid: Option<bool>,
    pub(in super::super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Contribution {
    pub(in super::super) employer: Option<Ratio>,
    pub(in super::super) employee: Option<Ratio>,
    pub(in super::super) base_floor: Option<Multiple>,
    pub(in super::super) base_cap: Option<Multiple>,
    pub(in super::super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Premium {
    pub(in super::super) total: Option<Money>,
    pub(in super::super) own: Option<Money>,
    pub(in super::super) subsidy: Option<Money>,
    #[serde(default)]
    pub(in super::super) relief: Vec<Relief>,
    pub(in super::super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Relief {
    pub(in super::super) groups: BTreeSet<Group>,
    pub(in super::super) own: Option<Money>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Credit {
    pub(in super::super) rows: Vec<CreditRow>,
    pub(in super::super) source: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct CreditRow {
    pub(in super::super) retired: Option<bool>,
    pub(in super::super) age_from: Option<u32>,
    pub(in super::super) age_below: Option<u32>,
    pub(in super::super) ratio: Option<Ratio>,
    pub(in super::super) of: Option<CreditBase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct WaitingMonths {
    pub(in super::super) value: Option<u32>,
    pub(in super::super) source: Vec<String>,
}
