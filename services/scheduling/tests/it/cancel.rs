use chrono::TimeDelta;
use proto::anjia::scheduling::v1::{
    Appointment, AppointmentState, CancelAppointmentRequest, CancelledBy, HoldSlotRequest, Pool, Session,
};
use proto::convert::timestamp;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::AppointmentId;

use crate::reschedule::{reschedule, to};
use crate::town::{Town, hold, now, session};

async fn cancel(
    town: &Town,
    caller: &TestCaller,
    request: CancelAppointmentRequest,
) -> Result<Option<Appointment>, Status> {
    let answer = town.appointments().cancel_appointment(caller.request(request).await).await?;
    Ok(answer.into_inner().appointment)
}

fn wish(appointment_id: &str) -> CancelAppointmentRequest {
    CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: appointment_id.to_owned(),
        reason: "better".to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn sc_04_a_cancelled_place_is_free_again_once() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 1).await.remove(0);
    let booked = town.booked(&slot).await;
    let request = wish(&booked.appointment_id);
    let first = cancel(&town, &town.resident, request.clone()).await.unwrap().unwrap();
    assert_eq!((first.state(), first.cancelled_by()), (AppointmentState::Cancelled, CancelledBy::Patient));
    assert_eq!(first.cancel_reason, "better");
    assert_eq!(cancel(&town, &town.resident, request).await.unwrap().unwrap(), first);
    // Under another key it answers the same and gives nothing back twice.
    let again = CancelAppointmentRequest { reason: "again".to_owned(), ..wish(&booked.appointment_id) };
    assert_eq!(cancel(&town, &town.resident, again).await.unwrap().unwrap(), first);
    assert_eq!(town.taken(&slot).await, 0);
    town.hold(&slot).await.unwrap();
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_patient_gives_a_firm_place_up_until_the_moment_that_its_session_says() {
    let town = Town::new().await;
    let sessions = [(10, 60), (2, 180)].map(|(hours, cancel_notice_minutes)| {
        let starts_at = now() + TimeDelta::hours(hours);
        Session { cancel_notice_minutes, ..session(callers::CLINIC, starts_at, 1, &[(Pool::Public, 2)]) }
    });
    let slots = town.publish(&town.clinic, sessions.to_vec()).await.unwrap();
    let [soon, later] = [&slots[0], &slots[1]];
    let held = town.hold(soon).await.unwrap();
    let until = timestamp("starts_at", soon.starts_at.as_ref()).unwrap() - TimeDelta::hours(3);
    assert_eq!(timestamp("cancel_until", held.cancel_until.as_ref()).unwrap(), until);
    // A hold is nobody's word yet.
    assert!(cancel(&town, &town.resident, wish(&held.appointment_id)).await.is_ok());

    let booked = town.booked(soon).await;
    let refusal = cancel(&town, &town.resident, wish(&booked.appointment_id)).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "TOO_LATE_TO_CANCEL".to_owned()));
    let refusal = reschedule(&town, &town.resident, to(&booked, &[later])).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "TOO_LATE_TO_CANCEL".to_owned()));
    assert_eq!(town.taken(soon).await, 1);
    assert!(cancel(&town, &town.clinic, wish(&booked.appointment_id)).await.is_ok(), "the provider may at any time");

    let booked = town.booked(later).await;
    assert!(cancel(&town, &town.resident, wish(&booked.appointment_id)).await.is_ok());
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_provider_and_saga_are_told_apart_from_the_patient() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(30), 1, 5).await;
    let by = async |caller: &TestCaller| {
        let held = town.hold(&slots[0]).await.unwrap();
        cancel(&town, caller, wish(&held.appointment_id)).await.map(|cancelled| cancelled.unwrap().cancelled_by())
    };
    assert_eq!(by(&town.clinic).await.unwrap(), CancelledBy::Provider);
    assert_eq!(by(&town.acting).await.unwrap(), CancelledBy::Patient);
    // Referral gives up what it booked.
    let booked = town.hold_going_on(&town.goes_on(&town.resident).await, &slots[0]).await.unwrap();
    let undone = cancel(&town, &town.mesh.caller("referral"), wish(&booked.appointment_id)).await.unwrap().unwrap();
    assert_eq!(undone.cancelled_by(), CancelledBy::Operator);
    // The worker belongs to the clinic, but does not speak for it.
    assert_eq!(reason(&by(&town.worker).await.unwrap_err()), "NO_DELEGATION");
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_04_a_cancel_that_overtakes_its_hold_is_remembered() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 1).await.remove(0);
    let id = AppointmentId::generate().to_string();
    let early = CancelAppointmentRequest { resident_id: callers::RESIDENT.to_string(), ..wish(&id) };
    let service = town.mesh.caller("referral");
    assert_eq!(cancel(&town, &service, early.clone()).await.unwrap(), None);
    assert_eq!(cancel(&town, &service, early).await.unwrap(), None);

    let late = HoldSlotRequest { appointment_id: id.clone(), ..hold(&slot) };
    let refusal = town.hold_as(&town.resident, late).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::Aborted, "APPOINTMENT_CANCELLED".to_owned()));
    assert_eq!(town.taken(&slot).await, 0);

    let whose = wish(&AppointmentId::generate().to_string());
    let refusal = cancel(&town, &service, whose).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::NotFound, "APPOINTMENT_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn sc_04_hold_and_cancel_of_one_id_at_once_leave_no_place_taken() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 20).await.remove(0);
    for _ in 0..20 {
        let id = AppointmentId::generate().to_string();
        let held = HoldSlotRequest { appointment_id: id.clone(), ..hold(&slot) };
        let (held, cancelled) =
            tokio::join!(town.hold_as(&town.resident, held), cancel(&town, &town.resident, wish(&id)));
        // Whichever came first: a cancel that was acknowledged is in force.
        cancelled.unwrap();
        if let Ok(held) = held {
            let now = town.get(&town.resident, &held.appointment_id).await.unwrap();
            assert_eq!(now.state(), AppointmentState::Cancelled);
        }
        assert_eq!(town.taken(&slot).await, 0);
    }
    town.assert_sound().await;
}
