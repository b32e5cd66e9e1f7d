//! Why a payment is what it is: ordered steps from which the provider and an auditor can recompute it.

use serde::{Deserialize, Serialize};
use types::money::Money;

use crate::domain::localized::Localized;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub rule: StepRule,
    /// What the step comes to; for [`StepRule::Result`] the payment.
    pub amount: Money,
    /// The path in the document of terms; empty where it is arithmetic.
    pub path: String,
    /// The legal texts it cites.
    pub sources: Vec<Localized>,
    pub text: Localized,
}

/// Rule codes are API: never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepRule {
    /// How the group was found; the grouper's own steps are told one by one.
    Group,
    FeeForService,
    DrgStandard,
    DrgHighOutlier,
    DrgLowOutlier,
    DrgUngroupable,
    DipScore,
    DipOver,
    DipUnder,
    DipUnlisted,
    /// Covered by what is paid for each head.
    Capitation,
    PerUnit,
    /// What the patient pays is no more the fund's.
    OwnShare,
    /// A share of a mixture.
    Share,
    /// The terms take no payment below zero from the provider.
    NotBelowZero,
    /// A bonus or malus for quality.
    Quality,
    /// Why nothing is decided.
    Undecided,
    Result,
}

impl StepRule {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "GROUP",
            Self::FeeForService => "FEE_FOR_SERVICE",
            Self::DrgStandard => "DRG_STANDARD",
            Self::DrgHighOutlier => "DRG_HIGH_OUTLIER",
            Self::DrgLowOutlier => "DRG_LOW_OUTLIER",
            Self::DrgUngroupable => "DRG_UNGROUPABLE",
            Self::DipScore => "DIP_SCORE",
            Self::DipOver => "DIP_OVER",
            Self::DipUnder => "DIP_UNDER",
            Self::DipUnlisted => "DIP_UNLISTED",
            Self::Capitation => "CAPITATION",
            Self::PerUnit => "PER_UNIT",
            Self::OwnShare => "OWN_SHARE",
            Self::Share => "SHARE",
            Self::NotBelowZero => "NOT_BELOW_ZERO",
            Self::Quality => "QUALITY",
            Self::Undecided => "UNDECIDED",
            Self::Result => "RESULT",
        }
    }
}
