//! That a resident lets somebody act for them, and when that holds. No delegation, no act.

use std::collections::BTreeSet;

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use proto::convert::FieldError;
use types::caller::Party;
use types::care::CareKind;
use types::clock::start_of_local_day;
use types::delegation::Limits;
use types::ids::{DelegationId, OrganisationId, ResidentId};
use types::region::RegionCode;

pub mod receipt;
mod signing;

pub use signing::{Desk, Signing};

use super::word::words;
use super::{IdentityError, check_term};

/// How long the resident has to confirm what was proposed.
const PROPOSAL_TERM: TimeDelta = TimeDelta::days(7);

/// At this age nobody has a guardian for being a minor (Civil Code, Art. 17).
const AGE_OF_MAJORITY_YEARS: u32 = 18;

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
    Proposed,
    NotBegun,
    Active,
    Expired,
    Revoked,
}

/// Other ids of people who were registered more than once: what was granted before they were merged stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownAs {
    pub resident: BTreeSet<ResidentId>,
    pub delegate: BTreeSet<Party>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    pub id: DelegationId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub delegate: Party,
    /// What else the two go by.
    pub known_as: KnownAs,
    pub basis: Basis,
    pub actions: BTreeSet<Action>,
    pub limits: Limits,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub evidence: String,
    pub signing: Signing,
    /// Organisation that proposed it, witnessed the signature, or saw a guardian's papers.
    pub recorder: Option<OrganisationId>,
    /// The guardianship that a guardian passed this on from: it ends with it.
    pub rests_on: Option<DelegationId>,
    /// When it was granted, or proposed.
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
        check_term(self.from, self.until, self.granted_at)
    }

    /// The guardian of a minor is one until the ward comes of age.
    pub fn check_of_age(&self, birth_date: NaiveDate) -> Result<(), FieldError> {
        let majority = comes_of_age(birth_date);
        if self.basis == Basis::Guardian && self.granted_at < majority && self.until > majority {
            return Err(FieldError::new("until", "must be no later than the ward's eighteenth birthday"));
        }
        Ok(())
    }

    pub fn state(&self, now: DateTime<Utc>) -> State {
        if self.revoked_at.is_some() {
            State::Revoked
        } else if self.until <= now {
            State::Expired
        } else if self.signing == Signing::Proposed {
            if self.granted_at + PROPOSAL_TERM <= now { State::Expired } else { State::Proposed }
        } else if self.from > now {
            State::NotBegun
        } else {
            State::Active
        }
    }

    /// Refuses unless it is in force for this resident.
    pub fn check_in_force(&self, resident: ResidentId, now: DateTime<Utc>) -> Result<(), IdentityError> {
        if self.resident != resident && !self.known_as.resident.contains(&resident) {
            return Err(IdentityError::NoDelegation);
        }
        match self.state(now) {
            State::Active => Ok(()),
            State::Expired => Err(IdentityError::DelegationExpired),
            State::NotBegun => Err(IdentityError::DelegationNotBegun),
            State::Revoked | State::Proposed => Err(IdentityError::NoDelegation),
        }
    }

    /// Refuses unless it lets `delegate` act for `resident` at all.
    pub fn check_delegate(
        &self,
        resident: ResidentId,
        delegate: &Party,
        now: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        if self.delegate != *delegate && !self.known_as.delegate.contains(delegate) {
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

    /// Refuses where it is for other care or other providers. What is not known yet is not asked about.
    pub fn check_reach(
        &self,
        kind: Option<CareKind>,
        organisation: Option<OrganisationId>,
    ) -> Result<(), IdentityError> {
        if kind.is_some_and(|kind| !self.limits.admits_kind(kind)) {
            return Err(IdentityError::ServiceKindNotDelegated);
        }
        if organisation.is_some_and(|organisation| !self.limits.admits_organisation(organisation)) {
            return Err(IdentityError::OrganisationNotDelegated);
        }
        Ok(())
    }

    /// Refuses unless it is a guardian's, who passes on no more than they have: no other action, and not for longer.
    pub fn check_passes_on(&self, granted: &Self) -> Result<(), IdentityError> {
        if self.basis != Basis::Guardian || !granted.actions.is_subset(&self.actions) {
            return Err(IdentityError::ActionNotDelegated);
        }
        if !self.limits.include(&granted.limits) {
            return Err(FieldError::new("limits", "must not be wider than the guardianship's").into());
        }
        if granted.until > self.until {
            return Err(FieldError::new("until", "must not be later than the guardianship's").into());
        }
        Ok(())
    }

    /// The resident's own signature under a proposal. What is signed stays as it is.
    pub fn confirm(self, now: DateTime<Utc>) -> Result<Self, IdentityError> {
        match self.state(now) {
            State::Proposed => Ok(Self { signing: Signing::Own, ..self }),
            State::Active | State::NotBegun => Ok(self),
            State::Expired => Err(IdentityError::DelegationExpired),
            State::Revoked => Err(IdentityError::NoDelegation),
        }
    }

    /// Takes it back. The first time counts.
    #[must_use]
    pub fn revoke(self, now: DateTime<Utc>) -> Self {
        Self { revoked_at: self.revoked_at.or(Some(now)), ..self }
    }
}

/// When somebody's eighteenth birthday begins.
fn comes_of_age(birth_date: NaiveDate) -> DateTime<Utc> {
    let birthday = birth_date.checked_add_months(Months::new(12 * AGE_OF_MAJORITY_YEARS));
    birthday.map_or(DateTime::<Utc>::MAX_UTC, start_of_local_day)
}

#[cfg(test)]
mod tests;
