//! Residents, and how much of them is shown to whom.

use chrono::{DateTime, NaiveDate, Utc};
use types::caller::{Caller, Party};
use types::clock::local_date;
use types::ids::{OrganisationId, ResidentId};
use types::national_id::{NationalId, Sex};
use types::redacted::Redacted;
use types::region::RegionCode;

use super::IdentityError;
use super::word::words;

words! {
    /// Whether the real name is proven.
    State {
        Registered = "REGISTERED",
        Provisional = "PROVISIONAL",
    }
}

/// A person. What names them cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    pub id: ResidentId,
    pub region: RegionCode,
    pub name: Redacted<String>,
    pub national_id: NationalId,
    pub mobile: Option<Redacted<String>>,
    pub community: String,
    pub state: State,
    /// Organisation that registered the person.
    pub registrar: Option<OrganisationId>,
    pub registered_at: DateTime<Utc>,
}

/// What one caller is shown of a resident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownResident {
    pub id: ResidentId,
    pub region: RegionCode,
    pub display_name: Redacted<String>,
    pub masked_national_id: String,
    pub birth_date: NaiveDate,
    pub sex: Sex,
    pub community: String,
    pub state: State,
    pub registrar: Option<OrganisationId>,
    pub registered_at: DateTime<Utc>,
}

impl Resident {
    /// The number's date of birth must have come.
    pub fn check_born(&self) -> Result<(), IdentityError> {
        if self.national_id.birth_date() > local_date(self.registered_at) {
            return Err(IdentityError::BornAhead);
        }
        Ok(())
    }

    /// The full name is for the resident's own eyes: whoever acts for them sees it masked, too.
    pub fn shown_to(&self, caller: &Caller) -> ShownResident {
        let is_self = caller.actor.is_none() && caller.subject == Party::Resident(self.id);
        ShownResident {
            id: self.id,
            region: self.region,
            display_name: if is_self { self.name.clone() } else { Redacted::new(self.masked_name()) },
            masked_national_id: self.national_id.masked(),
            birth_date: self.national_id.birth_date(),
            sex: self.national_id.sex(),
            community: self.community.clone(),
            state: self.state,
            registrar: self.registrar,
            registered_at: self.registered_at,
        }
    }

    /// The first character; neither the rest nor its length.
    pub fn masked_name(&self) -> String {
        self.name.expose().chars().next().into_iter().chain("**".chars()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use types::caller::Role;
    use types::ids::PractitionerId;

    use super::*;

    fn resident() -> Resident {
        let national_id = NationalId::parse("11010519491231002X").unwrap();
        Resident {
            id: ResidentId::generate(),
            region: RegionCode::BEIJING,
            name: Redacted::new("陈桂英".to_owned()),
            national_id,
            mobile: Some(Redacted::new("13800138000".to_owned())),
            community: "展览路街道".to_owned(),
            state: State::Registered,
            registrar: None,
            registered_at: DateTime::UNIX_EPOCH,
        }
    }

    fn caller(subject: Party, actor: Option<Party>) -> Caller {
        Caller {
            subject,
            actor,
            organisation: None,
            roles: BTreeSet::from([Role::Resident]),
            region: RegionCode::BEIJING,
            delegation: None,
            token_id: "t".to_owned(),
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn id_08_only_the_resident_sees_the_full_name() {
        let resident = resident();
        let worker = Party::Practitioner(PractitionerId::generate());
        let own = Party::Resident(resident.id);
        let seen_by = |caller: &Caller| resident.shown_to(caller).display_name.into_inner();
        assert_eq!(seen_by(&caller(own.clone(), None)), "陈桂英");
        assert_eq!(seen_by(&caller(own, Some(worker.clone()))), "陈**");
        assert_eq!(seen_by(&caller(worker, None)), "陈**");
    }

    #[test]
    fn id_08_the_number_is_masked_for_everybody() {
        let resident = resident();
        let own = resident.shown_to(&caller(Party::Resident(resident.id), None));
        assert_eq!(own.masked_national_id, "1****************X");
    }

    #[test]
    fn id_08_a_resident_cannot_be_printed() {
        let resident = resident();
        let printed = format!("{resident:?} {:?}", resident.shown_to(&caller(Party::Resident(resident.id), None)));
        for secret in ["陈桂英", "11010519491231002X", "19491231", "13800138000"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }

    #[test]
    fn id_01_nobody_is_registered_before_birth() {
        let mut resident = resident();
        assert!(matches!(resident.check_born(), Ok(())));
        resident.registered_at = "1949-12-30T15:59:59Z".parse().unwrap();
        assert!(matches!(resident.check_born(), Err(IdentityError::BornAhead)));
    }
}
