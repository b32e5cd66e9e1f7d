//! Who calls: on whose behalf, who acts, from which organisation, in which roles.

use std::{collections::BTreeSet, fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{DelegationId, OrganisationId, PractitionerId, ResidentId},
    mandate::Terms,
    region::RegionCode,
};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    #[error("not a party: resident:<uuid>, practitioner:<uuid>, client:<name> or service:<name>")]
    Party,
    #[error("not a role")]
    Role,
}

/// A service goes on in somebody's name, and nothing says what it may do there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no mandate says what may be done")]
pub struct Unmandated;

/// Somebody or something that can hold a credential or have something done on its behalf.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Party {
    Resident(ResidentId),
    Practitioner(PractitionerId),
    /// A registered system outside: a bank, an insurer's desk, an operator's tool.
    Client(String),
    /// One of our own services.
    Service(String),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resident(id) => write!(f, "resident:{id}"),
            Self::Practitioner(id) => write!(f, "practitioner:{id}"),
            Self::Client(name) => write!(f, "client:{name}"),
            Self::Service(name) => write!(f, "service:{name}"),
        }
    }
}

impl FromStr for Party {
    type Err = CallerError;

    fn from_str(text: &str) -> Result<Self, CallerError> {
        match text.split_once(':').ok_or(CallerError::Party)? {
            ("resident", id) => id.parse().map(Self::Resident).map_err(|_| CallerError::Party),
            ("practitioner", id) => id.parse().map(Self::Practitioner).map_err(|_| CallerError::Party),
            ("client", name) if is_name(name) => Ok(Self::Client(name.to_owned())),
            ("service", name) if is_name(name) => Ok(Self::Service(name.to_owned())),
            _ => Err(CallerError::Party),
        }
    }
}

/// What the holder of a credential is allowed to be. `access.toml` lists roles per method.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Role {
    Resident,
    CommunityWorker,
    FamilyDoctor,
    ClinicClerk,
    Clinician,
    ReferralDesk,
    InsurerOfficer,
    InsurerReviewer,
    Bank,
    Platform,
    Operator,
    Auditor,
    /// `service:<name>`: one of our own services.
    Service(String),
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resident => "resident",
            Self::CommunityWorker => "community_worker",
            Self::FamilyDoctor => "family_doctor",
            Self::ClinicClerk => "clinic_clerk",
            Self::Clinician => "clinician",
            Self::ReferralDesk => "referral_desk",
            Self::InsurerOfficer => "insurer_officer",
            Self::InsurerReviewer => "insurer_reviewer",
            Self::Bank => "bank",
            Self::Platform => "platform",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Service(name) => return write!(f, "service:{name}"),
        })
    }
}

impl FromStr for Role {
    type Err = CallerError;

    fn from_str(text: &str) -> Result<Self, CallerError> {
        Ok(match text {
            "resident" => Self::Resident,
            "community_worker" => Self::CommunityWorker,
            "family_doctor" => Self::FamilyDoctor,
            "clinic_clerk" => Self::ClinicClerk,
            "clinician" => Self::Clinician,
            "referral_desk" => Self::ReferralDesk,
            "insurer_officer" => Self::InsurerOfficer,
            "insurer_reviewer" => Self::InsurerReviewer,
            "bank" => Self::Bank,
            "platform" => Self::Platform,
            "operator" => Self::Operator,
            "auditor" => Self::Auditor,
            other => match other.strip_prefix("service:") {
                Some(name) if is_name(name) => Self::Service(name.to_owned()),
                _ => return Err(CallerError::Role),
            },
        })
    }
}

/// Names of clients and services: up to 64 lower-case letters, digits and hyphens.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

macro_rules! text_conversions {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = CallerError;
            fn try_from(text: String) -> Result<Self, CallerError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+};
}
text_conversions!(Party, Role);

/// A verified caller. Built only from a token that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// On whose behalf.
    pub subject: Party,
    /// Other ids under which the resident was registered, too: rows of theirs are the same person's.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub also_known_as: BTreeSet<ResidentId>,
    /// Who acts, where that is somebody else.
    pub actor: Option<Party>,
    /// The organisation the holder of the credential works for.
    pub organisation: Option<OrganisationId>,
    /// Roles of the holder of the credential.
    pub roles: BTreeSet<Role>,
    /// The tenant.
    pub region: RegionCode,
    /// The delegation under which the actor acts.
    pub delegation: Option<DelegationId>,
    /// What the mandate allows under which a service goes on in the subject's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<Terms>,
    pub token_id: String,
    pub expires_at: DateTime<Utc>,
}

impl Caller {
    /// Somebody in their own name who may do nothing: without a role, by a token that has ended. Whoever is more says so.
    pub const fn new(subject: Party, region: RegionCode) -> Self {
        Self {
            subject,
            also_known_as: BTreeSet::new(),
            actor: None,
            organisation: None,
            roles: BTreeSet::new(),
            region,
            delegation: None,
            mandate: None,
            token_id: String::new(),
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    /// The resident on whose behalf this is, if it is a resident.
    pub const fn resident(&self) -> Option<ResidentId> {
        match self.subject {
            Party::Resident(id) => Some(id),
            _ => None,
        }
    }

    /// Whether this is on behalf of the person with this id, be it another id than the one they go by.
    pub fn is(&self, resident: ResidentId) -> bool {
        self.resident() == Some(resident) || (self.resident().is_some() && self.also_known_as.contains(&resident))
    }

    /// Who holds the credential.
    pub fn acting(&self) -> &Party {
        self.actor.as_ref().unwrap_or(&self.subject)
    }

    /// The resident for whom another person acts: not the resident, nor one of our services going on under a mandate.
    pub const fn acted_for(&self) -> Option<ResidentId> {
        match (&self.subject, &self.actor) {
            (Party::Resident(id), Some(Party::Resident(_) | Party::Practitioner(_) | Party::Client(_))) => Some(*id),
            _ => None,
        }
    }

    /// What the mandate allows under which a service of ours goes on in a resident's name; none where nobody does.
    pub const fn terms(&self) -> Result<Option<Terms>, Unmandated> {
        match (&self.actor, self.mandate) {
            (Some(Party::Service(_)), None) => Err(Unmandated),
            (Some(Party::Service(_)), terms) => Ok(terms),
            _ => Ok(None),
        }
    }

    pub fn has(&self, role: &Role) -> bool {
        self.roles.contains(role)
    }

    /// The name of the service that acts, if one of ours does.
    pub fn service(&self) -> Option<&str> {
        match self.acting() {
            Party::Service(name) => Some(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_and_roles_read_back_as_written() {
        let resident = ResidentId::generate();
        let texts = [
            format!("resident:{resident}"),
            format!("practitioner:{resident}"),
            "client:bank".to_owned(),
            "service:referral".to_owned(),
        ];
        for text in &texts {
            assert_eq!(text.parse::<Party>().unwrap().to_string(), *text);
        }
        for text in ["resident", "community_worker", "insurer_reviewer", "auditor", "service:payment"] {
            assert_eq!(text.parse::<Role>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_party_or_role_is_refused() {
        for text in ["", "resident", "resident:", "resident:1", "client:", "client:A", "service:a b", "robot:x"] {
            assert!(text.parse::<Party>().is_err(), "{text:?}");
        }
        for text in ["", "Resident", "service:", "service:X", "root"] {
            assert!(text.parse::<Role>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn whoever_holds_the_credential_acts() {
        let resident = ResidentId::generate();
        let mut caller = Caller {
            roles: BTreeSet::from([Role::Resident]),
            ..Caller::new(Party::Resident(resident), RegionCode::BEIJING)
        };
        assert_eq!(caller.acting(), &caller.subject);
        assert_eq!(caller.terms(), Ok(None));
        caller.actor = Some(Party::Service("referral".to_owned()));
        assert_eq!((caller.resident(), caller.service()), (Some(resident), Some("referral")));
    }

    #[test]
    fn rf_04_a_service_goes_on_under_the_terms_of_a_mandate_and_with_nothing_without_one() {
        let terms = Terms {
            id: crate::ids::MandateId::generate(),
            work: crate::mandate::Work::Referral(crate::ids::ReferralId::generate()),
            credit: None,
        };
        let going_on = Caller {
            actor: Some(Party::Service("referral".to_owned())),
            mandate: Some(terms),
            ..Caller::new(Party::Resident(ResidentId::generate()), RegionCode::BEIJING)
        };
        assert_eq!(going_on.terms(), Ok(Some(terms)));
        assert_eq!(Caller { mandate: None, ..going_on }.terms(), Err(Unmandated));
    }

    #[test]
    fn id_01_somebody_is_one_person_by_every_id_of_theirs() {
        let (id, old, other) = (ResidentId::generate(), ResidentId::generate(), ResidentId::generate());
        let caller = Caller {
            also_known_as: BTreeSet::from([old]),
            roles: BTreeSet::from([Role::Resident]),
            ..Caller::new(Party::Resident(id), RegionCode::BEIJING)
        };
        assert_eq!([id, old, other].map(|resident| caller.is(resident)), [true, true, false]);
        let service = Caller { subject: Party::Service("referral".to_owned()), ..caller };
        assert!(!service.is(old), "whoever is no resident is nobody's other id");
    }
}
