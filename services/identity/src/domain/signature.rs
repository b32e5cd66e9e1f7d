//! What takes two people: one proposes, another signs.

use chrono::{DateTime, TimeDelta, Utc};
use types::caller::{Caller, Party};
use types::ids::OrganisationId;

use super::IdentityError;

/// How long a proposal waits for its second signature.
const PROPOSAL_TERM: TimeDelta = TimeDelta::days(30);

/// One of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub by: Party,
    pub organisation: Option<OrganisationId>,
    pub at: DateTime<Utc>,
    pub evidence: String,
}

impl Signature {
    pub fn of(caller: &Caller, evidence: String, at: DateTime<Utc>) -> Self {
        Self { by: caller.acting().clone(), organisation: caller.organisation, at, evidence }
    }

    /// Whether what was proposed with it can be signed no more.
    pub fn has_lapsed(&self, now: DateTime<Utc>) -> bool {
        self.at + PROPOSAL_TERM <= now
    }

    /// Refuses a second signature by the same person, and one that comes too late.
    pub fn check_second(&self, second: &Self) -> Result<(), IdentityError> {
        if self.by == second.by {
            return Err(IdentityError::SamePerson);
        }
        if self.has_lapsed(second.at) { Err(IdentityError::ProposalLapsed) } else { Ok(()) }
    }
}
