//! Two registrations of one person made one, and taken apart again. Two people sign either.

use chrono::NaiveDate;
use types::ids::{MergeId, ResidentId};
use types::region::RegionCode;

use super::IdentityError;
use super::enrolment::Enrolment;
use super::resident::Person;
use super::signature::Signature;

/// Where a merge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Proposed,
    Merged,
    UnmergeProposed,
    Unmerged,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    pub id: MergeId,
    pub region: RegionCode,
    /// Whose registration is given up.
    pub resident: ResidentId,
    /// Whose stays.
    pub survivor: ResidentId,
    pub reason: String,
    pub revision: i32,
    pub proposed: Signature,
    pub merged: Option<Signature>,
    pub unmerge_proposed: Option<Signature>,
    pub unmerged: Option<Signature>,
}

impl Merge {
    pub const fn state(&self) -> State {
        match (&self.merged, &self.unmerge_proposed, &self.unmerged) {
            (None, ..) => State::Proposed,
            (Some(_), None, _) => State::Merged,
            (Some(_), Some(_), None) => State::UnmergeProposed,
            (Some(_), Some(_), Some(_)) => State::Unmerged,
        }
    }

    /// Refuses where somebody else was faster.
    pub fn check_revision(&self, revision: i32) -> Result<(), IdentityError> {
        if self.revision == revision { Ok(()) } else { Err(IdentityError::StaleRevision) }
    }

    /// The second person signs.
    pub fn merge(self, signature: Signature) -> Result<Self, IdentityError> {
        if self.state() != State::Proposed {
            return Err(IdentityError::MergeNotProposed);
        }
        self.proposed.check_second(&signature)?;
        Ok(Self { merged: Some(signature), revision: self.revision + 1, ..self })
    }

    /// Somebody says that it should be undone; a proposal that lapsed gives way to the next.
    pub fn propose_unmerge(self, signature: Signature) -> Result<Self, IdentityError> {
        let is_open = match self.state() {
            State::Merged => true,
            State::UnmergeProposed => {
                self.unmerge_proposed.as_ref().is_some_and(|earlier| earlier.has_lapsed(signature.at))
            }
            State::Proposed | State::Unmerged => false,
        };
        if !is_open {
            return Err(IdentityError::NotMerged);
        }
        Ok(Self { unmerge_proposed: Some(signature), revision: self.revision + 1, ..self })
    }

    /// The second person signs that.
    pub fn unmerge(self, signature: Signature) -> Result<Self, IdentityError> {
        let Some(proposed) = self.unmerge_proposed.as_ref().filter(|_| self.state() == State::UnmergeProposed) else {
            return Err(IdentityError::UnmergeNotProposed);
        };
        proposed.check_second(&signature)?;
        Ok(Self { unmerged: Some(signature), revision: self.revision + 1, ..self })
    }
}

/// What is known of one of the two.
#[derive(Debug)]
pub struct Side {
    pub person: Person,
    /// As they are believed now.
    pub enrolments: Vec<Enrolment>,
}

/// Refuses to make one of two where the answer to a question about the one would be two.
pub fn check_one(resident: &Side, survivor: &Side, today: NaiveDate) -> Result<(), IdentityError> {
    let (one, other) = (&resident.person, &survivor.person);
    if one.resident.mother == Some(other.resident.id) || other.resident.mother == Some(one.resident.id) {
        return Err(IdentityError::MergeOfRelatives);
    }
    if other.resident.provisional.is_some() && one.resident.provisional.is_none() {
        return Err(IdentityError::MergeWrongWay);
    }
    let has_number =
        |person: &Person| person.documents.iter().any(|document| document.is_national() && document.holds());
    if has_number(one) && has_number(other) {
        return Err(IdentityError::MergeDocumentsConflict);
    }
    let lasts = |enrolment: &&Enrolment| enrolment.terms.until.is_none_or(|until| until >= today);
    let overlaps = |enrolment: &Enrolment| {
        survivor.enrolments.iter().filter(lasts).any(|known| known.terms.overlaps(&enrolment.terms))
    };
    if resident.enrolments.iter().filter(lasts).any(overlaps) {
        return Err(IdentityError::MergeEnrolmentsOverlap);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use types::caller::Party;

    use super::*;

    fn signed(name: &str, day: i64) -> Signature {
        Signature {
            by: Party::Client(name.to_owned()),
            organisation: None,
            at: DateTime::UNIX_EPOCH + TimeDelta::days(day),
            evidence: "户口簿".to_owned(),
        }
    }

    fn proposed() -> Merge {
        Merge {
            id: MergeId::generate(),
            region: RegionCode::BEIJING,
            resident: ResidentId::generate(),
            survivor: ResidentId::generate(),
            reason: "registered twice".to_owned(),
            revision: 1,
            proposed: signed("desk", 0),
            merged: None,
            unmerge_proposed: None,
            unmerged: None,
        }
    }

    #[test]
    fn id_01_two_people_sign_a_merge_and_two_its_end() {
        let refused = proposed().merge(signed("desk", 1));
        assert!(matches!(refused, Err(IdentityError::SamePerson)));
        let merged = proposed().merge(signed("operator", 1)).unwrap();
        assert_eq!((merged.state(), merged.revision), (State::Merged, 2));
        assert!(matches!(merged.clone().unmerge(signed("operator", 2)), Err(IdentityError::UnmergeNotProposed)));

        let doubted = merged.propose_unmerge(signed("operator", 2)).unwrap();
        assert_eq!(doubted.state(), State::UnmergeProposed);
        assert!(matches!(doubted.clone().unmerge(signed("operator", 3)), Err(IdentityError::SamePerson)));
        let undone = doubted.unmerge(signed("desk", 3)).unwrap();
        assert_eq!((undone.state(), undone.revision), (State::Unmerged, 4));
        assert!(matches!(undone.clone().merge(signed("desk", 4)), Err(IdentityError::MergeNotProposed)));
        assert!(matches!(undone.propose_unmerge(signed("desk", 4)), Err(IdentityError::NotMerged)));
    }

    #[test]
    fn id_01_a_proposal_lapses_and_gives_way_to_the_next() {
        assert!(matches!(proposed().merge(signed("operator", 30)), Err(IdentityError::ProposalLapsed)));
        let merged = proposed().merge(signed("operator", 29)).unwrap();
        let doubted = merged.propose_unmerge(signed("desk", 40)).unwrap();
        assert!(matches!(doubted.clone().propose_unmerge(signed("other", 69)), Err(IdentityError::NotMerged)));
        assert!(matches!(doubted.clone().unmerge(signed("operator", 70)), Err(IdentityError::ProposalLapsed)));
        let again = doubted.propose_unmerge(signed("other", 70)).unwrap();
        assert_eq!(again.unmerge(signed("desk", 71)).unwrap().state(), State::Unmerged);
    }

    #[test]
    fn whoever_was_slower_reads_again() {
        assert!(proposed().check_revision(1).is_ok());
        assert!(matches!(proposed().check_revision(2), Err(IdentityError::StaleRevision)));
    }
}
