//! A policy on its way into force: one officer proposes it, another releases it, and then it never changes.

use chrono::{DateTime, Utc};
use types::caller::Party;
use types::ids::PolicyId;

use super::error::AdjudicationError;
use super::policy::Policy;

/// A policy document with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    pub id: PolicyId,
    pub policy: Policy,
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
    Released(Release),
    /// A later policy took over from its own first day; earlier days are still judged by this one.
    Superseded(Release),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub by: Party,
    pub at: DateTime<Utc>,
}

impl PolicyVersion {
    /// Four eyes: whoever proposed may not release.
    pub fn release(self, by: Party, now: DateTime<Utc>) -> Result<Self, AdjudicationError> {
        if self.state != State::Proposed {
            return Err(AdjudicationError::PolicyNotProposed(self.id));
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
}

impl State {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Proposed => "PROPOSED",
            Self::Released(_) => "RELEASED",
            Self::Superseded(_) => "SUPERSEDED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed() -> PolicyVersion {
        let document = include_str!("../../policies/beijing-employee.json");
        PolicyVersion {
            id: PolicyId::generate(),
            policy: Policy::read(document).unwrap(),
            document: document.to_owned(),
            digest: String::new(),
            proposed_by: Party::Client("one".to_owned()),
            proposed_at: DateTime::UNIX_EPOCH,
            state: State::Proposed,
        }
    }

    #[test]
    fn ad_01_a_policy_is_released_by_another_person_and_once() {
        let version = proposed();
        let refused = version.clone().release(Party::Client("one".to_owned()), DateTime::UNIX_EPOCH);
        assert!(matches!(refused, Err(AdjudicationError::SamePerson)));

        let released = version.release(Party::Client("two".to_owned()), DateTime::UNIX_EPOCH).unwrap();
        let again = released.release(Party::Client("three".to_owned()), DateTime::UNIX_EPOCH);
        assert!(matches!(again, Err(AdjudicationError::PolicyNotProposed(_))));
    }
}
