//! A policy on its way into force: one officer proposes it, another releases it, and then it never changes.

use chrono::{DateTime, NaiveDate, Utc};
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

    /// The released policies that this one takes over from on its first day. One that is in force from the same day or a later one is in the
    /// way. So is the past: what was settled on the days since was judged by the one before, and stays so.
    pub fn superseded(&self, siblings: &[Self], today: NaiveDate) -> Result<Vec<PolicyId>, AdjudicationError> {
        let others = siblings.iter().filter(|sibling| sibling.id != self.id && sibling.released().is_some());
        let overlapping: Vec<&Self> = others.filter(|sibling| sibling.policy.overlaps(&self.policy)).collect();
        let in_force = |sibling: &&&Self| matches!(sibling.state, State::Released(_));
        let first = self.policy.effective_from;
        if let Some(later) = overlapping.iter().filter(in_force).find(|sibling| sibling.policy.effective_from >= first)
        {
            return Err(AdjudicationError::PolicyOverlaps(later.id));
        }
        if !overlapping.is_empty() && first <= today {
            return Err(AdjudicationError::PolicyBackdated(first));
        }
        Ok(overlapping.iter().filter(in_force).map(|sibling| sibling.id).collect())
    }

    pub const fn released(&self) -> Option<&Release> {
        match &self.state {
            State::Proposed => None,
            State::Released(release) | State::Superseded(release) => Some(release),
        }
    }
}

/// The version that judges care of these days: the latest that had begun on its own day of judgement, and only while it is in force. One
/// that was superseded does not come back when what took over from it ends. `released` is latest first.
pub fn latest(released: Vec<PolicyVersion>, from: NaiveDate, to: NaiveDate) -> Option<PolicyVersion> {
    let judged = |version: &PolicyVersion| version.policy.judged_date(from, to);
    let latest = released.into_iter().find(|version| version.policy.effective_from <= judged(version))?;
    latest.policy.in_force_on(judged(&latest)).then_some(latest)
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

    fn of(from: &str, to: Option<&str>, state: State) -> PolicyVersion {
        let mut version = proposed();
        version.policy.effective_from = from.parse().unwrap();
        version.policy.effective_to = to.map(|to| to.parse().unwrap());
        PolicyVersion { state, ..version }
    }

    fn release() -> Release {
        Release { by: Party::Client("two".to_owned()), at: DateTime::UNIX_EPOCH }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn ad_01_what_was_superseded_does_not_come_back_when_its_successor_ends() {
        let first = of("2023-01-01", None, State::Superseded(release()));
        let bounded = of("2026-01-01", Some("2026-06-30"), State::Released(release()));
        let judges = |from: &str, to: &str| {
            latest(vec![bounded.clone(), first.clone()], day(from), day(to)).map(|version| version.id)
        };
        assert_eq!(judges("2025-12-31", "2025-12-31"), Some(first.id));
        // Judged on discharge.
        assert_eq!(judges("2025-12-31", "2026-01-01"), Some(bounded.id));
        assert_eq!(judges("2026-06-30", "2026-06-30"), Some(bounded.id));
        assert_eq!(judges("2026-07-01", "2026-07-01"), None, "nobody decided what holds now");
        assert_eq!(judges("2022-12-31", "2022-12-31"), None);
    }

    #[test]
    fn ad_01_a_policy_takes_over_from_tomorrow_at_the_earliest() {
        let first = of("2023-01-01", None, State::Released(release()));
        let today = day("2026-03-10");
        let takes_over = |from: &str, to: Option<&str>, siblings: &[PolicyVersion]| {
            of(from, to, State::Released(release())).superseded(siblings, today)
        };
        let siblings = [first.clone(), proposed()];
        assert_eq!(takes_over("2026-03-11", None, &siblings).unwrap(), [first.id]);
        for from in ["2026-03-10", "2025-01-01"] {
            let refused = takes_over(from, None, &siblings);
            assert!(matches!(refused, Err(AdjudicationError::PolicyBackdated(on)) if on == day(from)), "{refused:?}");
        }
        assert!(
            matches!(takes_over("2023-01-01", None, &siblings), Err(AdjudicationError::PolicyOverlaps(id)) if id == first.id)
        );
        // Days that one judged which is superseded by now are settled as well.
        let superseded = PolicyVersion { state: State::Superseded(release()), ..first };
        let later = of("2027-01-01", None, State::Released(release()));
        let between = takes_over("2024-01-01", Some("2024-12-31"), &[superseded, later]);
        assert!(matches!(between, Err(AdjudicationError::PolicyBackdated(_))), "{between:?}");
        // Where nothing was judged, nothing is overtaken.
        assert_eq!(takes_over("2020-01-01", None, &[]).unwrap(), []);
    }
}
