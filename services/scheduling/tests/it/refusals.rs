//! What is refused everywhere: no token, a foreign one, no delegation, malformed fields.

use chrono::TimeDelta;
use proto::anjia::{
    common::v1::{CareKind, ExpectedLine},
    identity::v1::DelegatedAction,
    scheduling::v1::{HoldSlotRequest, ListAppointmentsRequest, Pool},
};
use testkit::{TestCaller, callers, reason};
use tonic::{Code, Request, Status};
use types::ids::{ReferralId, ResidentId};

use crate::town::{Town, field, hold, now};

fn refused(refusal: &Status) -> (Code, String) {
    (refusal.code(), reason(refusal))
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

#[tokio::test]
async fn id_07_without_a_valid_token_nothing_is_done() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let refusal = town.appointments().hold_slot(hold(&slot)).await.unwrap_err();
    assert_eq!(refused(&refusal), is(Code::Unauthenticated, "TOKEN_MISSING"));
    let mut forged = Request::new(hold(&slot));
    forged.metadata_mut().insert("authorization", "Bearer x.y.z".parse().unwrap());
    let refusal = town.appointments().hold_slot(forged).await.unwrap_err();
    assert_eq!(refused(&refusal), is(Code::Unauthenticated, "TOKEN_INVALID"));
    let refusal = town.hold_as(&town.mesh.caller("insurer-proposer"), hold(&slot)).await.unwrap_err();
    assert_eq!(refused(&refusal), is(Code::PermissionDenied, "METHOD_NOT_PERMITTED"));
    assert_eq!(town.taken(&slot).await, 0);
}

#[tokio::test]
async fn id_04_nobody_books_for_another_without_a_delegation() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let (stranger, _) = town.newcomer("stranger").await;
    let (second, second_id) = town.newcomer("second").await;
    for caller in [&stranger, &town.worker, &town.clinic] {
        let refusal = town.hold_as(caller, hold(&slot)).await.unwrap_err();
        assert_eq!(refused(&refusal), is(Code::PermissionDenied, "NO_DELEGATION"));
    }
    // Who acts for one resident does not act for another.
    let other = HoldSlotRequest { resident_id: second_id.clone(), ..hold(&slot) };
    let refusal = town.hold_as(&town.acting, other.clone()).await.unwrap_err();
    assert_eq!(refused(&refusal), is(Code::PermissionDenied, "NO_DELEGATION"));
    let id: ResidentId = second_id.parse().unwrap();
    let view_only = town.delegate(&second, id.uuid(), &[DelegatedAction::View]).await;
    let refusal = town.hold_as(&town.worker.acting_for(id, view_only), other).await.unwrap_err();
    assert_eq!(refused(&refusal), is(Code::PermissionDenied, "ACTION_NOT_DELEGATED"));
    assert_eq!(town.taken(&slot).await, 0);

    let held = town.hold_as(&town.acting, hold(&slot)).await.unwrap();
    let refusal = town.confirm(&stranger, &held.appointment_id).await.unwrap_err();
    assert_eq!(refused(&refusal), is(Code::PermissionDenied, "OUTSIDE_SCOPE"));
    town.confirm(&town.acting, &held.appointment_id).await.unwrap();
}

#[tokio::test]
async fn id_04_who_acts_for_a_resident_sees_appointments_only_with_the_action_view() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let booked = town.booked(&slot).await;
    let resident = ResidentId::from_uuid(callers::RESIDENT);
    let book_only = town.delegate(&town.resident, callers::RESIDENT, &[DelegatedAction::Book]).await;
    let acting = town.worker.acting_for(resident, book_only);
    let list = async |caller: &TestCaller| {
        let message = ListAppointmentsRequest { resident_id: resident.to_string(), ..Default::default() };
        let answer = town.appointments().list_appointments(caller.request(message).await).await;
        answer.map(|answer| answer.into_inner().appointments.len())
    };
    for refusal in [town.get(&acting, &booked.appointment_id).await.map(drop), list(&acting).await.map(drop)] {
        assert_eq!(refused(&refusal.unwrap_err()), is(Code::PermissionDenied, "ACTION_NOT_DELEGATED"));
    }
    assert_eq!(town.get(&town.acting, &booked.appointment_id).await.unwrap().appointment_id, booked.appointment_id);
    assert_eq!(list(&town.acting).await.unwrap(), 1);
}

#[tokio::test]
async fn sc_04_a_malformed_hold_names_its_field() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(2), 1, 5).await.remove(0);
    let good = || hold(&slot);
    let line = |item_code: &str, quantity: &str, unit_price: &str| {
        vec![ExpectedLine {
            item_code: item_code.to_owned(),
            quantity: quantity.to_owned(),
            unit_price: unit_price.to_owned(),
        }]
    };
    let bad = "x".to_owned();
    let cases = [
        ("request_id", HoldSlotRequest { request_id: bad.clone(), ..good() }),
        ("appointment_id", HoldSlotRequest { appointment_id: bad.clone(), ..good() }),
        ("resident_id", HoldSlotRequest { resident_id: String::new(), ..good() }),
        ("slot_id", HoldSlotRequest { slot_id: String::new(), ..good() }),
        ("kind", HoldSlotRequest { kind: 0, ..good() }),
        ("kind", HoldSlotRequest { kind: CareKind::Exam.into(), ..good() }),
        ("pool", HoldSlotRequest { pool: 9, ..good() }),
        ("channel", HoldSlotRequest { channel: 9, ..good() }),
        ("referral_id", HoldSlotRequest { referral_id: bad.clone(), ..good() }),
        ("referral_id", HoldSlotRequest { referral_id: ReferralId::generate().to_string(), ..good() }),
        ("journey_id", HoldSlotRequest { journey_id: bad, ..good() }),
        ("expected_lines[0].item_code", HoldSlotRequest { expected_lines: line("", "1", "1"), ..good() }),
        ("expected_lines[0].quantity", HoldSlotRequest { expected_lines: line("A", "-1", "1"), ..good() }),
        ("expected_lines[0].quantity", HoldSlotRequest { expected_lines: line("A", "0", "1"), ..good() }),
        ("expected_lines[0].unit_price", HoldSlotRequest { expected_lines: line("A", "1000", "1000000"), ..good() }),
        ("expected_lines[0].unit_price", HoldSlotRequest { expected_lines: line("A", "1", "1.00001"), ..good() }),
        ("expected_lines", HoldSlotRequest { expected_lines: vec![line("A", "1", "1").remove(0); 201], ..good() }),
    ];
    for (expected, request) in cases {
        let refusal = town.hold_as(&town.resident, request).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal).as_str()), (Code::InvalidArgument, expected));
    }
    assert_eq!(town.taken(&slot).await, 0);
}

#[tokio::test]
async fn sc_14_while_identity_is_away_a_resident_books_in_their_own_name_and_nothing_is_lost() {
    let mut town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 2, 5).await;
    let wish = hold(&slots[0]);
    let held = town.hold_as(&town.resident, wish.clone()).await.unwrap();
    let context = town.resident.context().await.unwrap();
    town.mesh.kill("identity");
    // A repetition does not depend on peers.
    let again = town.appointments().hold_slot(context.request(wish)).await.unwrap().into_inner();
    assert_eq!(again.appointment, Some(held));
    // Who may draw from this pool only identity knows.
    let contracted = HoldSlotRequest { pool: Pool::FamilyDoctor.into(), ..hold(&slots[1]) };
    let refusal = town.appointments().hold_slot(context.request(contracted)).await.unwrap_err();
    assert_eq!(refused(&refusal), is(Code::Unavailable, "PEER_UNAVAILABLE"));
    town.mesh.start_again("identity").await;
    town.assert_sound().await;
}
