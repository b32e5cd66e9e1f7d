//! One call: the old place is given up only when the new one is firm.

use chrono::TimeDelta;
use futures_util::future::join_all;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    Appointment, AppointmentState, CancelAppointmentRequest, HoldSlotRequest, JoinWaitListRequest, ListWaitingRequest,
    Pool, RescheduleAppointmentRequest, Slot, WaitListState, wait_list_service_client::WaitListServiceClient,
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::clock::{local_date, start_of_local_day};
use types::ids::SlotId;

use crate::events::pull;
use crate::town::{Town, field, hold, now, session};

pub(crate) fn to(appointment: &Appointment, slots: &[&Slot]) -> RescheduleAppointmentRequest {
    RescheduleAppointmentRequest {
        request_id: request_id(),
        appointment_id: appointment.appointment_id.clone(),
        slot_ids: slots.iter().map(|slot| slot.slot_id.clone()).collect(),
        ..Default::default()
    }
}

pub(crate) async fn reschedule(
    town: &Town,
    caller: &TestCaller,
    request: RescheduleAppointmentRequest,
) -> Result<Appointment, Status> {
    let answer = town.appointments().reschedule_appointment(caller.request(request).await).await?;
    Ok(answer.into_inner().appointment.unwrap())
}

/// Tomorrow, so many slots from nine on: all on one local day.
async fn tomorrow(town: &Town, count: i32, places: i32) -> Vec<Slot> {
    let nine = start_of_local_day(local_date(now())) + TimeDelta::hours(33);
    town.clinic_slots(nine, count, places).await
}

async fn booked_by(town: &Town, caller: &TestCaller, resident_id: &str, slot: &Slot) -> Appointment {
    let wish = HoldSlotRequest { resident_id: resident_id.to_owned(), ..hold(slot) };
    let held = town.hold_as(caller, wish).await.unwrap();
    town.confirm(caller, &held.appointment_id).await.unwrap()
}

#[tokio::test]
async fn sc_04_an_appointment_moves_in_one_call_and_stays_the_same() {
    let town = Town::new().await;
    let slots = tomorrow(&town, 3, 1).await;
    let booked = town.booked(&slots[0]).await;
    let request = to(&booked, &[&slots[1]]);
    // One a day in one department: it is not counted twice.
    let moved = reschedule(&town, &town.resident, request.clone()).await.unwrap();
    let expected = Appointment { slot: Some(slots[1].clone()), revision: 2, ..booked.clone() };
    assert_eq!(moved, expected);
    assert_eq!(reschedule(&town, &town.resident, request).await.unwrap(), moved, "once, however often it is asked");
    assert_eq!(town.get(&town.resident, &booked.appointment_id).await.unwrap(), moved);
    assert_eq!((town.taken(&slots[0]).await, town.taken(&slots[1]).await), (0, 1));
    let to_where_it_is = reschedule(&town, &town.resident, to(&booked, &[&slots[1]])).await.unwrap();
    assert_eq!(to_where_it_is, moved, "said again it stays so");
    // A delegate may, too.
    let again = reschedule(&town, &town.acting, to(&booked, &[&slots[2]])).await.unwrap();
    assert_eq!(again.revision, 3);
    town.assert_sound().await;

    let mut kinds: Vec<String> = vec![];
    while kinds.len() < 4 {
        let after = i64::try_from(kinds.len()).unwrap();
        kinds.extend(pull(&town, "payment", after).await.unwrap().into_iter().map(|event| event.r#type));
    }
    let kind = ["held", "confirmed", "rescheduled", "rescheduled"];
    assert_eq!(kinds, kind.map(|past| format!("anjia.scheduling.appointment.{past}.v1")));
}

#[tokio::test]
async fn sc_04_the_old_place_stays_where_the_new_one_is_taken() {
    let town = Town::new().await;
    let slots = tomorrow(&town, 2, 1).await;
    let booked = town.booked(&slots[0]).await;
    let (other, other_id) = town.newcomer("other").await;
    booked_by(&town, &other, &other_id, &slots[1]).await;
    let refusal = reschedule(&town, &town.resident, to(&booked, &[&slots[1]])).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "SLOT_TAKEN".to_owned()));
    assert_eq!(town.get(&town.resident, &booked.appointment_id).await.unwrap(), booked);
    assert_eq!((town.taken(&slots[0]).await, town.taken(&slots[1]).await), (1, 1));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_what_cannot_move_is_refused_with_its_own_reason() {
    let town = Town::with(&[("APPOINTMENT_MOVES_MAX", "1")]).await;
    let slots = tomorrow(&town, 6, 2).await;
    let elsewhere = session(callers::HOSPITAL, now() + TimeDelta::days(3), 1, &[(Pool::Public, 1)]);
    let elsewhere = town.publish(&town.hospital, vec![elsewhere]).await.unwrap().remove(0);
    let (stranger, _) = town.newcomer("stranger").await;
    let held = town.hold(&slots[0]).await.unwrap();
    let refused = async |caller: &TestCaller, request: RescheduleAppointmentRequest| {
        let refusal = reschedule(&town, caller, request).await.unwrap_err();
        (refusal.code(), reason(&refusal))
    };
    let is = |code: Code, reason: &str| (code, reason.to_owned());
    let early = refused(&town.resident, to(&held, &[&slots[1]])).await;
    assert_eq!(early, is(Code::FailedPrecondition, "APPOINTMENT_NOT_CONFIRMED"));
    let booked = town.confirm(&town.resident, &held.appointment_id).await.unwrap();
    let foreign = refused(&stranger, to(&booked, &[&slots[1]])).await;
    assert_eq!(foreign, is(Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let unknown = Slot { slot_id: SlotId::generate().to_string(), ..slots[1].clone() };
    assert_eq!(refused(&town.resident, to(&booked, &[&unknown])).await, is(Code::NotFound, "SLOT_NOT_FOUND"));
    let pool = RescheduleAppointmentRequest { pool: Pool::Referral.into(), ..to(&booked, &[&slots[1]]) };
    assert_eq!(refused(&town.resident, pool).await, is(Code::FailedPrecondition, "POOL_NOT_OPEN"));
    for slots in [vec![&elsewhere], vec![], vec![&slots[1], &slots[3]]] {
        let refusal = reschedule(&town, &town.resident, to(&booked, &slots)).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal)), (Code::InvalidArgument, "slot_ids".to_owned()));
    }
    let begun = town.clinic_slots(now() - TimeDelta::minutes(10), 2, 5).await.remove(0);
    assert_eq!(refused(&town.resident, to(&booked, &[&begun])).await, is(Code::FailedPrecondition, "SLOT_PAST"));

    reschedule(&town, &town.resident, to(&booked, &[&slots[1]])).await.unwrap();
    let often = refused(&town.resident, to(&booked, &[&slots[2]])).await;
    assert_eq!(often, is(Code::ResourceExhausted, "BOOKING_LIMIT"));
    let cancel = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: booked.appointment_id.clone(),
        ..Default::default()
    };
    town.appointments().cancel_appointment(town.resident.request(cancel).await).await.unwrap();
    let over = refused(&town.resident, to(&booked, &[&slots[2]])).await;
    assert_eq!(over, is(Code::FailedPrecondition, "APPOINTMENT_NOT_ACTIVE"));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_an_appointment_does_not_move_into_another_of_the_same_person() {
    let town = Town::new().await;
    let slots = tomorrow(&town, 2, 2).await;
    let starts_at = proto::convert::timestamp("starts_at", slots[1].starts_at.as_ref()).unwrap();
    let there = session(callers::HOSPITAL, starts_at, 1, &[(Pool::Public, 1)]);
    let there = town.publish(&town.hospital, vec![there]).await.unwrap().remove(0);
    let booked = town.booked(&slots[0]).await;
    town.booked(&there).await;
    let refusal = reschedule(&town, &town.resident, to(&booked, &[&slots[1]])).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "PATIENT_CONFLICT".to_owned()));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_of_many_who_move_at_once_as_many_do_as_there_are_places_and_nobody_loses_theirs() {
    let town = Town::new().await;
    let slots = tomorrow(&town, 3, 6).await;
    let wanted = town.clinic_slots(now() + TimeDelta::days(2), 1, 2).await.remove(0);
    let mut booked = vec![];
    for number in 0..6 {
        let (caller, id) = town.newcomer(&format!("newcomer-{number}")).await;
        let appointment = booked_by(&town, &caller, &id, &slots[number % 2]).await;
        booked.push((caller, appointment));
    }
    // Two places for six.
    let moves = booked.iter().map(|(caller, it)| reschedule(&town, caller, to(it, &[&wanted])));
    let moves = join_all(moves).await;
    assert_eq!(moves.iter().filter(|moved| moved.is_ok()).count(), 2, "{moves:?}");
    for refusal in moves.into_iter().filter_map(Result::err) {
        assert_eq!(reason(&refusal), "SLOT_TAKEN");
    }
    // And all at once change places with each other.
    let swaps = booked.iter().enumerate().map(|(number, (caller, it))| {
        let there = &slots[(number + 1) % 2];
        reschedule(&town, caller, to(it, &[there]))
    });
    let swaps = join_all(swaps).await;
    assert!(swaps.iter().all(Result::is_ok), "there is room for all: {swaps:?}");
    for (caller, it) in &booked {
        assert_eq!(town.get(caller, &it.appointment_id).await.unwrap().state(), AppointmentState::Confirmed);
    }
    let taken = [town.taken(&slots[0]).await, town.taken(&slots[1]).await, town.taken(&wanted).await];
    assert_eq!(taken, [3, 3, 0]);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_the_place_somebody_moves_away_from_goes_to_whoever_waits_for_it() {
    let town = Town::new().await;
    let slots = tomorrow(&town, 2, 1).await;
    let booked = town.booked(&slots[0]).await;
    let (waiting, waiting_id) = town.newcomer("waiting").await;
    let mut line = WaitListServiceClient::new(town.mesh.channel("scheduling"));
    let join = JoinWaitListRequest {
        request_id: request_id(),
        resident_id: waiting_id.clone(),
        provider_organisation_id: callers::CLINIC.to_string(),
        kind: CareKind::Outpatient.into(),
        until: Some(to_timestamp(now() + TimeDelta::days(3))),
        ..Default::default()
    };
    line.join_wait_list(waiting.request(join).await).await.unwrap();
    reschedule(&town, &town.resident, to(&booked, &[&slots[1]])).await.unwrap();
    let list = ListWaitingRequest { resident_id: waiting_id };
    let entry = line.list_waiting(waiting.request(list).await).await.unwrap().into_inner().entries.remove(0);
    assert_eq!(entry.state(), WaitListState::Offered);
    assert_eq!(town.get(&waiting, &entry.appointment_id).await.unwrap().slot.as_ref(), Some(&slots[0]));
    town.assert_sound().await;
}
