//! A settlement: a claim divided, then confirmed. Two-phase, so that a crash between the two leaves something to go on from.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use types::care::CareKind;
use types::ids::{BillId, ClaimId, JourneyId, OrganisationId, PolicyId, QuoteId, ReferralId, ResidentId, SettlementId};
use types::{scheme::Scheme, tier::Tier};

use super::drift::Drift;
use super::engine::Adjudication;
use super::error::AdjudicationError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub id: SettlementId,
    pub claim: ClaimId,
    pub claim_version: i32,
    pub resident: ResidentId,
    pub provider: OrganisationId,
    pub tier: Tier,
    pub state: State,
    pub adjudication: Adjudication,
    /// The policy it rests on and the accumulator it moves; none for whom nobody insures.
    pub cover: Option<Cover>,
    pub quote: Option<QuoteId>,
    pub drift: Vec<Drift>,
    pub referral: Option<ReferralId>,
    pub journey: JourneyId,
    pub divided_at: DateTime<Utc>,
    /// When a division that was not confirmed lapses.
    pub lapses_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Divided,
    Confirmed { at: DateTime<Utc>, bill: BillId },
    Reversed { confirmed_at: DateTime<Utc> },
    Lapsed,
}

/// By which policy, and which running totals it moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    pub policy: PolicyId,
    pub policy_digest: String,
    pub account: Account,
    /// Version of the running totals that the division was made on.
    pub account_version: i64,
}

/// The key of a person's running totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub resident: ResidentId,
    pub year: i32,
    pub scheme: Scheme,
    /// OUTPATIENT or INPATIENT; the two never share a deductible or a ceiling.
    pub kind: CareKind,
}

impl Settlement {
    /// What stands at this moment: a division that was not confirmed in time has lapsed.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>) -> Self {
        match self.state {
            State::Divided if self.lapses_at <= now => Self { state: State::Lapsed, ..self },
            _ => self,
        }
    }

    /// Confirms for a bill. `account_version` is the present one. Confirming again for the same bill changes nothing.
    pub fn confirm(
        self,
        bill: BillId,
        account_version: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<Confirmation, AdjudicationError> {
        let settlement = self.at(now);
        match settlement.state {
            State::Confirmed { bill: before, .. } if before == bill => Ok(Confirmation::Already(settlement)),
            State::Confirmed { .. } => Err(AdjudicationError::SettlementConfirmed(settlement.id)),
            State::Reversed { .. } => Err(AdjudicationError::SettlementReversed(settlement.id)),
            State::Lapsed => Err(AdjudicationError::SettlementLapsed(settlement.id)),
            State::Divided if settlement.cover.as_ref().map(|cover| cover.account_version) != account_version => {
                Err(AdjudicationError::StaleDivision(settlement.id))
            }
            State::Divided => Ok(Confirmation::New(Self { state: State::Confirmed { at: now, bill }, ..settlement })),
        }
    }

    /// Whether the claim may be divided anew: the division lapsed, or the running totals moved since.
    pub fn is_spent(&self, account_version: Option<i64>, now: DateTime<Utc>) -> bool {
        match self.clone().at(now).state {
            State::Lapsed => true,
            State::Divided => self.cover.as_ref().map(|cover| cover.account_version) != account_version,
            State::Confirmed { .. } | State::Reversed { .. } => false,
        }
    }
}

/// What confirming came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    /// Confirmed now: the running totals move.
    New(Settlement),
    /// It was confirmed for this bill before.
    Already(Settlement),
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Divided => "DIVIDED",
            Self::Confirmed { .. } => "CONFIRMED",
            Self::Reversed { .. } => "REVERSED",
            Self::Lapsed => "LAPSED",
        }
    }
}
