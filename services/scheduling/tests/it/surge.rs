//! A surge opens in many clinics at once, takes those with its symptoms, and closes without losing anybody.

use chassis::channel::Channel;
use chrono::TimeDelta;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    AppointmentState, CloseSurgeRequest, DivertRequest, DivertResponse, GetSurgeRequest, OpenSurgeRequest, Slot, Surge,
    WaitListState, surge_service_client::SurgeServiceClient,
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::{OrganisationId, SurgeId};

use crate::calendar::booked;
use crate::town::{Town, field, now, pause};
use crate::waiting::{cancel, join, listed};

fn client(town: &Town) -> SurgeServiceClient<Channel> {
    SurgeServiceClient::new(town.mesh.channel("scheduling"))
}

fn fever() -> OpenSurgeRequest {
    let starts_at = now() + TimeDelta::hours(30);
    OpenSurgeRequest {
        request_id: request_id(),
        name: "fever".to_owned(),
        kind: CareKind::Outpatient.into(),
        symptoms: vec!["R50".to_owned()],
        provider_organisation_ids: vec![callers::CLINIC.to_string(), callers::HOSPITAL.to_string()],
        starts_at: Some(to_timestamp(starts_at)),
        ends_at: Some(to_timestamp(starts_at + TimeDelta::hours(1))),
        slot_length_minutes: 30,
        places: 2,
    }
}

async fn open(town: &Town, request: OpenSurgeRequest) -> Result<Surge, Status> {
    let request = town.mesh.caller("operator").request(request).await;
    Ok(client(town).open_surge(request).await?.into_inner().surge.unwrap())
}

async fn close(town: &Town, surge: &Surge, at: &[uuid::Uuid], honour_booked: bool) -> Result<Surge, Status> {
    let request = CloseSurgeRequest {
        request_id: request_id(),
        surge_id: surge.surge_id.clone(),
        provider_organisation_ids: at.iter().map(ToString::to_string).collect(),
        honour_booked,
        reason: "疫情缓解".to_owned(),
    };
    let request = town.mesh.caller("operator").request(request).await;
    Ok(client(town).close_surge(request).await?.into_inner().surge.unwrap())
}

async fn get(town: &Town, surge: &Surge) -> Surge {
    let request = GetSurgeRequest { surge_id: surge.surge_id.clone() };
    client(town).get_surge(town.resident.request(request).await).await.unwrap().into_inner().surge.unwrap()
}

async fn divert(town: &Town, caller: &TestCaller, symptom: &str) -> DivertResponse {
    let request = DivertRequest { symptom: symptom.to_owned() };
    client(town).divert(caller.request(request).await).await.unwrap().into_inner()
}

/// A slot of one clinic of the surge.
async fn slot_of(town: &Town, surge: &Surge, organisation: uuid::Uuid) -> Slot {
    let clinic =
        surge.clinics.iter().find(|clinic| clinic.provider_organisation_id == organisation.to_string()).unwrap();
    divert(town, &town.resident, "R50.9")
        .await
        .slots
        .into_iter()
        .find(|slot| slot.session_id == clinic.session_id)
        .unwrap()
}

#[tokio::test]
async fn sc_12_a_surge_opens_everywhere_at_once_and_takes_its_symptoms() {
    let town = Town::new().await;
    assert_eq!(divert(&town, &town.resident, "R50.9").await.surge, None);
    let request = fever();
    let surge = open(&town, request.clone()).await.unwrap();
    assert_eq!(open(&town, request).await.unwrap(), surge, "the same request opens nothing twice");
    assert_eq!(surge.clinics.len(), 2);
    assert!(surge.clinics.iter().all(|clinic| clinic.is_open && clinic.places == 4 && clinic.taken == 0));
    assert_eq!(reason(&open(&town, fever()).await.unwrap_err()), "SURGE_OPEN");
    let sent = divert(&town, &town.worker, "R50.9").await;
    assert_eq!((sent.surge, sent.slots.len()), (Some(surge.clone()), 4));
    assert_eq!(divert(&town, &town.resident, "I25.103").await.surge, None);

    let stranger = OpenSurgeRequest {
        name: "flu".to_owned(),
        provider_organisation_ids: vec![callers::CLINIC.to_string(), OrganisationId::generate().to_string()],
        ..fever()
    };
    assert_eq!(reason(&open(&town, stranger.clone()).await.unwrap_err()), "ORGANISATION_NOT_FOUND");
    let mut owner = town.mesh.owner("scheduling").await;
    let sessions: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&mut owner).await.unwrap();
    assert_eq!(sessions, 2, "all or none");
    let refusal = client(&town).open_surge(town.clinic.request(fever()).await).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::PermissionDenied, "METHOD_NOT_PERMITTED".to_owned()));
    for (expected, request) in [
        ("name", OpenSurgeRequest { name: "Fever!".to_owned(), ..fever() }),
        ("provider_organisation_ids", OpenSurgeRequest { provider_organisation_ids: vec![], ..fever() }),
        ("places", OpenSurgeRequest { places: 0, ..fever() }),
        ("symptoms", OpenSurgeRequest { symptoms: vec!["R50".to_owned(); 51], ..fever() }),
        ("slot_length_minutes", OpenSurgeRequest { slot_length_minutes: 50, ..fever() }),
    ] {
        assert_eq!(field(&open(&town, request).await.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn sc_12_a_clinic_that_closes_sends_everybody_to_one_that_stays_open() {
    let mut town = Town::new().await;
    let surge = open(&town, fever()).await.unwrap();
    let slot = slot_of(&town, &surge, callers::CLINIC).await;
    let people = booked(&town, &slot, 2).await;
    let closed = close(&town, &surge, &[callers::CLINIC], false).await.unwrap();
    let is_open = |surge: &Surge, at: uuid::Uuid| {
        surge.clinics.iter().any(|clinic| clinic.provider_organisation_id == at.to_string() && clinic.is_open)
    };
    assert!(!is_open(&closed, callers::CLINIC) && is_open(&closed, callers::HOSPITAL) && closed.closed_at.is_none());
    assert!(["POOL_NOT_OPEN", "SLOT_TAKEN"].contains(&reason(&town.hold(&slot).await.unwrap_err()).as_str()));
    // Killed before, in or after its work, it goes on where it was.
    town.mesh.kill("scheduling");
    town.mesh.start_again("scheduling").await;
    for (caller, _, appointment) in &people {
        while town.get(caller, appointment).await.unwrap().state() != AppointmentState::Displaced {
            pause(100).await;
        }
        let confirmed = town.confirm(caller, appointment).await.unwrap();
        assert_eq!(confirmed.provider_organisation_id, callers::HOSPITAL.to_string());
        assert_eq!((confirmed.state(), confirmed.revision), (AppointmentState::Confirmed, 2));
    }
    let there: i32 = get(&town, &surge).await.clinics.iter().map(|clinic| clinic.taken).sum();
    assert_eq!(there, 2, "nobody is lost");
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_12_who_is_booked_may_be_honoured_while_nothing_new_is_taken() {
    let town = Town::new().await;
    let surge = open(&town, fever()).await.unwrap();
    let slot = slot_of(&town, &surge, callers::HOSPITAL).await;
    let (caller, _, appointment) = booked(&town, &slot, 1).await.remove(0);
    let closed = close(&town, &surge, &[], true).await.unwrap();
    assert!(closed.closed_at.is_some() && closed.clinics.iter().all(|clinic| !clinic.is_open));
    while get(&town, &surge).await.clinics.iter().any(|clinic| clinic.places > clinic.taken) {
        pause(100).await;
    }
    assert_eq!(town.get(&caller, &appointment).await.unwrap().state(), AppointmentState::Confirmed);
    assert!(["POOL_NOT_OPEN", "SLOT_TAKEN"].contains(&reason(&town.hold(&slot).await.unwrap_err()).as_str()));
    assert_eq!(divert(&town, &town.resident, "R50.9").await.surge, None);
    open(&town, fever()).await.unwrap();
    let unknown = Surge { surge_id: SurgeId::generate().to_string(), ..surge };
    assert_eq!(reason(&close(&town, &unknown, &[], true).await.unwrap_err()), "SURGE_NOT_FOUND");
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_12_closing_everywhere_leaves_everybody_who_is_booked_their_place() {
    let town = Town::new().await;
    let surge = open(&town, fever()).await.unwrap();
    let mut people = vec![];
    for organisation in [callers::CLINIC, callers::HOSPITAL] {
        let slot = slot_of(&town, &surge, organisation).await;
        people.extend(booked(&town, &slot, 2).await);
    }
    close(&town, &surge, &[], false).await.unwrap();
    while get(&town, &surge).await.clinics.iter().any(|clinic| clinic.places > clinic.taken) {
        pause(100).await;
    }
    for (caller, _, appointment) in &people {
        let kept = town.get(caller, appointment).await.unwrap();
        assert_eq!((kept.state(), kept.revision), (AppointmentState::Confirmed, 1));
    }
    let there: Vec<i32> = get(&town, &surge).await.clinics.iter().map(|clinic| clinic.taken).collect();
    assert_eq!(there, [2, 2]);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_12_a_place_that_frees_up_in_a_clinic_that_closes_is_nobodys() {
    let town = Town::new().await;
    let surge = open(&town, fever()).await.unwrap();
    let slot = slot_of(&town, &surge, callers::CLINIC).await;
    let (caller, _, appointment) = booked(&town, &slot, 1).await.remove(0);
    let (waiting, waiting_id) = town.newcomer("waiting").await;
    join(&town, &waiting, &waiting_id).await.unwrap();
    close(&town, &surge, &[], true).await.unwrap();
    let full = |surge: &Surge| surge.clinics.iter().all(|clinic| clinic.places == clinic.taken);
    while !full(&get(&town, &surge).await) {
        pause(100).await;
    }
    cancel(&town, &caller, &appointment).await;
    let closed = get(&town, &surge).await;
    assert_eq!(closed.clinics.iter().map(|clinic| (clinic.places, clinic.taken)).collect::<Vec<_>>(), [(0, 0), (0, 0)]);
    assert_eq!(listed(&town, &waiting, &waiting_id).await.state(), WaitListState::Waiting);
    town.assert_sound().await;
}
