//! What one region checks: the rules it configured, from a day on.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;
use types::money::{Money, Ratio};
use types::region::RegionCode;

use super::document::{Settings, Standard};
use super::read::{self, RuleBookError};
use crate::domain::localized::Localized;

/// A complete inspection document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleBook {
    pub id: String,
    pub region: RegionCode,
    pub name: Localized,
    pub demonstration: bool,
    pub effective_from: NaiveDate,
    pub(super) rules: Vec<Configured>,
    pub supervision: Supervision,
}

/// A rule as this region configured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Of the library.
    pub rule: String,
    pub settings: Settings,
    pub sources: Vec<Localized>,
}

/// How a region supervises its fund. All of it must be stated: none of these numbers is national, but what a reward may be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supervision {
    /// From which modified z-score (Iglewicz and Hoaglin 1993: 0.6745 × (x − median) / MAD) on somebody is an outlier.
    pub outlier_score: Decimal,
    /// Share of the recovered amount that a whistle-blower receives, by the rules of the province or city.
    pub reward_ratio: Ratio,
    /// Within what holds everywhere, as the other: `supervision::REWARD_MIN` to `REWARD_MAX`.
    pub reward_min: Money,
    pub reward_max: Money,
    /// Of the yearly assessment; their points add up to 100.
    pub assessment: Vec<Standard>,
    /// Points from which on a contract is renewed.
    pub pass_points: Decimal,
}

impl RuleBook {
    /// Reads and checks a document (JSON).
    pub fn read(text: &str) -> Result<Self, RuleBookError> {
        read::rule_book(text)
    }

    pub fn rules(&self) -> &[Configured] {
        &self.rules
    }

    pub fn rule(&self, id: &str) -> Option<&Configured> {
        self.rules.iter().find(|configured| configured.rule == id)
    }

    /// How many days before a claim its rules look back.
    pub fn window_days(&self) -> u32 {
        self.rules.iter().map(|configured| configured.settings.window_days()).max().unwrap_or(0)
    }
}

impl Settings {
    pub(super) fn window_days(&self) -> u32 {
        let most = |days: &mut dyn Iterator<Item = u32>| days.max().unwrap_or(0);
        match self {
            Self::PriorItem { points } => most(&mut points.iter().map(|point| point.window_days)),
            Self::PeriodFrequency { points } => most(
                &mut points
                    .iter()
                    .map(|point| point.min_interval_days.unwrap_or(0).max(point.window_days.unwrap_or(0))),
            ),
            Self::PayableTotal { points } => most(&mut points.iter().map(|point| point.window_days)),
            Self::RepeatTest { points } => most(&mut points.iter().map(|point| point.validity_days)),
            Self::Course { window_days, .. } | Self::Visits { window_days, .. } => *window_days,
            Self::SplitAdmission { gap_days, .. } => *gap_days,
            _ => 0,
        }
    }
}
