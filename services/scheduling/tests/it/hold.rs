use chrono::TimeDelta;
use futures_util::future::join_all;
use proto::anjia::scheduling::v1::{
    Appointment, AppointmentState, CancelAppointmentRequest, HoldSlotRequest, Pool, Session, Slot,
};
use proto::convert::to_timestamp;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use types::ids::{AppointmentId, JourneyId, SlotId};

use crate::town::{Town, field, hold, now, pause, session};

#[tokio::test]
async fn sc_04_a_resident_holds_a_place_for_five_minutes() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let held = town.hold(&slot).await.unwrap();
    assert_eq!(held.state(), AppointmentState::Held);
    assert_eq!(held.slot.as_ref(), Some(&slot));
    assert_eq!(held.booked_by, town.resident.party());
    assert!(!held.journey_id.is_empty());
    let seconds = held.hold_expires_at.unwrap().seconds - held.held_at.unwrap().seconds;
    assert_eq!(seconds, 300);
    assert_eq!(town.taken(&slot).await, 1);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_journey_is_one_persons_whoever_else_names_it_and_however_many_at_once() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 2, 20).await;
    let held = town.hold(&slots[0]).await.unwrap();
    let (other, other_id) = town.newcomer("other").await;
    let of_another =
        HoldSlotRequest { resident_id: other_id.clone(), journey_id: held.journey_id.clone(), ..hold(&slots[1]) };
    let refusal = town.hold_as(&other, of_another).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "JOURNEY_OF_ANOTHER".to_owned()));
    assert_eq!(field(&refusal), "journey_id");
    // An unknown one may be named, as referral does; of many who name it at once one has it.
    let fresh = JourneyId::generate().to_string();
    let mut residents = vec![(other, other_id)];
    for number in 0..7 {
        residents.push(town.newcomer(&format!("newcomer-{number}")).await);
    }
    let tries = residents.iter().map(|(caller, id)| {
        let wish = HoldSlotRequest { resident_id: id.clone(), journey_id: fresh.clone(), ..hold(&slots[1]) };
        town.hold_as(caller, wish)
    });
    let (held, refused): (Vec<_>, Vec<_>) = join_all(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!(held.len(), 1, "{refused:?}");
    for refusal in refused.into_iter().filter_map(Result::err) {
        assert_eq!(reason(&refusal), "JOURNEY_OF_ANOTHER");
    }
    assert_eq!(town.taken(&slots[1]).await, 1);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_repeated_hold_is_answered_once() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 2, 5).await;
    let wish = hold(&slots[0]);
    let first = town.hold_as(&town.resident, wish.clone()).await.unwrap();
    let again = town.hold_as(&town.resident, wish.clone()).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(town.taken(&slots[0]).await, 1);

    let other = HoldSlotRequest { slot_id: slots[1].slot_id.clone(), ..wish };
    let refusal = town.hold_as(&town.resident, other).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    assert_eq!(town.taken(&slots[1]).await, 0);
}

#[tokio::test]
async fn sc_09_of_64_who_hold_at_once_exactly_five_get_the_five_places() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 2, 5).await;
    let mut residents = Vec::new();
    for number in 0..64 {
        residents.push(town.newcomer(&format!("newcomer-{number}")).await);
    }
    let tries = residents.iter().map(|(caller, id)| {
        let wish = HoldSlotRequest { resident_id: id.clone(), ..hold(&slots[0]) };
        town.hold_as(caller, wish)
    });
    let (held, refused): (Vec<_>, Vec<_>) = join_all(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!(held.len(), 5, "{refused:?}");
    for refusal in refused.into_iter().filter_map(Result::err) {
        assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "SLOT_TAKEN".to_owned()));
        assert_eq!(alternatives(&refusal), slots[1].slot_id);
    }
    assert_eq!(town.taken(&slots[0]).await, 5);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_09_sc_14_what_is_told_from_memory_is_true_for_who_had_a_place_and_after_one_came_back() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 1).await.remove(0);
    let wish = hold(&slot);
    let held = town.hold_as(&town.resident, wish.clone()).await.unwrap();
    let (late, late_id) = town.newcomer("late").await;
    let too_late = || HoldSlotRequest { resident_id: late_id.clone(), ..hold(&slot) };
    for _ in 0..20 {
        assert_eq!(reason(&town.hold_as(&late, too_late()).await.unwrap_err()), "SLOT_TAKEN");
        assert_eq!(town.hold_as(&town.resident, wish.clone()).await.unwrap(), held, "answered as before");
    }
    let cancel = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: held.appointment_id.clone(),
        ..Default::default()
    };
    town.appointments().cancel_appointment(town.resident.request(cancel).await).await.unwrap();
    town.hold_as(&late, too_late()).await.unwrap();
    // Who had it and gave it up is answered as before, too.
    assert_eq!(town.hold_as(&town.resident, wish).await.unwrap().appointment_id, held.appointment_id);
    town.assert_sound().await;
}

pub(crate) fn alternatives(refusal: &Status) -> String {
    refusal.get_details_error_info().unwrap().metadata.remove("alternatives").unwrap_or_default()
}

#[tokio::test]
async fn sc_04_one_person_is_not_in_two_places_even_if_both_are_asked_for_at_once() {
    let town = Town::new().await;
    let starts_at = now() + TimeDelta::hours(2);
    let sessions = vec![
        session(callers::CLINIC, starts_at, 1, &[(Pool::Public, 5)]),
        session(callers::CLINIC, starts_at + TimeDelta::minutes(10), 1, &[(Pool::Public, 5)]),
    ];
    let slots = town.publish(&town.clinic, sessions).await.unwrap();
    let (one, other) = tokio::join!(town.hold(&slots[0]), town.hold(&slots[1]));
    let refusal = match (one, other) {
        (Ok(_), Err(refusal)) | (Err(refusal), Ok(_)) => refusal,
        both => panic!("{both:?}"),
    };
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "PATIENT_CONFLICT".to_owned()));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_08_a_second_booking_on_one_day_in_one_department_is_refused() {
    let town = Town::new().await;
    // Both on one local day: noon to evening, tomorrow.
    let starts_at = types::clock::start_of_local_day(types::clock::local_date(now())) + TimeDelta::hours(36);
    let slots = town.clinic_slots(starts_at, 4, 5).await;
    town.hold(&slots[0]).await.unwrap();
    let refusal = town.hold(&slots[2]).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::ResourceExhausted, "BOOKING_LIMIT".to_owned()));
}

#[tokio::test]
async fn sc_04_what_cannot_be_held_is_refused_with_its_own_reason() {
    let town = Town::new().await;
    let begun = town.clinic_slots(now() - TimeDelta::minutes(10), 2, 5).await.remove(0);
    let pools = [(Pool::Public, 1), (Pool::Referral, 1)];
    let sessions = vec![session(callers::CLINIC, now() + TimeDelta::hours(3), 1, &pools)];
    let slot = town.publish(&town.clinic, sessions).await.unwrap().remove(0);

    let refused = async |wish: HoldSlotRequest, caller: &testkit::TestCaller| {
        let refusal = town.hold_as(caller, wish).await.unwrap_err();
        (refusal.code(), reason(&refusal))
    };
    let is = |code: Code, reason: &str| (code, reason.to_owned());
    assert_eq!(refused(hold(&begun), &town.resident).await, is(Code::FailedPrecondition, "SLOT_PAST"));
    let unknown = HoldSlotRequest { slot_id: SlotId::generate().to_string(), ..hold(&slot) };
    assert_eq!(refused(unknown, &town.resident).await, is(Code::NotFound, "SLOT_NOT_FOUND"));

    let from = |pool: Pool| HoldSlotRequest { pool: pool.into(), ..hold(&slot) };
    let closed = is(Code::FailedPrecondition, "POOL_NOT_OPEN");
    assert_eq!(refused(from(Pool::FamilyDoctor), &town.resident).await, closed);
    assert_eq!(refused(from(Pool::Referral), &town.resident).await, closed);
    // Referral holds in a resident's name only.
    let service = town.mesh.caller("referral");
    let own_name = is(Code::PermissionDenied, "METHOD_NOT_PERMITTED");
    assert_eq!(refused(from(Pool::Referral), &service).await, own_name);
    assert_eq!(town.taken(&slot).await, 0);
}

#[tokio::test]
async fn id_05_a_contract_opens_the_places_of_its_own_family_doctors() {
    let town = Town::new().await;
    let pools = [(Pool::FamilyDoctor, 2)];
    let starts_at = now() + TimeDelta::days(2);
    let with_doctor =
        Session { practitioner_id: callers::DOCTOR.to_string(), ..session(callers::CLINIC, starts_at, 1, &pools) };
    let later = session(callers::CLINIC, starts_at + TimeDelta::days(40), 1, &pools);
    let elsewhere = session(callers::HOSPITAL, starts_at, 1, &pools);
    let slots = town.publish(&town.clinic, vec![with_doctor, later]).await.unwrap();
    let foreign = town.publish(&town.hospital, vec![elsewhere]).await.unwrap().remove(0);
    let from_pool = |slot: &Slot| HoldSlotRequest { pool: Pool::FamilyDoctor.into(), ..hold(slot) };
    let refused = async |slot: &Slot| {
        let refusal = town.hold_as(&town.resident, from_pool(slot)).await.unwrap_err();
        reason(&refusal)
    };
    assert_eq!(refused(&slots[0]).await, "POOL_NOT_OPEN");

    town.sign_with_the_family_doctor(30).await;
    assert_eq!(refused(&foreign).await, "POOL_NOT_OPEN");
    assert_eq!(refused(&slots[1]).await, "POOL_NOT_OPEN", "the contract has run out by then");
    town.hold_as(&town.resident, from_pool(&slots[0])).await.unwrap();
}

#[tokio::test]
async fn sc_04_a_chosen_id_is_used_once() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 2, 5).await;
    let appointment_id = AppointmentId::generate().to_string();
    let wish = HoldSlotRequest { appointment_id: appointment_id.clone(), ..hold(&slots[0]) };
    assert_eq!(town.hold_as(&town.resident, wish.clone()).await.unwrap().appointment_id, appointment_id);
    let again = HoldSlotRequest { request_id: request_id(), ..wish };
    let refusal = town.hold_as(&town.resident, again).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::AlreadyExists, "APPOINTMENT_EXISTS".to_owned()));
}

#[tokio::test]
async fn sc_04_a_hold_that_ran_out_frees_its_place_within_five_seconds() {
    let town = Town::with(&[("HOLD_DURATION_S", "1")]).await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 1).await.remove(0);
    let held = town.hold(&slot).await.unwrap();
    for _ in 0..60 {
        if town.taken(&slot).await == 0 {
            break;
        }
        pause(100).await;
    }
    assert_eq!(town.taken(&slot).await, 0);
    let expired = town.get(&town.resident, &held.appointment_id).await.unwrap();
    assert_eq!(expired.state(), AppointmentState::Expired);
    let refusal = town.confirm(&town.resident, &held.appointment_id).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "HOLD_EXPIRED".to_owned()));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_hold_that_ran_out_stands_in_nobodys_way() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 1).await.remove(0);
    let end = now() + TimeDelta::milliseconds(300);
    let short = HoldSlotRequest { hold_until: Some(to_timestamp(end)), ..hold(&slot) };
    let first = town.hold_as(&town.resident, short).await.unwrap();
    while now() <= end {
        pause(20).await;
    }
    // At once, whether or not the loop has been there: for the same resident, in the same place.
    let second = town.hold(&slot).await.unwrap();
    assert_ne!(first.appointment_id, second.appointment_id);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_hold_lasts_an_hour_at_most() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    for until in [now() + TimeDelta::minutes(61), now() - TimeDelta::minutes(1)] {
        let wish = HoldSlotRequest { hold_until: Some(to_timestamp(until)), ..hold(&slot) };
        let refusal = town.hold_as(&town.resident, wish).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal)), (Code::InvalidArgument, "hold_until".to_owned()));
    }
}

#[tokio::test]
async fn sc_04_a_hold_that_cannot_be_freed_does_not_keep_the_others() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 2, 5).await;
    let (second, second_id) = town.newcomer("second").await;
    let until = Some(to_timestamp(now() + TimeDelta::seconds(2)));
    let stuck = town.hold_as(&town.resident, HoldSlotRequest { hold_until: until, ..hold(&slots[0]) }).await.unwrap();
    let wish = HoldSlotRequest { resident_id: second_id, hold_until: until, ..hold(&slots[1]) };
    let other = town.hold_as(&second, wish).await.unwrap();
    // Its place is gone from the count, so giving it back would leave less than none.
    let slot_id: uuid::Uuid = slots[0].slot_id.parse().unwrap();
    sqlx::query("UPDATE slot_pools SET taken = 0 WHERE slot_id = $1")
        .bind(slot_id)
        .execute(&mut town.mesh.owner("scheduling").await)
        .await
        .unwrap();

    pause(5_000).await;
    let state =
        async |caller: &TestCaller, held: &Appointment| town.get(caller, &held.appointment_id).await.unwrap().state();
    assert_eq!(state(&second, &other).await, AppointmentState::Expired);
    assert_eq!(state(&town.resident, &stuck).await, AppointmentState::Held);
}
