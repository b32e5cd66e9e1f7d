//! Redis holds only what can be rebuilt: it is wiped and stopped, and nobody is booked wrongly nor left without an answer.

use futures_util::future::join_all;
use mesh_tests::{City, Patient, assert_invariants};
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::{AppointmentState, ConfirmAppointmentRequest, Slot};
use testkit::{reason, request_id};

/// Places of a slot in this test: fewer than there are patients.
const PLACES: usize = 2;
/// Each books once: nobody has two places with one doctor on one day.
const PATIENTS_PER_RUSH: usize = 4;

#[tokio::test]
async fn sc_03_searching_and_booking_go_on_without_redis() {
    let mut city = City::start().await;
    let patients = city.patients(3 * PATIENTS_PER_RUSH).await;
    let rushes: Vec<&[Patient]> = patients.chunks(PATIENTS_PER_RUSH).collect();
    let slots = city.clinic_hours(i32::try_from(PLACES).expect("a small number")).await;
    assert_eq!(free_places(&city, &patients[0], &slots[0]).await, PLACES);

    rush(&city, rushes[0], &slots[0]).await;

    city.mesh.redis_mut().wipe().await.expect("Redis is wiped");
    assert_eq!(free_places(&city, &patients[0], &slots[1]).await, PLACES, "wiped");
    rush(&city, rushes[1], &slots[1]).await;

    city.mesh.redis_mut().stop().await.expect("Redis stops");
    assert_eq!(free_places(&city, &patients[0], &slots[2]).await, PLACES, "stopped");
    rush(&city, rushes[2], &slots[2]).await;

    city.mesh.redis_mut().restart().await.expect("Redis starts, empty");
    for slot in &slots[..3] {
        wait_until_full(&city, &patients[0], slot).await;
    }
    assert_eq!(free_places(&city, &patients[0], &slots[3]).await, PLACES, "started again");
    assert_invariants(&city.mesh).await;
}

/// Everybody wants the same slot at once: as many are booked as there are places, the others are refused for that reason.
async fn rush(city: &City, patients: &[Patient], slot: &Slot) {
    let tries = join_all(patients.iter().map(|patient| book(city, patient, slot))).await;
    let refusals: Vec<&String> = tries.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(tries.len() - refusals.len(), PLACES, "{tries:?}");
    assert!(refusals.iter().all(|reason| *reason == "SLOT_TAKEN"), "{tries:?}");
}

async fn book(city: &City, patient: &Patient, slot: &Slot) -> Result<(), String> {
    let held = city.hold(patient, &slot.slot_id).await.map_err(|status| reason(&status))?;
    let message = ConfirmAppointmentRequest { request_id: request_id(), appointment_id: held.appointment_id };
    let request = patient.caller.request(message).await;
    let mut appointments = AppointmentServiceClient::new(city.channel("scheduling"));
    let confirmed = appointments.confirm_appointment(request).await.map_err(|status| reason(&status))?.into_inner();
    assert_eq!(confirmed.appointment.map(|appointment| appointment.state()), Some(AppointmentState::Confirmed));
    Ok(())
}

/// As a search shows them; 0 if the slot is not offered.
async fn free_places(city: &City, patient: &Patient, slot: &Slot) -> usize {
    let offers = city.search(patient).await.expect("search answers");
    let offer = offers.iter().find(|offer| offer.slot.as_ref().is_some_and(|offered| offered.slot_id == slot.slot_id));
    offer.map_or(0, |offer| usize::try_from(offer.free_places).expect("not negative"))
}

/// The cache is at most a second behind.
async fn wait_until_full(city: &City, patient: &Patient, slot: &Slot) {
    for _ in 0..30 {
        if free_places(city, patient, slot).await == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("a full slot is still offered after three seconds");
}
