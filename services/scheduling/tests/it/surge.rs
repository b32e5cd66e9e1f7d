//! A surge opens in many clinics at once, takes those with its symptoms, and closes without losing anybody.

use chassis::channel::Channel;
use chrono::TimeDelta;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    AppointmentState, CloseSurgeRequest, DivertRequest, DivertResponse, GetSessionRequest, GetSurgeRequest,
    OpenSurgeRequest, SearchSlotsRequest, Slot, Surge, SurgeBookings, SurgeClinic, WaitListState,
    surge_service_client::SurgeServiceClient,
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::{OrganisationId, SurgeId};

use crate::calendar::booked;
use crate::hold::alternatives;
use crate::search::{ids, query, search};
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

fn clinic_of(surge: &Surge, organisation: uuid::Uuid) -> &SurgeClinic {
    surge.clinics.iter().find(|clinic| clinic.provider_organisation_id == organisation.to_string()).unwrap()
}

/// The first slot of one clinic of the surge.
async fn slot_of(town: &Town, surge: &Surge, organisation: uuid::Uuid) -> Slot {
    let request = GetSessionRequest { session_id: clinic_of(surge, organisation).session_id.clone() };
    let answer = town.sessions().get_session(town.resident.request(request).await).await.unwrap();
    answer.into_inner().slots.remove(0)
}

/// What became of the bookings of a clinic, once that is settled.
async fn became(town: &Town, surge: &Surge, organisation: uuid::Uuid) -> SurgeBookings {
    loop {
        if let Some(became) = clinic_of(&get(town, surge).await, organisation).became {
            return became;
        }
        pause(100).await;
    }
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
    let twice = fever().provider_organisation_ids;
    for (expected, request) in [
        ("name", OpenSurgeRequest { name: "Fever!".to_owned(), ..fever() }),
        ("provider_organisation_ids", OpenSurgeRequest { provider_organisation_ids: vec![], ..fever() }),
        ("places", OpenSurgeRequest { places: 0, ..fever() }),
        ("symptoms", OpenSurgeRequest { symptoms: vec!["R50".to_owned(); 51], ..fever() }),
        ("slot_length_minutes", OpenSurgeRequest { slot_length_minutes: 50, ..fever() }),
        ("symptoms[1]", OpenSurgeRequest { symptoms: vec!["R50".to_owned(), "发热".to_owned()], ..fever() }),
        (
            "provider_organisation_ids[2]",
            OpenSurgeRequest { provider_organisation_ids: [twice.clone(), twice[..1].to_vec()].concat(), ..fever() },
        ),
    ] {
        assert_eq!(field(&open(&town, request).await.unwrap_err()), expected);
    }
    let vague = DivertRequest { symptom: "fever".to_owned() };
    let refusal = client(&town).divert(town.resident.request(vague).await).await.unwrap_err();
    assert_eq!(field(&refusal), "symptom");
    let stranger = OrganisationId::generate().uuid();
    for (expected, at) in [(1, [callers::CLINIC, callers::CLINIC]), (1, [callers::CLINIC, stranger])] {
        let refusal = close(&town, &surge, &at, true).await.unwrap_err();
        assert_eq!(field(&refusal), format!("provider_organisation_ids[{expected}]"));
    }
    assert_eq!(get(&town, &surge).await, surge, "nothing was closed");
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
    let SurgeBookings { kept, moved, displaced, displaced_until } = became(&town, &surge, callers::CLINIC).await;
    assert_eq!((kept, moved, displaced), (0, 0, 2));
    for (caller, _, appointment) in &people {
        let offered = town.get(caller, appointment).await.unwrap();
        assert_eq!((offered.state(), offered.hold_expires_at), (AppointmentState::Displaced, displaced_until));
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
    let seen = SurgeBookings { kept: 1, ..Default::default() };
    assert_eq!(became(&town, &surge, callers::HOSPITAL).await, seen);
    assert_eq!(became(&town, &surge, callers::CLINIC).await, SurgeBookings::default());
    assert!(get(&town, &surge).await.clinics.iter().all(|clinic| clinic.places == clinic.taken));
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
    for organisation in [callers::CLINIC, callers::HOSPITAL] {
        let kept = SurgeBookings { kept: 2, ..Default::default() };
        assert_eq!(became(&town, &surge, organisation).await, kept);
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
    let surge = open(&town, OpenSurgeRequest { symptoms: vec![], ..fever() }).await.unwrap();
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

#[tokio::test]
async fn sc_12_only_who_names_a_symptom_is_sent_among_people_who_have_it() {
    let town = Town::new().await;
    let surge = open(&town, fever()).await.unwrap();
    let vaccination = OpenSurgeRequest {
        name: "vaccination".to_owned(),
        kind: CareKind::Vaccination.into(),
        symptoms: vec![],
        ..fever()
    };
    open(&town, vaccination).await.unwrap();
    let ordinary: Vec<String> =
        town.clinic_slots(now() + TimeDelta::hours(2), 2, 1).await.into_iter().map(|slot| slot.slot_id).collect();
    assert_eq!(ids(&search(&town, query()).await), ordinary);
    let with = |code: &str, limit| SearchSlotsRequest { capability: code.to_owned(), limit, ..query() };
    let offers = search(&town, with("R50.9", 0)).await;
    assert_eq!(ids(&offers)[4..], ordinary, "the four of the surge come first");
    assert_eq!(offers[0].slot, Some(slot_of(&town, &surge, callers::CLINIC).await));
    assert!(offers[3].reason.as_ref().unwrap().en.starts_with("Opened for such symptoms"), "{offers:?}");
    assert_eq!(search(&town, with("R50.9", 3)).await, offers[..3]);
    assert_eq!(ids(&search(&town, with("I25.103", 0)).await), ordinary);
    let vaccination = SearchSlotsRequest { kind: CareKind::Vaccination.into(), ..query() };
    assert_eq!(search(&town, vaccination).await.len(), 4, "whoever wants a vaccination finds it");

    // Who is full here is not sent there, nor is who waits for a place.
    let full = town.clinic_slots(now() + TimeDelta::hours(30), 1, 1).await.remove(0);
    booked(&town, &full, 1).await;
    let refusal = town.hold(&full).await.unwrap_err();
    assert_eq!(alternatives(&refusal), format!("{},{}", ordinary[1], ordinary[0]), "the nearest first");
    let (waiting, waiting_id) = town.newcomer("waiting").await;
    join(&town, &waiting, &waiting_id).await.unwrap();
    let feverish = slot_of(&town, &surge, callers::CLINIC).await;
    let (caller, _, appointment) = booked(&town, &feverish, 1).await.remove(0);
    cancel(&town, &caller, &appointment).await;
    assert_eq!(listed(&town, &waiting, &waiting_id).await.state(), WaitListState::Waiting);
    assert_eq!(town.taken(&feverish).await, 0);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_12_nobody_is_displaced_into_a_surge_for_something_else() {
    let town = Town::new().await;
    let here = || OpenSurgeRequest { provider_organisation_ids: vec![callers::CLINIC.to_string()], ..fever() };
    let since = now();
    let later = |hours: i64| Some(to_timestamp(since + TimeDelta::hours(hours)));
    let screening = OpenSurgeRequest {
        name: "screening".to_owned(),
        symptoms: vec![],
        starts_at: later(33),
        ends_at: later(34),
        ..here()
    };
    open(&town, screening).await.unwrap();
    let surge = open(&town, here()).await.unwrap();
    let slot = slot_of(&town, &surge, callers::CLINIC).await;
    booked(&town, &slot, 1).await;
    close(&town, &surge, &[], false).await.unwrap();
    let seen = SurgeBookings { kept: 1, ..Default::default() };
    assert_eq!(became(&town, &surge, callers::CLINIC).await, seen);

    // Another one for what they have is as good as their own.
    let surge = open(&town, here()).await.unwrap();
    let slot = slot_of(&town, &surge, callers::CLINIC).await;
    booked(&town, &slot, 1).await;
    let wider = OpenSurgeRequest {
        name: "wider".to_owned(),
        symptoms: vec!["R5".to_owned()],
        starts_at: later(36),
        ends_at: later(37),
        ..here()
    };
    open(&town, wider).await.unwrap();
    close(&town, &surge, &[], false).await.unwrap();
    let became = became(&town, &surge, callers::CLINIC).await;
    assert_eq!((became.kept, became.displaced), (0, 1));
    town.assert_sound().await;
}
