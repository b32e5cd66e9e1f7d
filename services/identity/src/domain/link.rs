//! Who a login at a provider is here.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use types::caller::{Party, Role};
use types::ids::{OrganisationId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use super::IdentityError;
use super::login::Login;
use super::word::words;

words! {
    /// On what ground the two are one.
    Basis {
        /// The provider verified the number of a registered resident.
        Number = "NUMBER",
        /// An operator registered it.
        Operator = "OPERATOR",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub id: Uuid,
    pub region: RegionCode,
    pub issuer: String,
    pub subject: String,
    /// A resident or a practitioner.
    pub party: Party,
    pub organisation: Option<OrganisationId>,
    pub roles: BTreeSet<Role>,
    pub basis: Basis,
    pub linked_at: DateTime<Utc>,
}

impl Link {
    /// A resident who logs in for the first time.
    pub fn of_resident(id: Uuid, login: &Login, resident: ResidentId, now: DateTime<Utc>) -> Self {
        Self {
            id,
            region: login.region,
            issuer: login.issuer.clone(),
            subject: login.subject.clone(),
            party: Party::Resident(resident),
            organisation: None,
            roles: BTreeSet::from([Role::Resident]),
            basis: Basis::Number,
            linked_at: now,
        }
    }

    /// Refuses a login whose claims name somebody else than it is linked to. `numbered` is whoever has the number it names.
    pub fn check(&self, login: &Login, numbered: Option<ResidentId>) -> Result<(), IdentityError> {
        let is_party = |party: Party| party == self.party;
        let agrees = (login.national_id.is_none() || numbered.map(Party::Resident).is_some_and(is_party))
            && login.resident.map(Party::Resident).is_none_or(is_party)
            && login.practitioner.map(Party::Practitioner).is_none_or(is_party)
            && (login.organisation.is_none() || login.organisation == self.organisation);
        if agrees { Ok(()) } else { Err(IdentityError::LoginMismatch) }
    }
}
