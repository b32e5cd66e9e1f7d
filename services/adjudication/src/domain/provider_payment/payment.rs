//! A payment that is expected for a settlement, as it is remembered.

use chrono::{DateTime, Utc};
use types::ids::{ClaimId, OrganisationId, PaymentTermsId, ResidentId, SettlementId};

use super::expected::{Amounts, Group};
use super::steps::Step;
use super::{CaseRecord, Method};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPayment {
    pub settlement: SettlementId,
    pub claim: ClaimId,
    pub resident: ResidentId,
    pub provider: OrganisationId,
    pub terms: PaymentTermsId,
    pub terms_digest: String,
    pub method: Method,
    pub record: CaseRecord,
    pub group: Option<Group>,
    /// None where a number or the group is missing; the last step says which.
    pub amounts: Option<Amounts>,
    pub steps: Vec<Step>,
    pub expected_at: DateTime<Utc>,
    pub standing: Standing,
}

/// What became of the settlement that it is for: only what is confirmed is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Divided {
        lapses_at: DateTime<Utc>,
    },
    Confirmed,
    Reversed,
    /// That of a later version of the claim took its place, and has an expectation of its own.
    Corrected,
    Lapsed,
}

impl ProviderPayment {
    /// As it stands at this moment: a division that was not confirmed in time has lapsed.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>) -> Self {
        match self.standing {
            Standing::Divided { lapses_at } if lapses_at <= now => Self { standing: Standing::Lapsed, ..self },
            _ => self,
        }
    }
}
