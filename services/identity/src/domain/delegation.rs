//! That a resident lets somebody act for them, and when that holds. No delegation, no act.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use proto::convert::FieldError;
use types::caller::Party;
use types::ids::{DelegationId, OrganisationId, ResidentId};
use types::region::RegionCode;

use super::word::words;
use super::{IdentityError, check_until};

words! {
    /// What a delegate may do for the resident.
    Action {
        Book = "BOOK",
        Attend = "ATTEND",
        Refer = "REFER",
        Pay = "PAY",
        View = "VIEW",
    }
}

words! {
    /// On what ground somebody acts.
    Basis {
        /// The resident granted it.
        Granted = "GRANTED",
        /// Guardian of a minor or of somebody without capacity; an operator saw the papers.
        Guardian = "GUARDIAN",
    }
}

/// Where a delegation stands at a moment. Expiry is a fact of time, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Active,
    Expired,
    Revoked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    pub id: DelegationId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub delegate: Party,
    pub basis: Basis,
    pub actions: BTreeSet<Action>,
    pub until: DateTime<Utc>,
    pub evidence: String,
    /// Organisation that saw a guardian's papers.
    pub witness: Option<OrganisationId>,
    pub granted_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Delegation {
    /// Whether it may be granted as it is.
    pub fn check_grant(&self) -> Result<(), FieldError> {
        match &self.delegate {
            Party::Resident(delegate) if *delegate == self.resident => {
                return Err(FieldError::new("delegate", "must be somebody else than the resident"));
            }
            // Services act under a mandate, which is given for one piece of work.
            Party::Service(_) => return Err(FieldError::new("delegate", "must not be a service")),
            _ => {}
        }
        if self.actions.is_empty() {
            return Err(FieldError::new("actions", "at least one is required"));
        }
        check_until(self.until, self.granted_at)
    }

    pub fn state(&self, now: DateTime<Utc>) -> State {
        if self.revoked_at.is_some() {
            State::Revoked
        } else if self.until <= now {
            State::Expired
        } else {
            State::Active
        }
    }

    /// Refuses unless it is in force for this resident.
    pub fn check_in_force(&self, resident: ResidentId, now: DateTime<Utc>) -> Result<(), IdentityError> {
        if self.resident != resident {
            return Err(IdentityError::NoDelegation);
        }
        match self.state(now) {
            State::Active => Ok(()),
            State::Expired => Err(IdentityError::DelegationExpired),
            State::Revoked => Err(IdentityError::NoDelegation),
        }
    }

    /// Refuses unless it lets `delegate` act for `resident` at all.
    pub fn check_delegate(
        &self,
        resident: ResidentId,
        delegate: &Party,
        now: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        if self.delegate != *delegate {
            return Err(IdentityError::NoDelegation);
        }
        self.check_in_force(resident, now)
    }

    /// Refuses unless it lets `delegate` do `action` for `resident`.
    pub fn check_action(
        &self,
        resident: ResidentId,
        delegate: &Party,
        action: Action,
        now: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        self.check_delegate(resident, delegate, now)?;
        if self.actions.contains(&action) { Ok(()) } else { Err(IdentityError::ActionNotDelegated) }
    }

    /// Refuses unless it is a guardian's, who passes on no more than they have: no other action, and not for longer.
    pub fn check_passes_on(&self, granted: &Self) -> Result<(), IdentityError> {
        if self.basis != Basis::Guardian || !granted.actions.is_subset(&self.actions) {
            return Err(IdentityError::ActionNotDelegated);
        }
        if granted.until > self.until {
            return Err(FieldError::new("until", "must not be later than the guardianship's").into());
        }
        Ok(())
    }

    /// Takes it back. The first time counts.
    #[must_use]
    pub fn revoke(self, now: DateTime<Utc>) -> Self {
        Self { revoked_at: self.revoked_at.or(Some(now)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use types::ids::PractitionerId;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn delegation() -> Delegation {
        Delegation {
            id: DelegationId::generate(),
            region: RegionCode::BEIJING,
            resident: ResidentId::generate(),
            delegate: Party::Practitioner(PractitionerId::generate()),
            basis: Basis::Granted,
            actions: BTreeSet::from([Action::Book, Action::Refer]),
            until: NOW + TimeDelta::days(1),
            evidence: "SELF".to_owned(),
            witness: None,
            granted_at: NOW,
            revoked_at: None,
        }
    }

    #[test]
    fn id_04_a_delegate_may_do_what_was_delegated_and_nothing_else() {
        let delegation = delegation();
        let may = |action| delegation.check_action(delegation.resident, &delegation.delegate, action, NOW);
        assert!(may(Action::Book).is_ok());
        assert!(matches!(may(Action::Pay), Err(IdentityError::ActionNotDelegated)));
    }

    #[test]
    fn id_04_nobody_else_may_act_and_for_nobody_else() {
        let delegation = delegation();
        let stranger = Party::Practitioner(PractitionerId::generate());
        let by_stranger = delegation.check_action(delegation.resident, &stranger, Action::Book, NOW);
        assert!(matches!(by_stranger, Err(IdentityError::NoDelegation)));
        let for_stranger = delegation.check_action(ResidentId::generate(), &delegation.delegate, Action::Book, NOW);
        assert!(matches!(for_stranger, Err(IdentityError::NoDelegation)));
    }

    #[test]
    fn id_04_it_ends_at_its_time_and_when_revoked() {
        let delegation = delegation();
        assert_eq!(delegation.state(delegation.until - TimeDelta::microseconds(1)), State::Active);
        assert_eq!(delegation.state(delegation.until), State::Expired);
        let late = delegation.check_in_force(delegation.resident, delegation.until);
        assert!(matches!(late, Err(IdentityError::DelegationExpired)));

        let revoked = delegation.clone().revoke(NOW);
        assert_eq!(revoked.state(revoked.until), State::Revoked);
        let refused = revoked.check_in_force(revoked.resident, NOW);
        assert!(matches!(refused, Err(IdentityError::NoDelegation)));
        assert_eq!(revoked.clone().revoke(NOW + TimeDelta::hours(1)), revoked);
    }

    #[test]
    fn id_04_a_guardian_passes_on_no_more_than_they_have() {
        let guardianship = Delegation { basis: Basis::Guardian, ..delegation() };
        let less = Delegation { actions: BTreeSet::from([Action::Book]), ..delegation() };
        assert!(guardianship.check_passes_on(&less).is_ok());
        let more = Delegation { actions: BTreeSet::from([Action::Book, Action::Pay]), ..less.clone() };
        assert!(matches!(guardianship.check_passes_on(&more), Err(IdentityError::ActionNotDelegated)));
        let longer = Delegation { until: guardianship.until + TimeDelta::microseconds(1), ..less.clone() };
        assert!(
            matches!(guardianship.check_passes_on(&longer), Err(IdentityError::Field(wrong)) if wrong.field == "until")
        );
        assert!(matches!(delegation().check_passes_on(&less), Err(IdentityError::ActionNotDelegated)));
    }

    #[test]
    fn id_04_what_may_not_be_granted_names_the_field() {
        let field = |delegation: Delegation| delegation.check_grant().unwrap_err().field;
        let good = delegation();
        assert_eq!(good.check_grant(), Ok(()));
        assert_eq!(field(Delegation { delegate: Party::Resident(good.resident), ..good.clone() }), "delegate");
        assert_eq!(field(Delegation { delegate: Party::Service("referral".to_owned()), ..good.clone() }), "delegate");
        assert_eq!(field(Delegation { actions: BTreeSet::new(), ..good.clone() }), "actions");
        assert_eq!(field(Delegation { until: NOW, ..good }), "until");
    }
}
