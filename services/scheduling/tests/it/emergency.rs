//! An emergency is kept from nobody, and is nobody's own word in an app.

use chrono::TimeDelta;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    Appointment, BookItem, BookRequest, BookTogetherRequest, CheckInRequest, HoldSlotRequest, JoinWaitListRequest,
    ListQueueRequest, Pool, QueueClass, Session, Slot, book_result, joint_service_client::JointServiceClient,
    wait_list_service_client::WaitListServiceClient,
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::{DelegationId, ResidentId};

use crate::queue::{client, comes, walk_in};
use crate::town::{Town, hold, now, session};

const EMERGENCY: i32 = CareKind::Emergency as i32;

/// Two hours in slots from tomorrow noon on, for emergencies, too: all on one day.
async fn slots(town: &Town, places: i32) -> Vec<Slot> {
    let starts_at = types::clock::start_of_local_day(types::clock::local_date(now())) + TimeDelta::hours(36);
    let kinds = vec![CareKind::Outpatient.into(), EMERGENCY];
    let published = Session { kinds, ..session(callers::CLINIC, starts_at, 4, &[(Pool::Public, places)]) };
    town.publish(&town.clinic, vec![published]).await.unwrap()
}

fn emergency(slot: &Slot) -> HoldSlotRequest {
    HoldSlotRequest { kind: EMERGENCY, ..hold(slot) }
}

fn is_for_staff<T: std::fmt::Debug>(outcome: Result<T, Status>) {
    let refusal = outcome.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::PermissionDenied, "EMERGENCY_BY_STAFF_ONLY".to_owned()));
    assert!(refusal.message().contains("120") && refusal.message().contains("emergency desk"), "{refusal:?}");
}

async fn book(town: &Town, caller: &TestCaller, slot: &Slot, delegation_id: &str) -> book_result::Result {
    let item = BookItem {
        request_id: request_id(),
        resident_id: callers::RESIDENT.to_string(),
        delegation_id: delegation_id.to_owned(),
        slot_id: slot.slot_id.clone(),
        kind: EMERGENCY,
        ..Default::default()
    };
    let request = caller.request(BookRequest { items: vec![item] }).await;
    town.appointments().book(request).await.unwrap().into_inner().results.remove(0).result.unwrap()
}

#[tokio::test]
async fn sc_08_a_patient_who_says_emergency_in_an_app_goes_past_no_limit_and_is_told_where_to_go() {
    let town = Town::new().await;
    let slots = slots(&town, 5).await;
    town.hold(&slots[0]).await.unwrap();
    let limited = town.hold(&slots[2]).await.unwrap_err();
    assert_eq!(reason(&limited), "BOOKING_LIMIT");

    is_for_staff(town.hold_as(&town.resident, emergency(&slots[2])).await);
    let listed = book(&town, &town.resident, &slots[2], "").await;
    let book_result::Result::Refusal(refusal) = listed else { panic!("{listed:?}") };
    assert_eq!(refusal.code, i32::from(Code::PermissionDenied), "{refusal:?}");
    let together = BookTogetherRequest {
        request_id: request_id(),
        resident_id: callers::RESIDENT.to_string(),
        slot_ids: slots[2..4].iter().map(|slot| slot.slot_id.clone()).collect(),
        kind: EMERGENCY,
        ..Default::default()
    };
    let mut joint = JointServiceClient::new(town.mesh.channel("scheduling"));
    is_for_staff(joint.book_together(town.resident.request(together).await).await);
    let join = JoinWaitListRequest {
        request_id: request_id(),
        resident_id: callers::RESIDENT.to_string(),
        provider_organisation_id: callers::CLINIC.to_string(),
        kind: EMERGENCY,
        until: Some(to_timestamp(now() + TimeDelta::days(3))),
        ..Default::default()
    };
    let mut wait_list = WaitListServiceClient::new(town.mesh.channel("scheduling"));
    is_for_staff(wait_list.join_wait_list(town.resident.request(join).await).await);

    // Nor does a bank's desk say so for them, whatever they delegated to it.
    let bank = town.mesh.caller("bank");
    let acting = bank.acting_for(ResidentId::from_uuid(callers::RESIDENT), delegated_to(&town, &bank).await);
    is_for_staff(town.hold_as(&acting, emergency(&slots[2])).await);
    assert_eq!((town.taken(&slots[2]).await, town.taken(&slots[3]).await), (0, 0));
}

async fn delegated_to(town: &Town, delegate: &TestCaller) -> DelegationId {
    use proto::anjia::identity::v1::{self as identity, delegation_service_client::DelegationServiceClient};
    let request = identity::GrantDelegationRequest {
        request_id: request_id(),
        resident_id: callers::RESIDENT.to_string(),
        delegate: delegate.party().to_owned(),
        basis: identity::DelegationBasis::Granted.into(),
        actions: vec![identity::DelegatedAction::Book.into()],
        until: Some(to_timestamp(now() + TimeDelta::days(1))),
        evidence: "SELF".to_owned(),
        ..Default::default()
    };
    let mut delegations = DelegationServiceClient::new(town.mesh.channel("identity"));
    let answer = delegations.grant_delegation(town.resident.request(request).await).await.unwrap();
    answer.into_inner().delegation.unwrap().delegation_id.parse().unwrap()
}

#[tokio::test]
async fn sc_08_an_emergency_that_staff_see_is_bound_by_no_limit_and_a_walk_in_is_never_refused() {
    let town = Town::new().await;
    let slots = slots(&town, 1).await;
    let usual: Appointment = town.hold(&slots[0]).await.unwrap();
    let seen = town.hold_as(&town.acting, emergency(&slots[2])).await.unwrap();
    assert_ne!(usual.appointment_id, seen.appointment_id);
    // In their own name, under the delegation they cite.
    let listed = book(&town, &town.worker, &slots[3], &town.delegation).await;
    assert!(matches!(listed, book_result::Result::Appointment(_)), "{listed:?}");

    // Who comes without an appointment is before whoever came earlier.
    let session_id = slots[0].session_id.as_str();
    let (_, other_id) = town.newcomer("other").await;
    let earlier = comes(&town, walk_in(&other_id, session_id)).await.unwrap();
    let urgent = CheckInRequest { kind: EMERGENCY, ..walk_in(&callers::RESIDENT.to_string(), session_id) };
    let urgent = comes(&town, urgent).await.unwrap();
    let request =
        ListQueueRequest { provider_organisation_id: callers::CLINIC.to_string(), session_id: session_id.to_owned() };
    let queue = client(&town).list_queue(town.clinic.request(request).await).await.unwrap().into_inner().tickets;
    let order: Vec<(&str, QueueClass)> = queue.iter().map(|it| (it.visit_id.as_str(), it.queue_class())).collect();
    assert_eq!(order, [(urgent.as_str(), QueueClass::Emergency), (earlier.as_str(), QueueClass::Ordinary)]);
    town.assert_sound().await;
}
