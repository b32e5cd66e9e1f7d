//! Everything people do with a mesh, and everything they get wrong, with words that must not be found afterwards.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};
use testkit::request_id;
use tonic::Status;

use super::scan::told;
use crate::matrix::facts::{Known, moment, text};
use crate::matrix::people::{Half, People};
use crate::matrix::wire::{Credentials, Wire};

/// How deep requests nest.
const DEPTH_MAX: usize = 4;
/// Of each kind one who may call something.
const CALLERS: [char; 6] = ['R', 'W', 'L', 'O', 'B', 'X'];
/// Sagas take a moment.
const TRIES: u32 = 100;

/// Goes through the mesh as everybody in turn, and keeps what every refusal tells.
pub(super) struct Walk<'a> {
    pub(super) wire: &'a Wire<'a>,
    pub(super) people: &'a People,
    pub(super) refusals: Mutex<Vec<u8>>,
    reasons: Mutex<BTreeSet<String>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(wire: &'a Wire<'a>, people: &'a People) -> Self {
        Self { wire, people, refusals: Mutex::default(), reasons: Mutex::default() }
    }

    /// Reasons met on the way.
    pub(super) fn reasons(&self) -> BTreeSet<String> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Somebody asks for something, and perhaps is refused.
    pub(super) async fn tries(&self, role: char, method: &str, mut message: Value) -> Result<Value, Status> {
        let person = self.people.of(role, Half::A);
        if self.wire.methods.get(method).input().get_field_by_name("request_id").is_some() {
            message["request_id"] = json!(request_id());
        }
        self.with(Credentials { certificate: Some(person.certificate()), token: Some(&person.token) }, method, &message)
            .await
    }

    pub(super) async fn with(&self, with: Credentials<'_>, method: &str, message: &Value) -> Result<Value, Status> {
        let answer = self.wire.call(with, method, message).await;
        if let Err(status) = &answer {
            self.refusals.lock().unwrap_or_else(PoisonError::into_inner).extend(told(status));
            let reason = chassis::error::reason(status).unwrap_or_default();
            self.reasons.lock().unwrap_or_else(PoisonError::into_inner).insert(reason);
        }
        answer
    }

    async fn does(&self, role: char, method: &str, message: Value) -> Value {
        let answer = self.tries(role, method, message).await;
        answer.unwrap_or_else(|status| panic!("{role}: {method}: {status:?}"))
    }

    /// Corrections, look-ups, what is opened to whom, a stay at the hospital, and everything about the person at the end.
    pub(super) async fn goes_on(&self, known: &Known, canaries: &Canaries) {
        let (desk, hospital) = (known.to('C'), known.to('L'));
        let resident = desk["resident_id"].clone();
        let shown = self.does('W', "identity.ResidentService/GetResident", json!({ "resident_id": resident })).await;
        let revision = shown.pointer("/resident/revision").cloned().unwrap_or_default();
        let correction = json!({
            "resident_id": resident, "revision": revision, "update_mask": "name,mobile,address", "name": canaries.new_name,
            "mobile": canaries.mobile, "address": canaries.address, "evidence": "户口簿",
        });
        self.does('W', "identity.ResidentService/UpdateResident", correction).await;
        let credential = json!({ "kind": "IDENTIFIER_KIND_ELECTRONIC_CREDENTIAL", "number": canaries.credential });
        let document = json!({ "resident_id": resident, "credential": credential, "evidence": "desk" });
        self.does('C', "identity.ResidentService/AddIdentifier", document).await;
        for (role, method, message) in [
            ('W', "ResidentService/ListResidentChanges", json!({ "resident_id": resident })),
            ('C', "ResidentService/FindResident", json!({ "credential": credential })),
            ('L', "ResidentService/FindResident", json!({ "national_id": desk["national_id"] })),
            ('D', "ResidentService/VerifyCredential", json!({ "resident_id": resident, "credential": credential })),
            ('C', "ResidentService/ListPossibleDuplicates", json!({})),
            ('W', "CommunityService/ListResidents", json!({ "community_code": desk["community_code"] })),
            ('R', "AuditService/ListAccess", json!({ "resident_id": resident })),
        ] {
            self.does(role, &format!("identity.{method}"), message).await;
        }
        self.acts(&desk["slot_id"], &resident).await;
        self.stays(&hospital).await;
        for role in ['R', 'C', 'D', 'L'] {
            let referral = json!({ "referral_id": hospital["referral_id"] });
            self.does(role, "referral.ReferralService/GetReferral", referral).await;
        }
        self.does('R', "adjudication.AdjudicationService/GetClaim", json!({ "claim_id": desk["claim_id"] })).await;
        let journey = json!({ "journey_id": hospital["journey_id"], "resident_id": resident });
        self.does('R', "referral.JourneyService/GetJourney", journey).await;
        for service in devstack::SERVICES {
            let export = json!({ "export": { "resident_id": resident, "reason": "asked at the counter" } });
            for role in ['R', 'X'] {
                self.does(role, &format!("{service}.PrivacyService/ExportResident"), export.clone()).await;
            }
        }
    }

    /// The worker books for her under her delegation.
    async fn acts(&self, slot: &Value, resident: &Value) {
        let worker = self.people.of('W', Half::A);
        let with = Credentials {
            certificate: Some(worker.certificate()),
            token: worker.acting.get(&Half::A).map(String::as_str),
        };
        let hold = json!({
            "request_id": request_id(), "resident_id": resident, "slot_id": slot, "kind": "CARE_KIND_OUTPATIENT",
            "channel": "CHANNEL_DESK",
        });
        let refused = self.with(with, "scheduling.AppointmentService/HoldSlot", &hold).await;
        assert!(refused.is_err(), "she has a place with this doctor already");
    }

    /// Her referral is accepted, and she comes.
    async fn stays(&self, hospital: &std::collections::BTreeMap<String, Value>) {
        let organisation = &hospital["provider_organisation_id"];
        let session = json!({
            "provider_organisation_id": organisation, "kinds": ["CARE_KIND_INPATIENT"], "starts_at": moment(300),
            "ends_at": moment(360), "slot_length_minutes": 30, "pools": [{ "pool": "POOL_REFERRAL", "places": 2 }],
        });
        let published =
            self.does('L', "scheduling.SessionService/PublishSessions", json!({ "sessions": [session] })).await;
        let accept = json!({
            "referral_id": hospital["referral_id"], "version": 1, "slot_id": text(&published, "/slots/0/slot_id"),
            "kind": "CARE_KIND_INPATIENT", "expected_lines": hospital["expected"],
        });
        self.does('L', "referral.ReferralService/AcceptReferral", accept).await;
        let look = json!({ "referral_id": hospital["referral_id"] });
        for _ in 0..TRIES {
            let shown = self.does('L', "referral.ReferralService/GetReferral", look.clone()).await;
            if shown["referral"]["state"] == "REFERRAL_STATE_BOOKED" {
                let come = json!({
                    "appointment_id": shown["referral"]["appointment_id"], "present": "PRESENT_SELF",
                    "identity_proof": "IDENTITY_PROOF_ID_CARD", "occurred_at": moment(0),
                    "credential": { "kind": "IDENTIFIER_KIND_ID_CARD", "number": hospital["national_id"] },
                });
                self.does('L', "scheduling.VisitService/CheckIn", come).await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("a referral is not booked within ten seconds");
    }

    /// Every method, as everybody who is somebody, with a secret in every text of the request; and with secrets where no text belongs.
    pub(super) async fn errs(&self, canary: &str) {
        let names: Vec<String> = self.wire.methods.names().into_iter().map(str::to_owned).collect();
        for name in names {
            let method = self.wire.methods.get(&name);
            let spoilt = Value::Object(spoilt(&method.input(), canary, 0));
            for role in CALLERS {
                let person = self.people.of(role, Half::A);
                let with = Credentials { certificate: Some(person.certificate()), token: Some(&person.token) };
                // Some is well-formed by chance.
                let _ = self.with(with, &name, &spoilt).await;
            }
            let operator = self.people.of('X', Half::A);
            for token in [canary.replace(|letter: char| !letter.is_ascii(), "x"), format!("{}x", operator.token)] {
                let with = Credentials { certificate: Some(operator.certificate()), token: Some(&token) };
                let refused = self.with(with, &name, &json!({})).await;
                assert!(refused.is_err() || is_open(&name), "{name} takes any token");
            }
        }
    }
}

fn is_open(method: &str) -> bool {
    ["identity.TokenService/ExchangeToken", "identity.TokenService/GetKeys"].contains(&method)
}

/// Words that are put into the mesh beside those of the story.
pub(super) struct Canaries {
    pub(super) new_name: String,
    pub(super) mobile: String,
    pub(super) address: String,
    pub(super) credential: String,
}

/// A request with the secret in every text, however deep.
fn spoilt(input: &MessageDescriptor, canary: &str, depth: usize) -> Map<String, Value> {
    if input.package_name().starts_with("google.") || depth > DEPTH_MAX {
        return Map::new();
    }
    let is_first = |field: &FieldDescriptor| {
        field.containing_oneof().is_none_or(|oneof| oneof.fields().next().as_ref() == Some(field))
    };
    let fields = input.fields().filter(|field| is_first(field) && !field.is_map()).filter_map(|field| {
        let value = match field.kind() {
            Kind::String => json!(canary),
            Kind::Message(message) if !message.full_name().starts_with("google.") => {
                Value::Object(spoilt(&message, canary, depth + 1))
            }
            _ => return None,
        };
        let value = if field.is_list() { json!([value]) } else { value };
        Some((field.name().to_owned(), value))
    });
    fields.collect()
}
