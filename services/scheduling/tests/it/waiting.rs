//! The line for a place: who joined first is offered the first that frees up, before anybody else can see it.

use chrono::{DateTime, TimeDelta, Utc};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    AffectedAppointment, AppointmentState, CancelAppointmentRequest, ChangeSessionRequest, Fate, HoldSlotRequest,
    JoinWaitListRequest, LeaveWaitListRequest, ListWaitingRequest, Pool, PoolShare, Slot, WaitListEntry, WaitListState,
    wait_list_service_client::WaitListServiceClient,
};
use proto::convert::{timestamp, to_timestamp};
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};

use crate::town::{Town, field, hold, now, pause};

pub(crate) fn client(town: &Town) -> WaitListServiceClient<chassis::channel::Channel> {
    WaitListServiceClient::new(town.mesh.channel("scheduling"))
}

pub(crate) fn wish(resident: &str, until: DateTime<Utc>) -> JoinWaitListRequest {
    JoinWaitListRequest {
        request_id: request_id(),
        resident_id: resident.to_owned(),
        provider_organisation_id: callers::CLINIC.to_string(),
        kind: CareKind::Outpatient.into(),
        until: Some(to_timestamp(until)),
        ..Default::default()
    }
}

pub(crate) async fn join(town: &Town, caller: &TestCaller, resident: &str) -> Result<WaitListEntry, Status> {
    let request = wish(resident, now() + TimeDelta::days(3));
    Ok(client(town).join_wait_list(caller.request(request).await).await?.into_inner().entry.unwrap())
}

pub(crate) async fn listed(town: &Town, caller: &TestCaller, resident: &str) -> WaitListEntry {
    let request = ListWaitingRequest { resident_id: resident.to_owned() };
    let answer = client(town).list_waiting(caller.request(request).await).await.unwrap();
    answer.into_inner().entries.remove(0)
}

pub(crate) async fn cancel(town: &Town, caller: &TestCaller, appointment_id: &str) {
    let request = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: appointment_id.to_owned(),
        ..Default::default()
    };
    town.appointments().cancel_appointment(caller.request(request).await).await.unwrap();
}

/// Changes how many places the only slot of a session has; answers what became of those who had one.
pub(crate) async fn change_places(town: &Town, slot: &Slot, places: i32) -> Vec<Fate> {
    let change = ChangeSessionRequest {
        request_id: request_id(),
        session_id: slot.session_id.clone(),
        starts_at: slot.starts_at,
        ends_at: slot.ends_at,
        slot_length_minutes: i32::try_from(length_minutes(slot)).unwrap(),
        kinds: vec![CareKind::Outpatient.into()],
        pools: vec![PoolShare { pool: Pool::Public.into(), places }],
        practitioner_id: String::new(),
        reason: "other places".to_owned(),
    };
    let changed = crate::calendar::client(town).change_session(town.clinic.request(change).await).await;
    changed.unwrap().into_inner().affected.iter().map(AffectedAppointment::fate).collect()
}

/// A slot of one place, which the resident has.
pub(crate) async fn taken(town: &Town) -> (Slot, String) {
    let slot = town.clinic_slots(now() + TimeDelta::hours(30), 1, 1).await.remove(0);
    let booked = town.booked(&slot).await;
    (slot, booked.appointment_id)
}

#[tokio::test]
async fn sc_07_a_place_that_frees_up_is_offered_to_whoever_waited_longest() {
    let town = Town::new().await;
    let (slot, appointment) = taken(&town).await;
    let (first, first_id) = town.newcomer("first").await;
    let (second, second_id) = town.newcomer("second").await;
    let (third, third_id) = town.newcomer("third").await;
    for (caller, id, position) in [(&first, &first_id, 1), (&second, &second_id, 2), (&third, &third_id, 3)] {
        let entry = join(&town, caller, id).await.unwrap();
        assert_eq!((entry.state(), entry.position), (WaitListState::Waiting, position));
        let explanation = entry.explanation.unwrap();
        assert!(explanation.zh.contains(&format!("{}人", position - 1)), "{}", explanation.zh);
    }

    cancel(&town, &town.resident, &appointment).await;
    let offered = listed(&town, &first, &first_id).await;
    assert_eq!((offered.state(), offered.position), (WaitListState::Offered, 0));
    assert_eq!(listed(&town, &second, &second_id).await.position, 1);
    // Whoever polls comes too late.
    let polled = HoldSlotRequest { resident_id: third_id.clone(), ..hold(&slot) };
    assert_eq!(reason(&town.hold_as(&third, polled).await.unwrap_err()), "SLOT_TAKEN");
    assert_eq!(town.get(&first, &offered.appointment_id).await.unwrap().state(), AppointmentState::Held);

    // Declined, it goes on at once; accepted, it stays.
    cancel(&town, &first, &offered.appointment_id).await;
    let offered = listed(&town, &second, &second_id).await;
    assert_eq!(offered.state(), WaitListState::Offered);
    let accepted = town.confirm(&second, &offered.appointment_id).await.unwrap();
    assert_eq!(accepted.state(), AppointmentState::Confirmed);
    assert_eq!(listed(&town, &third, &third_id).await.position, 1);
    assert_eq!(town.taken(&slot).await, 1);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_an_offer_that_runs_out_goes_to_the_next() {
    let town = Town::with(&[("WAIT_LIST_OFFER_S", "1")]).await;
    let (slot, appointment) = taken(&town).await;
    let (first, first_id) = town.newcomer("first").await;
    let (second, second_id) = town.newcomer("second").await;
    join(&town, &first, &first_id).await.unwrap();
    join(&town, &second, &second_id).await.unwrap();
    cancel(&town, &town.resident, &appointment).await;
    let missed = listed(&town, &first, &first_id).await;
    assert_eq!(missed.state(), WaitListState::Offered);
    while listed(&town, &second, &second_id).await.state() != WaitListState::Offered {
        pause(50).await;
    }
    assert_eq!(town.get(&first, &missed.appointment_id).await.unwrap().state(), AppointmentState::Expired);
    // When nobody waits any more the place is free.
    while town.taken(&slot).await > 0 {
        pause(50).await;
    }
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_who_cannot_take_a_place_keeps_theirs_in_the_line() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(30), 2, 1).await;
    let booked = town.booked(&slots[0]).await;
    let (busy, busy_id) = town.newcomer("busy").await;
    let (next, next_id) = town.newcomer("next").await;
    join(&town, &busy, &busy_id).await.unwrap();
    join(&town, &next, &next_id).await.unwrap();
    // One booking a day in one department: the first in the line has theirs.
    let other = HoldSlotRequest { resident_id: busy_id.clone(), ..hold(&slots[1]) };
    town.hold_as(&busy, other).await.unwrap();
    cancel(&town, &town.resident, &booked.appointment_id).await;
    assert_eq!(listed(&town, &next, &next_id).await.state(), WaitListState::Offered);
    let kept = listed(&town, &busy, &busy_id).await;
    assert_eq!((kept.state(), kept.position), (WaitListState::Waiting, 1));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_joining_and_leaving_the_line() {
    let town = Town::new().await;
    let resident = callers::RESIDENT.to_string();
    let request = wish(&resident, now() + TimeDelta::days(3));
    let first = client(&town).join_wait_list(town.resident.request(request.clone()).await).await.unwrap().into_inner();
    let again = client(&town).join_wait_list(town.resident.request(request).await).await.unwrap().into_inner();
    assert_eq!(first, again);
    let entry = first.entry.unwrap();
    let refused = join(&town, &town.resident, &resident).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::AlreadyExists, "ALREADY_WAITING".to_owned()));
    // A delegate sees it, and may leave for her; somebody else may not.
    assert_eq!(listed(&town, &town.acting, &resident).await, entry);
    let (stranger, _) = town.newcomer("stranger").await;
    let leave = LeaveWaitListRequest { request_id: request_id(), entry_id: entry.entry_id.clone() };
    let refused = client(&town).leave_wait_list(stranger.request(leave.clone()).await).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, "OUTSIDE_SCOPE".to_owned()));
    let left = client(&town).leave_wait_list(town.acting.request(leave).await).await.unwrap().into_inner();
    assert_eq!(left.entry.unwrap().state(), WaitListState::Left);
    join(&town, &town.resident, &resident).await.unwrap();

    let far = wish(&resident, now() + TimeDelta::days(91));
    let refused = client(&town).join_wait_list(town.resident.request(far).await).await.unwrap_err();
    assert_eq!((refused.code(), field(&refused)), (Code::InvalidArgument, "until".to_owned()));
}

#[tokio::test]
async fn sc_07_places_that_a_session_gets_later_are_offered_to_those_who_wait() {
    let town = Town::new().await;
    let starts_at = now() + TimeDelta::hours(30);
    let slot = town.clinic_slots(starts_at, 1, 1).await.remove(0);
    town.booked(&slot).await;
    let mut waiting = vec![];
    for name in ["first", "second", "third"] {
        let (caller, id) = town.newcomer(name).await;
        join(&town, &caller, &id).await.unwrap();
        waiting.push((caller, id));
    }
    change_places(&town, &slot, 3).await;
    for (number, (caller, id)) in waiting.iter().enumerate() {
        let state = if number < 2 { WaitListState::Offered } else { WaitListState::Waiting };
        assert_eq!(listed(&town, caller, id).await.state(), state, "number {number}");
    }
    assert_eq!(town.taken(&slot).await, 3);
    town.assert_sound().await;
}

fn length_minutes(slot: &Slot) -> i64 {
    let ends_at = timestamp("ends_at", slot.ends_at.as_ref()).unwrap();
    (ends_at - timestamp("starts_at", slot.starts_at.as_ref()).unwrap()).num_minutes()
}
