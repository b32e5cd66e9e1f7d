//! A settlement: a claim divided, then confirmed. Two-phase, so that a crash between the two leaves something to go on from.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use types::care::CareKind;
use types::ids::{BillId, ClaimId, JourneyId, OrganisationId, PolicyId, QuoteId, ReferralId, ResidentId, SettlementId};
use types::{money::Money, scheme::Scheme, tier::Tier};

use super::account::Drawn;
use super::adjustment::Adjustment;
use super::change::{Cause, Reason};
use super::circumstances::YearTotals;
use super::drift::Drift;
use super::engine::Adjudication;
use super::error::AdjudicationError;
use super::remote_care::RemoteCare;

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
    /// How care away from the insured region was filed; none within it.
    pub remote_care: Option<RemoteCare>,
    /// What it took the place of, and what was changed in the end.
    pub change: Change,
}

/// How a settlement came to be or ended otherwise than by a desk's division. Empty for nearly all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    /// The settlement of the same claim that it took the place of, and why.
    pub corrects: Option<(SettlementId, Cause)>,
    /// Why somebody took it back or corrected the claim.
    pub reason: Option<Reason>,
    /// The difference to what it took the place of; of what was taken back, all of it.
    pub adjustment: Option<Adjustment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Divided,
    Confirmed {
        at: DateTime<Utc>,
        bill: BillId,
    },
    /// Taken back.
    Reversed {
        confirmed_at: DateTime<Utc>,
        bill: BillId,
        at: DateTime<Utc>,
    },
    /// A later version of its claim took its place.
    Corrected {
        confirmed_at: DateTime<Utc>,
        bill: BillId,
        at: DateTime<Utc>,
    },
    Lapsed,
}

/// By which policy, which running totals it moves, and which accounts it draws on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    pub policy: PolicyId,
    pub policy_digest: String,
    pub account: Account,
    /// Version of the running totals that the division was made on.
    pub account_version: i64,
    pub drawn: Drawn,
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

impl Account {
    /// Of one person, by whichever id of theirs.
    pub fn is_same_year(&self, other: &Self) -> bool {
        (self.year, self.scheme, self.kind) == (other.year, other.scheme, other.kind)
    }
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
            State::Corrected { .. } => Err(AdjudicationError::SettlementCorrected(settlement.id)),
            State::Lapsed => Err(AdjudicationError::SettlementLapsed(settlement.id)),
            State::Divided if settlement.cover.as_ref().map(|cover| cover.account_version) != account_version => {
                Err(AdjudicationError::StaleDivision(settlement.id))
            }
            State::Divided => Ok(Confirmation::New(Self { state: State::Confirmed { at: now, bill }, ..settlement })),
        }
    }

    /// Takes it back from the bill that it was confirmed for. Again for the same bill changes nothing.
    pub fn reverse(self, bill: BillId, reason: Reason, now: DateTime<Utc>) -> Result<Reversal, AdjudicationError> {
        match self.state {
            State::Confirmed { at: confirmed_at, bill: before } if before == bill => {
                let adjustment = Some(Adjustment::of_reversal(&self.adjudication.shares));
                let change = Change { reason: Some(reason), adjustment, ..self.change };
                Ok(Reversal::New(Self { state: State::Reversed { confirmed_at, bill, at: now }, change, ..self }))
            }
            State::Reversed { bill: before, .. } if before == bill => Ok(Reversal::Already(self)),
            State::Confirmed { .. } | State::Reversed { .. } => Err(AdjudicationError::SettlementConfirmed(self.id)),
            State::Corrected { .. } => Err(AdjudicationError::SettlementCorrected(self.id)),
            State::Divided | State::Lapsed => Err(AdjudicationError::SettlementNotConfirmed(self.id)),
        }
    }

    /// The bill of a settlement in force, which its correction is for, too.
    pub fn correctable(&self) -> Result<BillId, AdjudicationError> {
        match self.state {
            State::Confirmed { bill, .. } => Ok(bill),
            State::Reversed { .. } => Err(AdjudicationError::SettlementReversed(self.id)),
            State::Corrected { .. } => Err(AdjudicationError::SettlementCorrected(self.id)),
            State::Divided | State::Lapsed => Err(AdjudicationError::SettlementNotConfirmed(self.id)),
        }
    }

    /// How much it takes of whose personal account.
    pub fn takes(&self) -> impl Iterator<Item = (ResidentId, Money)> {
        let drawn = self.cover.as_ref().map(|cover| cover.drawn).unwrap_or_default();
        drawn.amounts(&self.adjudication.shares)
    }

    /// Whether a division of the same claim comes to something else: for those who pay, for the totals that it moves (assistance may count
    /// what it pays nothing of), by the policy it rests on or by how care elsewhere was filed.
    pub fn differs_from(&self, due: &Adjudication, cover: Option<&Cover>, remote_care: Option<RemoteCare>) -> bool {
        let rests_on = |cover: Option<&Cover>| {
            cover.map(|Cover { policy, account, .. }| (*policy, account.year, account.scheme, account.kind))
        };
        let moves = |judged: &Adjudication| YearTotals::default().moved(&judged.year_before, &judged.year_after);
        self.adjudication.shares != due.shares
            || moves(&self.adjudication) != moves(due)
            || rests_on(self.cover.as_ref()) != rests_on(cover)
            || self.remote_care != remote_care
    }

    /// Whether the claim may be divided anew: the division lapsed, or the running totals moved since.
    pub fn is_spent(&self, account_version: Option<i64>, now: DateTime<Utc>) -> bool {
        match self.clone().at(now).state {
            State::Lapsed => true,
            State::Divided => self.cover.as_ref().map(|cover| cover.account_version) != account_version,
            State::Confirmed { .. } | State::Reversed { .. } | State::Corrected { .. } => false,
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

/// What taking back came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reversal {
    /// Taken back now: the running totals move back.
    New(Settlement),
    /// It was taken back before.
    Already(Settlement),
}

impl State {
    /// The bill it was confirmed for.
    pub const fn bill(self) -> Option<BillId> {
        match self {
            Self::Confirmed { bill, .. } | Self::Reversed { bill, .. } | Self::Corrected { bill, .. } => Some(bill),
            Self::Divided | Self::Lapsed => None,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Divided => "DIVIDED",
            Self::Confirmed { .. } => "CONFIRMED",
            Self::Reversed { .. } => "REVERSED",
            Self::Corrected { .. } => "CORRECTED",
            Self::Lapsed => "LAPSED",
        }
    }
}
