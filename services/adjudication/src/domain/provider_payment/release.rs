//! Terms on their way into force: as a policy's, one officer proposes them, another releases them, and then they never change.

use chrono::{DateTime, Utc};
use types::caller::Party;
use types::ids::PaymentTermsId;

use super::PaymentTerms;
use crate::domain::error::AdjudicationError;
use crate::domain::release::{Release, State};

/// A document of terms with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsVersion {
    pub id: PaymentTermsId,
    pub terms: PaymentTerms,
    /// The text as proposed; the digest is over these bytes.
    pub document: String,
    /// SHA-256, lower-case hexadecimal.
    pub digest: String,
    pub proposed_by: Party,
    pub proposed_at: DateTime<Utc>,
    pub state: State,
}

impl TermsVersion {
    /// Four eyes: whoever proposed may not release.
    pub fn release(self, by: Party, now: DateTime<Utc>) -> Result<Self, AdjudicationError> {
        if self.state != State::Proposed {
            return Err(AdjudicationError::TermsNotProposed(self.id));
        }
        if self.proposed_by == by {
            return Err(AdjudicationError::SamePerson);
        }
        Ok(Self { state: State::Released(Release { by, at: now }), ..self })
    }

    pub const fn released(&self) -> Option<&Release> {
        match &self.state {
            State::Proposed => None,
            State::Released(release) | State::Superseded(release) => Some(release),
        }
    }

    /// Of the others in force, those that this one takes over from. One that starts on the same day or later is in the way.
    pub fn superseded<'a>(
        &self,
        siblings: impl Iterator<Item = &'a Self>,
    ) -> Result<Vec<PaymentTermsId>, AdjudicationError> {
        let mut superseded = Vec::new();
        for sibling in siblings.filter(|sibling| matches!(sibling.state, State::Released(_)) && sibling.id != self.id) {
            if !sibling.terms.overlaps(&self.terms) {
                continue;
            }
            if sibling.terms.effective_from >= self.terms.effective_from {
                return Err(AdjudicationError::TermsOverlap(sibling.id));
            }
            superseded.push(sibling.id);
        }
        Ok(superseded)
    }
}
