//! Queues on the day: a ticket with the check-in, an order that can be explained, calling, passing, moving.

use chassis::channel::Channel;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proto::anjia::{
    common::v1::CareKind,
    scheduling::v1::{
        CallNextRequest, CheckInRequest, EndVisitRequest, GetQueuePositionRequest, IdentityProof, ListQueueRequest,
        MoveQueueRequest, PassRequest, Pool, Present, QueueClass, QueueTicket, RecallRequest, TicketState,
        VisitOutcome, queue_service_client::QueueServiceClient,
    },
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::{OrganisationId, ResidentId, SessionId, VisitId};
use uuid::Uuid;

use crate::town::{Town, field, hold, now, session};

pub(crate) fn client(town: &Town) -> QueueServiceClient<Channel> {
    QueueServiceClient::new(town.mesh.channel("scheduling"))
}

/// The id of a session of the clinic that begins then, of half-hour slots.
pub(crate) async fn hours(town: &Town, starts_at: DateTime<Utc>) -> String {
    let published = session(callers::CLINIC, starts_at, 4, &[(Pool::Public, 2)]);
    town.publish(&town.clinic, vec![published]).await.unwrap().remove(0).session_id
}

/// Somebody who comes without an appointment, by their id; without a credential, which the queue does not depend on.
pub(crate) fn walk_in(resident_id: &str, session_id: &str) -> CheckInRequest {
    CheckInRequest {
        request_id: request_id(),
        resident_id: resident_id.to_owned(),
        kind: CareKind::Outpatient.into(),
        provider_organisation_id: callers::CLINIC.to_string(),
        session_id: session_id.to_owned(),
        present: Present::Self_.into(),
        identity_proof: IdentityProof::None.into(),
        occurred_at: Some(to_timestamp(now())),
        ..Default::default()
    }
}

pub(crate) async fn comes(town: &Town, request: CheckInRequest) -> Result<String, Status> {
    let answer = town.visits().check_in(town.clinic.request(request).await).await?;
    Ok(answer.into_inner().visit.unwrap().visit_id)
}

pub(crate) async fn stands(town: &Town, caller: &TestCaller, visit_id: &str) -> Result<QueueTicket, Status> {
    let request = GetQueuePositionRequest { visit_id: visit_id.to_owned() };
    let answer = client(town).get_queue_position(caller.request(request).await).await?;
    Ok(answer.into_inner().ticket.unwrap())
}

async fn position(town: &Town, visit_id: &str) -> i32 {
    stands(town, &town.clinic, visit_id).await.unwrap().position
}

pub(crate) fn next(session_id: &str) -> CallNextRequest {
    CallNextRequest {
        request_id: request_id(),
        provider_organisation_id: callers::CLINIC.to_string(),
        session_id: session_id.to_owned(),
    }
}

pub(crate) async fn call(town: &Town, request: CallNextRequest) -> Result<QueueTicket, Status> {
    let answer = client(town).call_next(town.clinic.request(request).await).await?;
    Ok(answer.into_inner().ticket.unwrap())
}

async fn pass(town: &Town, visit_id: &str) -> Result<QueueTicket, Status> {
    let request = PassRequest { request_id: request_id(), visit_id: visit_id.to_owned() };
    Ok(client(town).pass(town.clinic.request(request).await).await?.into_inner().ticket.unwrap())
}

async fn list(town: &Town, session_id: &str) -> Result<Vec<QueueTicket>, Status> {
    let request =
        ListQueueRequest { provider_organisation_id: callers::CLINIC.to_string(), session_id: session_id.to_owned() };
    Ok(client(town).list_queue(town.clinic.request(request).await).await?.into_inner().tickets)
}

fn visits(tickets: &[QueueTicket]) -> Vec<&str> {
    tickets.iter().map(|ticket| ticket.visit_id.as_str()).collect()
}

fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let refusal = result.unwrap_err();
    (refusal.code(), reason(&refusal))
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

async fn somebody(town: &Town) -> String {
    let id = ResidentId::generate();
    town.register_resident(id.uuid()).await;
    id.to_string()
}

#[tokio::test]
async fn sc_11_a_check_in_joins_the_queue_and_the_desk_calls_in_an_order_that_is_explained() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let booked = town.booked(&slot).await;
    let session_id = slot.session_id.as_str();
    // Who shows another's card keeps nothing and stands nowhere.
    let keep = CheckInRequest { appointment_id: booked.appointment_id.clone(), ..walk_in("", "") };
    let keep = CheckInRequest { kind: 0, provider_organisation_id: String::new(), ..keep };
    let (identity_proof, stranger) = (IdentityProof::IdCard.into(), somebody(&town).await);
    let wrong =
        CheckInRequest { credential: Some(town.card(stranger.parse().unwrap())), identity_proof, ..keep.clone() };
    assert_eq!(refused(comes(&town, wrong).await), is(Code::FailedPrecondition, "IDENTITY_MISMATCH"));
    assert_eq!(refused(list(&town, session_id).await), is(Code::NotFound, "QUEUE_NOT_FOUND"));

    let hers = comes(&town, keep).await.unwrap();
    let first = comes(&town, walk_in(&stranger, session_id)).await.unwrap();
    let other = somebody(&town).await;
    let pregnant = CheckInRequest { priorities: vec![QueueClass::Pregnant.into()], ..walk_in(&other, session_id) };
    let urgent = comes(&town, pregnant).await.unwrap();
    let line = list(&town, session_id).await.unwrap();
    assert_eq!(visits(&line), [&urgent, &first, &hers], "by class, then by turn: her slot is in two hours");
    assert_eq!(line.iter().map(|ticket| ticket.position).collect::<Vec<_>>(), [1, 2, 3]);

    let ticket = stands(&town, &town.resident, &hers).await.unwrap();
    assert_eq!((ticket.queue_class(), ticket.state()), (QueueClass::Ordinary, TicketState::Waiting));
    assert_eq!((&ticket.due_at, &ticket.turn_at), (&slot.starts_at, &slot.starts_at));
    // Half an hour for five, the session in two hours, two before her.
    let begins_in = 2 * 3600 + 2 * 360;
    assert!((begins_in - 60..=begins_in).contains(&ticket.expected_wait_s), "{}", ticket.expected_wait_s);
    let explanation = ticket.explanation.clone().unwrap();
    assert!(explanation.zh.contains("还有2人，其中1人") && explanation.en.contains("2 before you, 1 of them"));
    assert_eq!(stands(&town, &town.acting, &hers).await.unwrap().position, 3);
    for nobody in [&town.hospital, &town.newcomer("nobody").await.0] {
        assert_eq!(refused(stands(&town, nobody, &hers).await), is(Code::PermissionDenied, "OUTSIDE_SCOPE"));
    }

    let request = next(session_id);
    let called = call(&town, request.clone()).await.unwrap();
    assert_eq!((called.visit_id.as_str(), called.state(), called.calls), (urgent.as_str(), TicketState::Called, 1));
    assert_eq!(call(&town, request).await.unwrap(), called, "sent again, nobody else is called");
    assert_eq!(call(&town, next(session_id)).await.unwrap().visit_id, first);
    assert_eq!(stands(&town, &town.clinic, &urgent).await.unwrap().state(), TicketState::Served);
    assert_eq!(call(&town, next(session_id)).await.unwrap().visit_id, hers);
    assert_eq!(refused(call(&town, next(session_id)).await), is(Code::FailedPrecondition, "NOBODY_WAITING"));
    assert_eq!(stands(&town, &town.clinic, &hers).await.unwrap().state(), TicketState::Called);
    let end = EndVisitRequest {
        request_id: request_id(),
        visit_id: hers.clone(),
        outcome: VisitOutcome::Completed.into(),
        occurred_at: Some(to_timestamp(now())),
        reason: String::new(),
    };
    town.visits().end_visit(town.clinic.request(end).await).await.unwrap();
    assert_eq!(stands(&town, &town.resident, &hers).await.unwrap().state(), TicketState::Served);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_11_age_and_disability_are_known_and_who_passes_waits_behind_the_next_few() {
    let town = Town::new().await;
    let session_id = hours(&town, now() + TimeDelta::hours(1)).await;
    let old = ResidentId::generate();
    town.register_born(old.uuid(), NaiveDate::from_ymd_opt(1940, 3, 1).unwrap()).await;
    let mut others = vec![];
    for _ in 0..5 {
        others.push(comes(&town, walk_in(&somebody(&town).await, &session_id)).await.unwrap());
    }
    let eldest = comes(&town, walk_in(&old.to_string(), &session_id)).await.unwrap();
    let ticket = stands(&town, &town.clinic, &eldest).await.unwrap();
    assert_eq!((ticket.queue_class(), ticket.position), (QueueClass::Elderly80, 1));

    assert_eq!(refused(pass(&town, &others[0]).await), is(Code::FailedPrecondition, "TICKET_NOT_CALLED"));
    call(&town, next(&session_id)).await.unwrap();
    assert_eq!(call(&town, next(&session_id)).await.unwrap().visit_id, others[0]);
    let again = RecallRequest { request_id: request_id(), visit_id: others[0].clone() };
    let again = client(&town).recall(town.clinic.request(again).await).await.unwrap().into_inner().ticket.unwrap();
    assert_eq!(again.calls, 2);
    assert_eq!(pass(&town, &others[0]).await.unwrap().position, 4);
    assert_eq!(
        visits(&list(&town, &session_id).await.unwrap()),
        [&others[1], &others[2], &others[3], &others[0], &others[4]]
    );

    let unknown = EndVisitRequest { visit_id: VisitId::generate().to_string(), ..Default::default() };
    assert_eq!(refused(pass(&town, &unknown.visit_id).await), is(Code::NotFound, "TICKET_NOT_FOUND"));
    let said = CheckInRequest { priorities: vec![QueueClass::Elderly80.into()], ..walk_in(&old.to_string(), "") };
    assert_eq!(field(&comes(&town, said).await.unwrap_err()), "priorities[0]");
    let elsewhere = walk_in(&old.to_string(), &SessionId::generate().to_string());
    assert_eq!(refused(comes(&town, elsewhere).await), is(Code::NotFound, "SESSION_NOT_FOUND"));
    town.assert_sound().await;
}

/// To the line of another session, or by itself again.
fn moving(session_id: &str, to_session_id: &str, room: &str) -> MoveQueueRequest {
    MoveQueueRequest {
        request_id: request_id(),
        provider_organisation_id: callers::CLINIC.to_string(),
        session_id: session_id.to_owned(),
        to_session_id: to_session_id.to_owned(),
        room: room.to_owned(),
        practitioner_id: String::new(),
    }
}

#[tokio::test]
async fn sc_11_when_a_doctor_moves_everybody_keeps_their_turn() {
    let town = Town::new().await;
    let (one, other) =
        (hours(&town, now() + TimeDelta::hours(1)).await, hours(&town, now() + TimeDelta::hours(1)).await);
    let go = async |request: MoveQueueRequest| {
        let answer = client(&town).move_queue(town.clinic.request(request).await).await;
        answer.map(|answer| answer.into_inner().waiting_count)
    };
    // A room can be said before anybody comes.
    assert_eq!(go(moving(&other, "", "5诊室")).await.unwrap(), 0);
    let mut came = vec![];
    for line in [&one, &other, &one, &other] {
        came.push(comes(&town, walk_in(&somebody(&town).await, line)).await.unwrap());
    }
    assert_eq!((position(&town, &came[2]).await, position(&town, &came[3]).await), (2, 2));
    let request = moving(&one, &other, "");
    assert_eq!(go(request.clone()).await.unwrap(), 2);
    assert_eq!(go(request).await.unwrap(), 2, "sent again");
    assert_eq!(visits(&list(&town, &other).await.unwrap()), [&came[0], &came[1], &came[2], &came[3]]);
    let moved = stands(&town, &town.clinic, &came[2]).await.unwrap();
    assert_eq!((moved.position, moved.room.as_str()), (3, "5诊室"));
    // By either name the same line is called, and whoever comes to the old one stands in the new one.
    assert_eq!(call(&town, next(&one)).await.unwrap().visit_id, came[0]);
    let late = comes(&town, walk_in(&somebody(&town).await, &one)).await.unwrap();
    assert_eq!(position(&town, &late).await, 4);
    // The other doctor goes to the first one's room instead: the lines stay together.
    assert_eq!(go(moving(&other, &one, "")).await.unwrap(), 2);
    assert_eq!(list(&town, &one).await.unwrap().len(), 5);
    assert_eq!(go(moving(&other, "", "6诊室")).await.unwrap(), 2);
    assert_eq!(visits(&list(&town, &other).await.unwrap()), [&came[1], &came[3]]);

    assert_eq!(field(&go(moving(&one, &one, "")).await.unwrap_err()), "to_session_id");
    let nowhere = moving(&one, &SessionId::generate().to_string(), "");
    assert_eq!(refused(go(nowhere).await), is(Code::NotFound, "SESSION_NOT_FOUND"));
    let foreign = MoveQueueRequest { provider_organisation_id: callers::HOSPITAL.to_string(), ..moving(&one, "", "") };
    assert_eq!(refused(go(foreign).await), is(Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let stranger = MoveQueueRequest { practitioner_id: callers::SPECIALIST.to_string(), ..moving(&one, "", "") };
    assert_eq!(refused(go(stranger).await), is(Code::NotFound, "PRACTITIONER_NOT_FOUND"));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_11_two_desks_that_call_at_once_never_call_the_same_person() {
    let town = Town::new().await;
    let session_id = hours(&town, now() + TimeDelta::hours(1)).await;
    let mut came = vec![];
    for _ in 0..8 {
        came.push(comes(&town, walk_in(&somebody(&town).await, &session_id)).await.unwrap());
    }
    let calls = futures_util::future::join_all((0..8).map(|_| call(&town, next(&session_id)))).await;
    let mut called: Vec<String> = calls.into_iter().map(|ticket| ticket.unwrap().visit_id).collect();
    called.sort_unstable();
    came.sort_unstable();
    assert_eq!(called, came);
    let foreign = OrganisationId::from_uuid(Uuid::now_v7()).to_string();
    let request = CallNextRequest { provider_organisation_id: foreign, ..next("") };
    assert_eq!(refused(call(&town, request).await), is(Code::PermissionDenied, "OUTSIDE_SCOPE"));
    // Without a session they stand in the clinic's own line.
    let slot = hold(&town.clinic_slots(now() + TimeDelta::hours(1), 1, 1).await[0]);
    assert_eq!(refused(call(&town, next("")).await), is(Code::NotFound, "QUEUE_NOT_FOUND"));
    let own = comes(&town, walk_in(&slot.resident_id, "")).await.unwrap();
    assert_eq!(call(&town, next("")).await.unwrap().visit_id, own);
}
