//! A rule book on its way into force: one officer proposes it, another releases it, and then it never changes.

use chrono::{DateTime, Utc};
use types::caller::Party;
use types::ids::RuleBookId;

use super::error::AdjudicationError;
use super::inspection::RuleBook;

/// A document of audit rules with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleBookVersion {
    pub id: RuleBookId,
    pub book: RuleBook,
    /// The text as proposed; the digest is over these bytes.
    pub document: String,
    /// SHA-256, lower-case hexadecimal.
    pub digest: String,
    pub proposed_by: Party,
    pub proposed_at: DateTime<Utc>,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Proposed,
    Released { by: Party, at: DateTime<Utc> },
}

impl RuleBookVersion {
    /// Four eyes: whoever proposed may not release.
    pub fn release(self, by: Party, at: DateTime<Utc>) -> Result<Self, AdjudicationError> {
        if self.state != State::Proposed {
            return Err(AdjudicationError::RuleBookNotProposed(self.id));
        }
        if self.proposed_by == by {
            return Err(AdjudicationError::SamePerson);
        }
        Ok(Self { state: State::Released { by, at }, ..self })
    }
}
