//! How the resident signs. Without a signature nobody acts.

use types::caller::Party;
use types::ids::{OrganisationId, PractitionerId};
use types::national_id::NationalId;

use super::Delegation;
use crate::domain::IdentityError;
use crate::domain::practitioner::Practitioner;

/// How it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// Not yet: somebody put it before the resident.
    Proposed,
    /// By the resident under their own token, or by their guardian.
    Own,
    /// At a desk, before this witness.
    Desk(PractitionerId),
    /// Not at all: an operator saw the guardian's papers.
    Papers,
}

impl Signing {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "PROPOSED",
            Self::Own => "OWN",
            Self::Desk(_) => "DESK",
            Self::Papers => "PAPERS",
        }
    }

    pub const fn witness(self) -> Option<PractitionerId> {
        match self {
            Self::Desk(witness) => Some(witness),
            Self::Proposed | Self::Own | Self::Papers => None,
        }
    }

    pub fn parse(word: &str, witness: Option<PractitionerId>) -> Option<Self> {
        match (word, witness) {
            ("PROPOSED", None) => Some(Self::Proposed),
            ("OWN", None) => Some(Self::Own),
            ("DESK", Some(witness)) => Some(Self::Desk(witness)),
            ("PAPERS", None) => Some(Self::Papers),
            _ => None,
        }
    }
}

/// What a resident presented at a desk, and before whom.
#[derive(Debug, Clone)]
pub struct Desk {
    pub national_id: NationalId,
    pub witness: PractitionerId,
}

impl Delegation {
    /// A witness is a third person: of the desk's organisation, neither the delegate nor whoever records the signature.
    pub fn check_witness(
        &self,
        witness: &Practitioner,
        organisation: OrganisationId,
        recorded_by: &Party,
    ) -> Result<(), IdentityError> {
        let party = Party::Practitioner(witness.id);
        if witness.organisation != organisation || party == self.delegate || party == *recorded_by {
            return Err(IdentityError::WitnessNotAccepted);
        }
        Ok(())
    }
}
