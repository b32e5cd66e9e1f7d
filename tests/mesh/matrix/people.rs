//! Who calls: for each role one person or system on each half of the world, with a token of their own, and with those by which they act
//! for the patient of either half.

use std::collections::BTreeMap;

use chassis::auth::Claims;
use devstack::callers::{BANK, CLINIC, Client, HOSPITAL, INSURER, PLATFORM};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use mesh_tests::{City, now};
use testkit::TestCaller;
use types::caller::{Party, Role};
use types::ids::{DelegationId, ResidentId};
use uuid::Uuid;

/// The world has two halves that have nothing to do with each other: organisations of each kind, a patient, and what happened to her.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Half {
    A,
    B,
}

impl Half {
    pub(crate) const BOTH: [Self; 2] = [Self::A, Self::B];

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What a role is written as in the policy.
pub(crate) const ROLES: [(char, &str); 12] = [
    ('R', "resident"),
    ('W', "community_worker"),
    ('F', "family_doctor"),
    ('C', "clinic_clerk"),
    ('L', "clinician"),
    ('D', "referral_desk"),
    ('O', "insurer_officer"),
    ('V', "insurer_reviewer"),
    ('B', "bank"),
    ('P', "platform"),
    ('X', "operator"),
    ('A', "auditor"),
];
/// Our own services.
pub(crate) const SERVICES: [(char, &str); 5] =
    [('i', "identity"), ('s', "scheduling"), ('r', "referral"), ('a', "adjudication"), ('p', "payment")];
/// Who may act for a resident under a delegation.
pub(crate) const DELEGATES: [char; 6] = ['W', 'F', 'C', 'L', 'D', 'B'];

/// The organisations of a half.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Organisations {
    pub(crate) clinic: Uuid,
    pub(crate) hospital: Uuid,
    pub(crate) bank: Uuid,
    pub(crate) insurer: Uuid,
    pub(crate) platform: Uuid,
}

impl Organisations {
    pub(crate) fn of(half: Half) -> Self {
        match half {
            // Those of the city.
            Half::A => Self { clinic: CLINIC, hospital: HOSPITAL, bank: BANK, insurer: INSURER, platform: PLATFORM },
            Half::B => {
                let other = |number: u128| Uuid::from_u128(CLINIC.as_u128() + 0x1000 + number);
                Self { clinic: other(1), hospital: other(2), bank: other(3), insurer: other(4), platform: other(5) }
            }
        }
    }

    /// Where somebody with this role works: clinicians and referral desks at the hospital, the others of care at the clinic.
    pub(crate) const fn employer(self, role: char) -> Option<Uuid> {
        match role {
            'W' | 'F' | 'C' => Some(self.clinic),
            'L' | 'D' => Some(self.hospital),
            'O' | 'V' => Some(self.insurer),
            'B' => Some(self.bank),
            'P' | 'X' | 'A' => Some(self.platform),
            _ => None,
        }
    }
}

/// Somebody with one role.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) caller: TestCaller,
    pub(crate) token: String,
    /// The same, lapsed.
    pub(crate) expired: String,
    /// The same, for somebody else.
    pub(crate) for_elsewhere: String,
    /// To act for the patient of a half.
    pub(crate) acting: BTreeMap<Half, String>,
    /// To act for the patient of their own half, without VIEW.
    pub(crate) unseeing: Option<String>,
}

impl Person {
    pub(crate) fn certificate(&self) -> &str {
        &self.caller.client().client_id
    }
}

pub(crate) struct People {
    everybody: BTreeMap<(char, Option<Half>), Person>,
    patients: BTreeMap<Half, ResidentId>,
}

impl People {
    pub(crate) async fn register(city: &City, forger: &Forger) -> Self {
        let patients: BTreeMap<Half, ResidentId> =
            Half::BOTH.into_iter().map(|half| (half, ResidentId::generate())).collect();
        let places = Half::BOTH.into_iter().flat_map(|half| ROLES.map(|(role, name)| (half, role, name)));
        let places: Vec<_> = places.collect();
        let clients = places.iter().map(|(half, role, name)| client(*half, *role, name, patients[half]));
        let callers = testkit::register_in(&city.mesh, clients.collect()).await;
        let mut everybody = BTreeMap::new();
        for ((half, role, _), caller) in places.into_iter().zip(callers) {
            let own = token(&caller).await;
            everybody.insert((role, Some(half)), Person::new(caller, own, forger));
        }
        // Identity asks nobody for a token: it signs its own.
        let another = token(city.caller("scheduling")).await;
        for (role, name) in SERVICES {
            let caller = city.caller(name).clone();
            let own = if name == "identity" { forger.of_service(&another, name) } else { token(&caller).await };
            everybody.insert((role, None), Person::new(caller, own, forger));
        }
        Self { everybody, patients }
    }

    pub(crate) fn of(&self, role: char, half: Half) -> &Person {
        &self.everybody[&(role, Some(half))]
    }

    pub(crate) fn service(&self, letter: char) -> &Person {
        &self.everybody[&(letter, None)]
    }

    pub(crate) fn patient(&self, half: Half) -> ResidentId {
        self.patients[&half]
    }

    /// Lets somebody act for the patient of a half from now on.
    pub(crate) async fn acts(&mut self, role: char, of: Half, patient: Half, delegation: DelegationId) {
        let resident = self.patients[&patient];
        let person = self.everybody.get_mut(&(role, Some(of))).expect("there is somebody of each role");
        let acting = token(&person.caller.acting_for(resident, delegation)).await;
        person.acting.insert(patient, acting);
    }

    /// The same for the patient of their own half, under a delegation without VIEW.
    pub(crate) async fn acts_unseeing(&mut self, role: char, of: Half, delegation: DelegationId) {
        let resident = self.patients[&of];
        let person = self.everybody.get_mut(&(role, Some(of))).expect("there is somebody of each role");
        person.unseeing = Some(token(&person.caller.acting_for(resident, delegation)).await);
    }
}

impl Person {
    fn new(caller: TestCaller, token: String, forger: &Forger) -> Self {
        let (expired, for_elsewhere) = (forger.expired(&token), forger.for_elsewhere(&token));
        Self { caller, token, expired, for_elsewhere, acting: BTreeMap::new(), unseeing: None }
    }
}

fn client(half: Half, role: char, name: &str, patient: ResidentId) -> Client {
    let half_name = format!("{half:?}").to_lowercase();
    let client_id = format!("matrix-{half_name}-{}", name.replace('_', "-"));
    let organisation = Organisations::of(half).employer(role);
    let party = match role {
        'R' => format!("resident:{patient}"),
        'B' | 'P' | 'X' | 'A' => format!("client:{client_id}"),
        _ => format!("practitioner:{}", Uuid::now_v7()),
    };
    let client = Client::new(&client_id, party, organisation, &[name]);
    if role == 'P' { client.told_of(&["anjia."]) } else { client }
}

/// The bearer token that a caller shows.
pub(crate) async fn token(caller: &TestCaller) -> String {
    let request = caller.request(()).await;
    let header = request.metadata().get("authorization").and_then(|header| header.to_str().ok()).map(str::to_owned);
    header.and_then(|header| header.strip_prefix("Bearer ").map(str::to_owned)).expect("a bearer token")
}

/// Signs as identity does, with the key of the mesh.
pub(crate) struct Forger(EncodingKey);

impl Forger {
    pub(crate) fn of(city: &City) -> Self {
        let folder = city.mesh.fleet().keys().signing().expect("the mesh has signing keys");
        let mut files = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
        let pem = files.find(|path| path.extension().is_some_and(|extension| extension == "pem")).expect("a key");
        let pem = std::fs::read(pem).expect("a key");
        Self(EncodingKey::from_ed_pem(&pem).expect("an Ed25519 key"))
    }

    /// A token whose only fault is that it lapsed a moment ago.
    fn expired(&self, token: &str) -> String {
        self.signed(token, |claims| claims.exp = now().timestamp() - 1)
    }

    /// A token whose only fault is that it is for somebody else.
    fn for_elsewhere(&self, token: &str) -> String {
        self.signed(token, |claims| "elsewhere".clone_into(&mut claims.aud))
    }

    /// The same token again, to show that this key signs what the mesh takes.
    pub(crate) fn unchanged(&self, token: &str) -> String {
        self.signed(token, |_| {})
    }

    /// The token of another service of ours.
    fn of_service(&self, token: &str, name: &str) -> String {
        self.signed(token, |claims| {
            claims.sub = Party::Service(name.to_owned());
            claims.roles = vec![Role::Service(name.to_owned())];
        })
    }

    fn signed(&self, token: &str, change: impl FnOnce(&mut Claims)) -> String {
        let header = jsonwebtoken::decode_header(token).expect("a token");
        let header = Header { kid: header.kid, ..Header::new(Algorithm::EdDSA) };
        let mut claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token).expect("a token");
        change(&mut claims);
        jsonwebtoken::encode(&header, &claims, &self.0).expect("signed")
    }
}
