//! Weekly templates become sessions, once a day; and what a provider takes back leaves nobody without an answer.

use chassis::channel::Channel;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    AffectedAppointment, AppointmentState, CancelledBy, ChangeSessionRequest, CreateTemplateRequest,
    DeclareExceptionRequest, ExceptionScope, Fate, GenerateSessionsRequest, GenerateSessionsResponse,
    GetSessionRequest, HoldSlotRequest, ListWaitingRequest, Pool, PoolShare, RegisterResourceRequest, Resource,
    ResourceKind, Session, SessionTemplate, Slot, WaitListState, WithdrawSessionRequest,
    calendar_service_client::CalendarServiceClient, wait_list_service_client::WaitListServiceClient,
};
use proto::convert::{timestamp, to_date, to_timestamp};
use scheduling::app::{Calendar, Times};
use scheduling::domain::limits::Rules;
use std::sync::Arc;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::clock::{SystemClock, local_date, start_of_local_day};
use types::ids::{AppointmentId, ResourceId, TemplateId};

use crate::town::{Town, field, hold, now, pause, session};

pub(crate) fn client(town: &Town) -> CalendarServiceClient<Channel> {
    CalendarServiceClient::new(town.mesh.channel("scheduling"))
}

/// What a replica does by itself, in this process.
pub(crate) async fn replica(town: &Town) -> Calendar {
    let times = Times {
        hold: TimeDelta::minutes(5),
        offer: TimeDelta::minutes(15),
        displaced: TimeDelta::hours(24),
        days_ahead: 13,
    };
    Calendar::new(town.mesh.connect("scheduling").await, Arc::new(SystemClock), times, Rules::PUBLISHED)
}

/// Two hours of the clinic every week, on the weekday after tomorrow's.
pub(crate) fn template() -> SessionTemplate {
    let first = local_date(now()) + Days::new(2);
    SessionTemplate {
        provider_organisation_id: callers::CLINIC.to_string(),
        practitioner_id: callers::DOCTOR.to_string(),
        weekday: i32::try_from(chrono::Datelike::weekday(&first).number_from_monday()).unwrap(),
        from_minute: 9 * 60,
        until_minute: 11 * 60,
        kinds: vec![CareKind::Outpatient.into()],
        slot_length_minutes: 30,
        pools: vec![PoolShare { pool: Pool::Public.into(), places: 2 }],
        valid_from: Some(to_date(first)),
        ..Default::default()
    }
}

pub(crate) async fn create(town: &Town, template: SessionTemplate) -> Result<SessionTemplate, Status> {
    let request = CreateTemplateRequest { request_id: request_id(), template: Some(template) };
    let answer = client(town).create_template(town.clinic.request(request).await).await?;
    Ok(answer.into_inner().template.unwrap())
}

pub(crate) async fn generate(town: &Town, until: NaiveDate) -> Result<GenerateSessionsResponse, Status> {
    let request = GenerateSessionsRequest {
        request_id: request_id(),
        provider_organisation_id: callers::CLINIC.to_string(),
        until: Some(to_date(until)),
    };
    Ok(client(town).generate_sessions(town.clinic.request(request).await).await?.into_inner())
}

/// Sessions that stand, by day.
async fn days(town: &Town) -> Vec<NaiveDate> {
    let mut owner = town.mesh.owner("scheduling").await;
    sqlx::query_scalar("SELECT day FROM sessions WHERE template_id IS NOT NULL AND withdrawn_at IS NULL ORDER BY day")
        .fetch_all(&mut owner)
        .await
        .unwrap()
}

/// Slots of half an hour in one session without a doctor, and whoever books a place in each.
pub(crate) async fn booked(town: &Town, slot: &Slot, people: usize) -> Vec<(TestCaller, String, String)> {
    let mut booked = vec![];
    for number in 0..people {
        let (caller, resident_id) = town.newcomer(&format!("{}-{number}", slot.slot_id)).await;
        let wish = HoldSlotRequest { resident_id: resident_id.clone(), ..hold(slot) };
        let held = town.hold_as(&caller, wish).await.unwrap();
        town.confirm(&caller, &held.appointment_id).await.unwrap();
        booked.push((caller, resident_id, held.appointment_id));
    }
    booked
}

pub(crate) async fn withdraw(
    town: &Town,
    caller: &TestCaller,
    slot: &Slot,
) -> Result<Vec<AffectedAppointment>, Status> {
    let request = WithdrawSessionRequest {
        request_id: request_id(),
        session_id: slot.session_id.clone(),
        reason: "停诊".to_owned(),
    };
    Ok(client(town).withdraw_session(caller.request(request).await).await?.into_inner().affected)
}

fn fates(affected: &[AffectedAppointment]) -> Vec<Fate> {
    affected.iter().map(AffectedAppointment::fate).collect()
}

/// At noon on the day after tomorrow.
fn noon() -> DateTime<Utc> {
    start_of_local_day(local_date(now()) + Days::new(2)) + TimeDelta::hours(12)
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_01_sessions_are_made_ahead_once_a_day_although_many_make_them_at_once_and_one_dies() {
    let mut town = Town::with(&[("SESSIONS_AHEAD_DAYS", "6")]).await;
    let made = create(&town, template()).await.unwrap();
    let first = local_date(now()) + Days::new(2);
    let (one, other) = (replica(&town).await, replica(&town).await);
    let (one, other, asked) =
        tokio::join!(one.generate_due(), other.generate_due(), generate(&town, first + Days::new(14)));
    one.unwrap();
    other.unwrap();
    assert!(asked.unwrap().clashes.is_empty());
    assert_eq!(days(&town).await, [first, first + Days::new(7), first + Days::new(14)]);
    // Killed and up again, it makes nothing twice, and goes on by itself.
    town.mesh.kill("scheduling");
    town.mesh.start_again("scheduling").await;
    let second = create(&town, SessionTemplate { practitioner_id: String::new(), ..template() }).await.unwrap();
    assert_ne!(second.template_id, made.template_id);
    while days(&town).await.len() < 4 {
        pause(200).await;
    }
    assert_eq!(generate(&town, first + Days::new(14)).await.unwrap().sessions.len(), 2);
    assert_eq!(generate(&town, first + Days::new(14)).await.unwrap().sessions.len(), 0);
    assert_eq!(days(&town).await.len(), 6);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_01_a_doctor_a_room_and_equipment_are_in_one_session_at_a_time() {
    // Nothing is made but on demand.
    let town = Town::with(&[("SESSIONS_AHEAD_DAYS", "1")]).await;
    let register = async |name: &str, kind: ResourceKind| {
        let resource = Resource {
            provider_organisation_id: callers::CLINIC.to_string(),
            kind: kind.into(),
            name: name.to_owned(),
            ..Default::default()
        };
        let request = RegisterResourceRequest { request_id: request_id(), resource: Some(resource) };
        let answer = client(&town).register_resource(town.clinic.request(request).await).await;
        answer.map(|answer| answer.into_inner().resource.unwrap().resource_id)
    };
    let room = register("101", ResourceKind::Room).await.unwrap();
    let device = register("B超", ResourceKind::Equipment).await.unwrap();
    assert_eq!(reason(&register("101", ResourceKind::Room).await.unwrap_err()), "RESOURCE_EXISTS");

    let with = |resources: &[&String]| SessionTemplate {
        practitioner_id: String::new(),
        resource_ids: resources.iter().map(|id| (*id).clone()).collect(),
        ..template()
    };
    create(&town, with(&[&room, &device])).await.unwrap();
    let until = local_date(now()) + Days::new(3);
    assert_eq!(generate(&town, until).await.unwrap().sessions.len(), 1);
    let second = create(&town, with(&[&device])).await.unwrap();
    let generated = generate(&town, until).await.unwrap();
    assert_eq!((generated.sessions.len(), generated.clashes.len()), (0, 1));
    assert_eq!(generated.clashes[0].template_id, second.template_id);
    let unknown = ResourceId::generate().to_string();
    assert_eq!(reason(&create(&town, with(&[&unknown])).await.unwrap_err()), "RESOURCE_NOT_FOUND");

    // A session that is withdrawn keeps nobody from the room.
    let first = generate(&town, until).await.unwrap();
    assert!(first.sessions.is_empty(), "it is made once");
    let session_id = town.session_of(&days(&town).await[0]).await;
    let slot = Slot { session_id, ..Default::default() };
    assert!(withdraw(&town, &town.clinic, &slot).await.unwrap().is_empty());
    assert_eq!(generate(&town, until).await.unwrap().sessions.len(), 1, "the other takes it");
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_01_a_withdrawn_session_finds_everybody_a_place_and_says_so() {
    let town = Town::new().await;
    let publish = async |starts_at, slots, places| {
        let session = session(callers::CLINIC, starts_at, slots, &[(Pool::Public, places)]);
        town.publish(&town.clinic, vec![session]).await.unwrap()
    };
    let own = publish(noon(), 1, 3).await.remove(0);
    let people = booked(&town, &own, 3).await;
    let then = publish(noon(), 1, 1).await.remove(0);
    let later = publish(noon() + TimeDelta::hours(2), 1, 1).await.remove(0);

    let refusal = withdraw(&town, &town.hospital, &own).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()));
    let request = WithdrawSessionRequest {
        request_id: request_id(),
        session_id: own.session_id.clone(),
        reason: "停诊".to_owned(),
    };
    let once = async || {
        let answer = client(&town).withdraw_session(town.clinic.request(request.clone()).await).await;
        answer.unwrap().into_inner().affected
    };
    let affected = once().await;
    assert_eq!(fates(&affected), [Fate::Moved, Fate::Displaced, Fate::Cancelled]);
    assert_eq!(once().await, affected, "the same request is answered alike");
    assert_eq!(reason(&withdraw(&town, &town.clinic, &own).await.unwrap_err()), "SESSION_WITHDRAWN");

    let now_in = |index: usize| {
        let appointment = affected[index].appointment.clone().unwrap();
        (appointment.slot.as_ref().unwrap().slot_id.clone(), appointment.state(), appointment.revision)
    };
    assert_eq!(now_in(0), (then.slot_id.clone(), AppointmentState::Confirmed, 2));
    assert_eq!(now_in(1), (later.slot_id.clone(), AppointmentState::Displaced, 2));
    let cancelled = affected[2].appointment.clone().unwrap();
    assert_eq!((cancelled.state(), cancelled.cancelled_by()), (AppointmentState::Cancelled, CancelledBy::Provider));
    // Nobody gets the places that are kept, and nobody books what was withdrawn.
    assert_eq!((town.taken(&then).await, town.taken(&later).await), (1, 1));
    for slot in [&own, &later] {
        assert_eq!(reason(&town.hold(slot).await.unwrap_err()), "SLOT_TAKEN");
    }
    // One call accepts what is offered.
    let (caller, _, appointment) = &people[1];
    assert_eq!(town.confirm(caller, appointment).await.unwrap().state(), AppointmentState::Confirmed);
    // For whom there was nothing is first in the line.
    let (caller, resident, _) = &people[2];
    let waiting = WaitListServiceClient::new(town.mesh.channel("scheduling"))
        .list_waiting(caller.request(ListWaitingRequest { resident_id: resident.clone() }).await)
        .await
        .unwrap()
        .into_inner()
        .entries
        .remove(0);
    assert_eq!((waiting.state(), waiting.position), (WaitListState::Waiting, 1));
    assert!(waiting.explanation.unwrap().en.contains("before you"));
    let told = town.told().await;
    for (kind, times) in [("held", 3), ("confirmed", 3), ("rescheduled", 2), ("displaced", 1), ("cancelled", 1)] {
        let kind = format!("anjia.scheduling.appointment.{kind}.v1");
        assert_eq!(told.iter().filter(|told| **told == kind).count(), times, "{kind}");
    }
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_01_who_does_not_answer_is_given_up_by_the_provider_and_comes_first() {
    let town = Town::with(&[("DISPLACED_OFFER_S", "1")]).await;
    let own = town.clinic_slots(noon(), 1, 1).await.remove(0);
    let (caller, resident, appointment) = booked(&town, &own, 1).await.remove(0);
    let later = town.clinic_slots(noon() + TimeDelta::hours(2), 1, 1).await.remove(0);
    assert_eq!(fates(&withdraw(&town, &town.clinic, &own).await.unwrap()), [Fate::Displaced]);
    while town.get(&caller, &appointment).await.unwrap().state() == AppointmentState::Displaced {
        pause(100).await;
    }
    let given_up = town.get(&caller, &appointment).await.unwrap();
    assert_eq!((given_up.state(), given_up.cancelled_by()), (AppointmentState::Cancelled, CancelledBy::Provider));
    assert_eq!(reason(&town.confirm(&caller, &appointment).await.unwrap_err()), "APPOINTMENT_NOT_HELD");
    // The place that was kept is passed on, to whom it is theirs already no more.
    let mut owner = town.mesh.owner("scheduling").await;
    let entry: (String, i32) =
        sqlx::query_as("SELECT state, priority FROM wait_list_entries WHERE resident_id = $1::uuid")
            .bind(&resident)
            .fetch_one(&mut owner)
            .await
            .unwrap();
    assert_eq!(entry, ("WAITING".to_owned(), 1));
    assert_eq!(town.taken(&later).await, 0);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_01_a_changed_session_keeps_who_still_fits() {
    let town = Town::new().await;
    let slots = town.clinic_slots(noon(), 3, 2).await;
    let first = booked(&town, &slots[0], 2).await;
    booked(&town, &slots[1], 1).await;
    booked(&town, &slots[2], 1).await;
    let change = |places: i32, minutes: i64| ChangeSessionRequest {
        request_id: request_id(),
        session_id: slots[0].session_id.clone(),
        starts_at: Some(to_timestamp(noon())),
        ends_at: Some(to_timestamp(noon() + TimeDelta::minutes(minutes))),
        slot_length_minutes: 30,
        kinds: vec![CareKind::Outpatient.into()],
        pools: vec![PoolShare { pool: Pool::Public.into(), places }],
        practitioner_id: String::new(),
        reason: "调整".to_owned(),
    };
    let once = async |request: ChangeSessionRequest| {
        let answer = client(&town).change_session(town.clinic.request(request).await).await;
        answer.map(tonic::Response::into_inner)
    };
    // One place in each slot, the last slot goes, another one comes at the end.
    let changed = once(change(1, 60)).await.unwrap();
    assert_eq!(changed.slots.len(), 2);
    assert_eq!(fates(&changed.affected), [Fate::Kept, Fate::Cancelled, Fate::Kept, Fate::Cancelled]);
    assert_eq!(changed.affected[0].appointment.as_ref().unwrap().appointment_id, first[0].2);
    assert_eq!(changed.session.as_ref().unwrap().pools[0].places, 1);
    // More places in longer slots: who had a slot that is no more moves to the one that begins then.
    let changed = once(ChangeSessionRequest { slot_length_minutes: 60, ..change(3, 120) }).await.unwrap();
    assert_eq!(changed.slots.len(), 2);
    assert_eq!(fates(&changed.affected), [Fate::Moved, Fate::Displaced]);
    let get = GetSessionRequest { session_id: slots[0].session_id.clone() };
    let found = town.sessions().get_session(town.resident.request(get).await).await.unwrap().into_inner();
    assert_eq!((found.slots, found.session.unwrap().pools[0].places), (changed.slots, 3));
    // Another doctor takes over: everybody keeps their time.
    let taken_over = ChangeSessionRequest {
        slot_length_minutes: 60,
        practitioner_id: callers::DOCTOR.to_string(),
        ..change(3, 120)
    };
    let changed = once(taken_over).await.unwrap();
    // Those for whom there was nothing have places of the new ones offered meanwhile.
    assert_eq!(fates(&changed.affected), [Fate::Moved; 4]);
    assert!(
        changed
            .affected
            .iter()
            .all(|affected| { affected.appointment.as_ref().unwrap().practitioner_id == callers::DOCTOR.to_string() })
    );
    let refused = once(ChangeSessionRequest { slot_length_minutes: 50, ..change(1, 60) }).await.unwrap_err();
    assert_eq!(field(&refused), "slot_length_minutes");
    let foreign = ChangeSessionRequest { practitioner_id: callers::SPECIALIST.to_string(), ..change(1, 60) };
    assert_eq!(reason(&once(foreign).await.unwrap_err()), "PRACTITIONER_NOT_FOUND");
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_01_leave_takes_what_stands_in_it_and_nothing_else() {
    let town = Town::new().await;
    let doctors = Session {
        practitioner_id: callers::DOCTOR.to_string(),
        ..session(callers::CLINIC, noon(), 3, &[(Pool::Public, 1)])
    };
    let slots = town.publish(&town.clinic, vec![doctors]).await.unwrap();
    let (caller, _, appointment) = booked(&town, &slots[1], 1).await.remove(0);
    let (since, until) = (noon() + TimeDelta::minutes(40), noon() + TimeDelta::minutes(50));
    let leave = DeclareExceptionRequest {
        request_id: request_id(),
        scope: ExceptionScope::Practitioner.into(),
        subject_id: callers::DOCTOR.to_string(),
        since: Some(to_timestamp(since)),
        until: Some(to_timestamp(until)),
        reason: "休假".to_owned(),
    };
    let declare = async |caller: &TestCaller, request: &DeclareExceptionRequest| {
        client(&town).declare_exception(caller.request(request.clone()).await).await.map(tonic::Response::into_inner)
    };
    assert_eq!(reason(&declare(&town.hospital, &leave).await.unwrap_err()), "OUTSIDE_SCOPE");
    let region =
        DeclareExceptionRequest { scope: ExceptionScope::Region.into(), subject_id: String::new(), ..leave.clone() };
    assert_eq!(reason(&declare(&town.clinic, &region).await.unwrap_err()), "OUTSIDE_SCOPE");
    let unknown = DeclareExceptionRequest {
        scope: ExceptionScope::Template.into(),
        subject_id: TemplateId::generate().to_string(),
        ..leave.clone()
    };
    assert_eq!(reason(&declare(&town.clinic, &unknown).await.unwrap_err()), "TEMPLATE_NOT_FOUND");
    let declared = declare(&town.clinic, &leave).await.unwrap();
    assert_eq!(declare(&town.clinic, &leave).await.unwrap(), declared);
    while town.get(&caller, &appointment).await.unwrap().state() != AppointmentState::Displaced {
        pause(100).await;
    }
    let displaced = town.get(&caller, &appointment).await.unwrap();
    let offered = displaced.slot.unwrap().slot_id;
    assert!([&slots[0].slot_id, &slots[2].slot_id].contains(&&offered), "the nearest of the same session");
    assert!(timestamp("until", displaced.hold_expires_at.as_ref()).unwrap() > now());
    let get = GetSessionRequest { session_id: slots[0].session_id.clone() };
    let found = town.sessions().get_session(town.resident.request(get).await).await.unwrap().into_inner();
    assert_eq!(found.slots.len(), 2);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_01_malformed_calendars_name_their_field() {
    let town = Town::new().await;
    for (expected, template) in [
        ("template.weekday", SessionTemplate { weekday: 0, ..template() }),
        ("template.from_minute", SessionTemplate { from_minute: -1, ..template() }),
        ("template.until_minute", SessionTemplate { until_minute: 1440, ..template() }),
        ("ends_at", SessionTemplate { until_minute: 60, ..template() }),
        ("template.pools", SessionTemplate { pools: vec![], ..template() }),
        ("template.capabilities[0]", SessionTemplate { capabilities: vec!["FEVER".to_owned()], ..template() }),
        ("template.valid_from", SessionTemplate { valid_from: None, ..template() }),
        ("valid_until", SessionTemplate { valid_until: Some(to_date(local_date(now()))), ..template() }),
    ] {
        let refusal = create(&town, template).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal).as_str()), (Code::InvalidArgument, expected));
    }
    assert_eq!(field(&generate(&town, local_date(now()) + Days::new(121)).await.unwrap_err()), "until");
    assert_eq!(field(&generate(&town, local_date(now()) - Days::new(1)).await.unwrap_err()), "until");
    let nobody = Slot { session_id: AppointmentId::generate().to_string(), ..Default::default() };
    assert_eq!(reason(&withdraw(&town, &town.clinic, &nobody).await.unwrap_err()), "SESSION_NOT_FOUND");
}
