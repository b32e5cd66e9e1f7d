//! One device for many, and what looks like scalping.

use chrono::TimeDelta;
use proto::anjia::identity::v1::DelegatedAction;
use proto::anjia::scheduling::v1::{
    Appointment, BookItem, BookRequest, CancelAppointmentRequest, HoldSlotRequest, ListSuspicionsRequest, Slot,
    Suspicion, SuspicionKind, book_result, suspension_service_client::SuspensionServiceClient,
};
use testkit::{TestCaller, callers, reason, request_id};
use tonic::Code;
use types::ids::ResidentId;

use crate::events::pull;
use crate::town::{Town, field, hold, now};

const DEVICE: &str = "device-0123456789";

fn from_device(slot: &Slot, resident_id: &str) -> HoldSlotRequest {
    HoldSlotRequest { resident_id: resident_id.to_owned(), device: DEVICE.to_owned(), ..hold(slot) }
}

async fn cancel(town: &Town, caller: &TestCaller, held: &Appointment) {
    let request = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: held.appointment_id.clone(),
        ..Default::default()
    };
    town.appointments().cancel_appointment(caller.request(request).await).await.unwrap();
}

async fn reported(town: &Town) -> Vec<Suspicion> {
    let request = town.mesh.caller("operator").request(ListSuspicionsRequest::default()).await;
    let answer = SuspensionServiceClient::new(town.mesh.channel("scheduling")).list_suspicions(request).await;
    answer.unwrap().into_inner().suspicions
}

#[tokio::test]
async fn sc_08_one_device_books_for_so_many_a_day() {
    let town = Town::with(&[("BOOKINGS_PER_DEVICE_AND_DAY_MAX", "2")]).await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 9).await.remove(0);
    let mut residents = vec![];
    for number in 0..3 {
        residents.push(town.newcomer(&format!("newcomer-{number}")).await);
    }
    for (caller, id) in &residents[..2] {
        town.hold_as(caller, from_device(&slot, id)).await.unwrap();
    }
    let (third, third_id) = &residents[2];
    let refusal = town.hold_as(third, from_device(&slot, third_id)).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::ResourceExhausted, "BOOKING_LIMIT".to_owned()));
    assert!(refusal.message().contains("one device"), "{refusal:?}");
    let malformed = HoldSlotRequest { device: "x".repeat(101), ..from_device(&slot, third_id) };
    assert_eq!(field(&town.hold_as(third, malformed).await.unwrap_err()), "device");
    // Another device is not concerned; nor is a list, item by item.
    let other = HoldSlotRequest { device: "device-another".to_owned(), ..from_device(&slot, third_id) };
    town.hold_as(third, other).await.unwrap();
    let item = BookItem {
        request_id: request_id(),
        resident_id: callers::RESIDENT.to_string(),
        slot_id: slot.slot_id.clone(),
        kind: proto::anjia::common::v1::CareKind::Outpatient.into(),
        device: DEVICE.to_owned(),
        ..Default::default()
    };
    let request = BookRequest { items: vec![item] };
    let answer = town.appointments().book(town.resident.request(request).await).await.unwrap().into_inner();
    let result = answer.results.into_iter().next().unwrap().result.unwrap();
    assert!(matches!(&result, book_result::Result::Refusal(status) if status.message.contains("one device")));
    assert_eq!(town.taken(&slot).await, 3);

    // What the app calls its device is kept nowhere.
    let kept: Vec<String> = sqlx::query_scalar("SELECT DISTINCT device FROM appointments WHERE device IS NOT NULL")
        .fetch_all(&mut town.mesh.owner("scheduling").await)
        .await
        .unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|hash| hash.len() == 32 && !hash.contains("device")), "{kept:?}");
}

#[tokio::test]
async fn sc_08_who_takes_places_for_many_and_lets_them_go_is_reported_with_the_evidence() {
    let town = Town::with(&[("SUSPICIOUS_PERSONS_MIN", "2"), ("SUSPICIOUS_GIVEN_UP_MIN", "3")]).await;
    let slots = town.clinic_slots(now() + TimeDelta::days(3), 4, 9).await;
    let (second, second_id) = town.newcomer("second").await;
    let actions = [DelegatedAction::Book];
    let delegation = town.delegate(&second, second_id.parse().unwrap(), &actions).await;
    let for_second = town.worker.acting_for(second_id.parse::<ResidentId>().unwrap(), delegation);
    let first_id = callers::RESIDENT.to_string();
    let mut evidence = vec![];
    for (round, (caller, id)) in
        [(&town.acting, &first_id), (&town.acting, &first_id), (&for_second, &second_id)].into_iter().enumerate()
    {
        assert_eq!(reported(&town).await, [], "after {round}");
        let held = town.hold_as(caller, from_device(&slots[round], id)).await.unwrap();
        cancel(&town, caller, &held).await;
        evidence.push(held.appointment_id);
    }
    let reports = reported(&town).await;
    let mut kinds: Vec<SuspicionKind> = reports.iter().map(Suspicion::kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [SuspicionKind::Booker, SuspicionKind::Device]);
    for report in &reports {
        assert_eq!((report.persons, report.given_up, &report.appointment_ids), (2, 3, &evidence));
    }
    let of_booker = reports.iter().find(|report| report.kind() == SuspicionKind::Booker).unwrap();
    assert_eq!(of_booker.who, town.worker.party());

    // It grows, and is told once; nothing is refused.
    let held = town.hold_as(&for_second, from_device(&slots[3], &second_id)).await.unwrap();
    cancel(&town, &for_second, &held).await;
    let grown = reported(&town).await;
    assert_eq!(grown.iter().map(|report| report.given_up).collect::<Vec<_>>(), [4, 4]);
    let mut events = vec![];
    while events.len() < 10 {
        let after = i64::try_from(events.len()).unwrap();
        events.extend(pull(&town, "payment", after).await.unwrap().into_iter().map(|event| event.r#type));
    }
    let raised = events.iter().filter(|kind| *kind == "anjia.scheduling.suspicion.raised.v1").count();
    assert_eq!(raised, 2, "{events:?}");

    let refusal = SuspensionServiceClient::new(town.mesh.channel("scheduling"))
        .list_suspicions(town.worker.request(ListSuspicionsRequest::default()).await)
        .await
        .unwrap_err();
    assert_eq!(reason(&refusal), "METHOD_NOT_PERMITTED");
    town.assert_sound().await;
}
