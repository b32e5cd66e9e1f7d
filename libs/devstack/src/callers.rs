//! Who calls the mesh in the referral journey, with ids that never change, so that a second start finds the same people.

use serde::Serialize;
use uuid::{Uuid, uuid};

use crate::fleet::SERVICES;

/// The region of everybody here: Beijing.
pub const REGION: &str = "110000";

pub const CLINIC: Uuid = uuid!("01930000-0000-7000-8000-00000000c001");
pub const HOSPITAL: Uuid = uuid!("01930000-0000-7000-8000-00000000c002");
pub const BANK: Uuid = uuid!("01930000-0000-7000-8000-00000000c003");
pub const INSURER: Uuid = uuid!("01930000-0000-7000-8000-00000000c004");
pub const PLATFORM: Uuid = uuid!("01930000-0000-7000-8000-00000000c005");

pub const WORKER: Uuid = uuid!("01930000-0000-7000-8000-00000000a001");
/// The family doctor at the clinic.
pub const DOCTOR: Uuid = uuid!("01930000-0000-7000-8000-00000000a002");
/// The specialist at the hospital.
pub const SPECIALIST: Uuid = uuid!("01930000-0000-7000-8000-00000000a003");
pub const PROPOSER: Uuid = uuid!("01930000-0000-7000-8000-00000000a004");
pub const RELEASER: Uuid = uuid!("01930000-0000-7000-8000-00000000a005");
pub const RESIDENT: Uuid = uuid!("01930000-0000-7000-8000-00000000b001");

/// A client as identity registers it: who it is and in what roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Client {
    pub client_id: String,
    /// `resident:<uuid>`, `practitioner:<uuid>`, `client:<name>` or `service:<name>`.
    pub party: String,
    pub organisation_id: Option<String>,
    pub roles: Vec<String>,
    pub region: String,
    /// Roles it may ask for on behalf of people who log in through it.
    pub exchanges: Vec<String>,
    /// The types of events it may pull, or what they begin with.
    pub events: Vec<String>,
}

impl Client {
    pub fn new(client_id: &str, party: String, organisation: Option<Uuid>, roles: &[&str]) -> Self {
        Self {
            client_id: client_id.to_owned(),
            party,
            organisation_id: organisation.map(|id| id.to_string()),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            region: REGION.to_owned(),
            exchanges: vec![],
            events: vec![],
        }
    }

    pub fn resident(client_id: &str, id: Uuid) -> Self {
        Self::new(client_id, format!("resident:{id}"), None, &["resident"])
    }

    pub fn practitioner(client_id: &str, id: Uuid, organisation: Uuid, roles: &[&str]) -> Self {
        Self::new(client_id, format!("practitioner:{id}"), Some(organisation), roles)
    }

    /// The same, told of these events: types, or what they begin with.
    #[must_use]
    pub fn told_of(self, events: &[&str]) -> Self {
        Self { events: events.iter().map(|kind| (*kind).to_owned()).collect(), ..self }
    }

    pub fn service(name: &str) -> Self {
        Self::new(name, format!("service:{name}"), None, &[&format!("service:{name}")])
    }
}

/// The callers of the journey.
pub fn journey() -> Vec<Client> {
    vec![
        Client::practitioner("worker", WORKER, CLINIC, &["community_worker"]),
        Client::practitioner("clinic", DOCTOR, CLINIC, &["family_doctor", "clinician", "clinic_clerk"]),
        Client::practitioner("hospital", SPECIALIST, HOSPITAL, &["clinician", "referral_desk"]),
        Client::new("bank", "client:bank".to_owned(), Some(BANK), &["bank"]),
        Client::resident("resident", RESIDENT),
        Client::new("operator", "client:operator".to_owned(), Some(PLATFORM), &["operator"]),
        Client::practitioner("insurer-proposer", PROPOSER, INSURER, &["insurer_officer"]),
        Client::practitioner("insurer-releaser", RELEASER, INSURER, &["insurer_officer"]),
    ]
}

/// The city's app, through which people log in.
pub fn app() -> Client {
    let people = [
        "resident",
        "community_worker",
        "family_doctor",
        "clinic_clerk",
        "clinician",
        "referral_desk",
        "insurer_officer",
    ];
    Client {
        exchanges: people.map(str::to_owned).to_vec(),
        ..Client::new("app", "client:app".to_owned(), Some(PLATFORM), &["platform"]).told_of(&["anjia."])
    }
}

/// Who somebody is who logs in at a provider, as identity is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    pub issuer: String,
    /// The `sub` of the provider's tokens.
    pub subject: String,
    pub party: String,
    pub organisation_id: Option<String>,
    pub roles: Vec<String>,
    pub region: String,
}

impl Client {
    /// Whether it is a person, who may log in; everybody else is a machine and proves itself by a key.
    pub fn is_person(&self) -> bool {
        self.is_resident() || self.party.starts_with("practitioner:")
    }

    pub fn is_resident(&self) -> bool {
        self.party.starts_with("resident:")
    }
}

/// The people of the journey. Each is called at the development provider as here.
pub fn people() -> Vec<Client> {
    journey().into_iter().filter(Client::is_person).collect()
}

/// Who proves itself by a key: the bank, the operator's tools, the app and the services.
pub fn machines() -> Vec<Client> {
    all().into_iter().filter(|client| !client.is_person()).collect()
}

/// The staff among the people. Residents identity finds by itself, once they are registered.
pub fn logins(issuer: &str) -> Vec<Login> {
    let staff = people().into_iter().filter(|person| !person.is_resident());
    let login = |person: Client| Login {
        issuer: issuer.to_owned(),
        subject: person.client_id,
        party: person.party,
        organisation_id: person.organisation_id,
        roles: person.roles,
        region: person.region,
    };
    staff.map(login).collect()
}

/// The callers of the journey, the app and the services themselves.
pub fn all() -> Vec<Client> {
    journey().into_iter().chain([app()]).chain(SERVICES.map(Client::service)).collect()
}
