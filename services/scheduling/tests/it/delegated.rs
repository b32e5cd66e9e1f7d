//! What a delegate books: counted against the delegation, and freed when it is taken back.

use chrono::TimeDelta;
use proto::anjia::{
    common::v1::CareKind,
    identity::v1::{
        DelegatedAction, DelegationLimits, RevokeDelegationRequest, delegation_service_client::DelegationServiceClient,
    },
    scheduling::v1::{
        Appointment, AppointmentState, CancelAppointmentRequest, CancelledBy, HoldSlotRequest, Pool, Slot,
    },
};
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::{DelegationId, ResidentId};

use crate::town::{Town, hold, now, pause, session};

use DelegatedAction::Book;

/// The worker, who may book within limits.
async fn within(town: &Town, limits: DelegationLimits) -> (TestCaller, DelegationId) {
    let id = town.delegate_within(&town.resident, callers::RESIDENT, &[Book], Some(limits)).await;
    (town.worker.acting_for(ResidentId::from_uuid(callers::RESIDENT), id), id)
}

/// One slot of the clinic on each of so many days.
async fn days(town: &Town, count: i64) -> Vec<Slot> {
    let sessions = (1..=count).map(|day| {
        let starts_at = now() + TimeDelta::days(day) + TimeDelta::hours(1);
        session(callers::CLINIC, starts_at, 1, &[(Pool::Public, 5)])
    });
    let sessions: Vec<_> = sessions.collect();
    let mut slots = Vec::new();
    for sessions in sessions.chunks(50) {
        slots.extend(town.publish(&town.clinic, sessions.to_vec()).await.unwrap());
    }
    slots
}

async fn cancel(town: &Town, caller: &TestCaller, appointment: &Appointment) -> Appointment {
    let request = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: appointment.appointment_id.clone(),
        ..Default::default()
    };
    let answer = town.appointments().cancel_appointment(caller.request(request).await).await.unwrap();
    answer.into_inner().appointment.unwrap()
}

async fn revoke(town: &Town, delegation: DelegationId) {
    let request = RevokeDelegationRequest { request_id: request_id(), delegation_id: delegation.to_string() };
    let request = town.resident.request(request).await;
    DelegationServiceClient::new(town.mesh.channel("identity")).revoke_delegation(request).await.unwrap();
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (Code, String) {
    let status = outcome.unwrap_err();
    (status.code(), reason(&status))
}

fn used_up() -> (Code, String) {
    (Code::ResourceExhausted, "DELEGATION_USED_UP".to_owned())
}

#[tokio::test]
async fn id_04_no_more_is_booked_than_was_delegated_by_64_who_want_it_at_once() {
    let town = Town::new().await;
    let (worker, _) = within(&town, DelegationLimits { uses_max: 2, ..Default::default() }).await;
    let slots = days(&town, 64).await;
    let ctx = worker.context().await.unwrap();
    let mut running = tokio::task::JoinSet::new();
    for slot in &slots {
        let (mut appointments, request) = (town.appointments(), ctx.request(hold(slot)));
        running.spawn(async move { appointments.hold_slot(request).await });
    }
    let outcomes = running.join_all().await;
    let (held, refusals): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(held.len(), 2);
    assert_eq!(refusals.len(), 62);
    for refusal in refusals {
        assert_eq!(refused(refusal), used_up());
    }
    town.assert_sound().await;
}

#[tokio::test]
async fn id_04_a_repeated_booking_is_one_use_and_what_did_not_become_firm_is_given_back() {
    let town = Town::new().await;
    let (worker, _) = within(&town, DelegationLimits { uses_max: 1, ..Default::default() }).await;
    let slots = days(&town, 4).await;
    let request = hold(&slots[0]);
    let held = town.hold_as(&worker, request.clone()).await.unwrap();
    assert_eq!(town.hold_as(&worker, request).await.unwrap(), held);
    assert_eq!(refused(town.hold_as(&worker, hold(&slots[1])).await), used_up());

    cancel(&town, &worker, &held).await;
    let second = town.hold_as(&worker, hold(&slots[1])).await.unwrap();
    town.confirm(&worker, &second.appointment_id).await.unwrap();
    // What the provider takes away is given back; what the patient's side gives up was a use.
    cancel(&town, &town.clinic, &second).await;
    let third = town.hold_as(&worker, hold(&slots[2])).await.unwrap();
    town.confirm(&worker, &third.appointment_id).await.unwrap();
    cancel(&town, &worker, &third).await;
    assert_eq!(refused(town.hold_as(&worker, hold(&slots[3])).await), used_up());
    // The resident's own bookings are nobody's uses.
    town.hold(&slots[3]).await.unwrap();
    town.assert_sound().await;
}

#[tokio::test]
async fn id_04_a_delegate_books_the_care_and_the_providers_that_were_named() {
    let town = Town::new().await;
    let slots = days(&town, 2).await;
    let kinds = DelegationLimits { care_kinds: vec![CareKind::Chronic.into()], ..Default::default() };
    let (worker, _) = within(&town, kinds).await;
    let other_care = town.hold_as(&worker, hold(&slots[0])).await;
    assert_eq!(refused(other_care), (Code::PermissionDenied, "SERVICE_KIND_NOT_DELEGATED".to_owned()));
    let chronic = HoldSlotRequest { kind: CareKind::Chronic.into(), ..hold(&slots[0]) };
    town.hold_as(&worker, chronic).await.unwrap();

    let hospital = DelegationLimits { organisation_ids: vec![callers::HOSPITAL.to_string()], ..Default::default() };
    let (worker, _) = within(&town, hospital).await;
    let elsewhere = town.hold_as(&worker, hold(&slots[1])).await;
    assert_eq!(refused(elsewhere), (Code::PermissionDenied, "ORGANISATION_NOT_DELEGATED".to_owned()));
}

#[tokio::test]
async fn id_04_with_a_delegation_go_the_places_held_under_it_and_confirmed_ones_stay() {
    let town = Town::new().await;
    let (worker, delegation) = within(&town, DelegationLimits::default()).await;
    let slots = days(&town, 3).await;
    let held = town.hold_as(&worker, hold(&slots[0])).await.unwrap();
    let confirmed = town.hold_as(&worker, hold(&slots[1])).await.unwrap();
    town.confirm(&worker, &confirmed.appointment_id).await.unwrap();
    let own = town.hold(&slots[2]).await.unwrap();
    let ctx = worker.context().await.unwrap();

    revoke(&town, delegation).await;
    let mut waited_ms = 0;
    let freed = loop {
        let seen = town.get(&town.resident, &held.appointment_id).await.unwrap();
        if seen.state() != AppointmentState::Held {
            break seen;
        }
        assert!(waited_ms < 10_000, "the hold was not freed:\n{}", town.mesh.log("scheduling"));
        pause(50).await;
        waited_ms += 50;
    };
    assert_eq!((freed.state(), freed.cancelled_by()), (AppointmentState::Cancelled, CancelledBy::Patient));
    assert_eq!(town.taken(&slots[0]).await, 0);
    let state = async |id: &str| town.get(&town.resident, id).await.unwrap().state();
    assert_eq!(state(&confirmed.appointment_id).await, AppointmentState::Confirmed);
    assert_eq!(state(&own.appointment_id).await, AppointmentState::Held);

    let mut owner = town.mesh.owner("scheduling").await;
    let told: Vec<String> =
        sqlx::query_scalar("SELECT subject FROM events WHERE kind = $1 AND data->>'delegation_id' = $2")
            .bind("anjia.scheduling.appointment.delegation_revoked.v1")
            .bind(delegation.to_string())
            .fetch_all(&mut owner)
            .await
            .unwrap();
    assert_eq!(told, [confirmed.appointment_id]);
    // A token of the time before opens nothing.
    let late = town.appointments().hold_slot(ctx.request(hold(&slots[0]))).await;
    assert_eq!(refused(late), (Code::PermissionDenied, "NO_DELEGATION".to_owned()));
    let violations: i64 =
        sqlx::query_scalar("SELECT count(*) FROM delegation_violations").fetch_one(&mut owner).await.unwrap();
    assert_eq!(violations, 0);
    town.assert_sound().await;
}
