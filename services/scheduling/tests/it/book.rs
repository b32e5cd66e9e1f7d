use chrono::TimeDelta;
use prost::Message as _;
use proto::anjia::{
    common::v1::CareKind,
    identity::v1::DelegatedAction,
    scheduling::v1::{Appointment, AppointmentState, BookItem, BookRequest, Slot, book_result},
};
use testkit::{TestCaller, callers, request_id};
use tonic::{Code, Status};
use types::ids::SlotId;

use crate::town::{Town, field, now};

fn item(slot: &Slot, resident_id: &str, delegation_id: &str) -> BookItem {
    BookItem {
        request_id: request_id(),
        resident_id: resident_id.to_owned(),
        delegation_id: delegation_id.to_owned(),
        slot_id: slot.slot_id.clone(),
        kind: CareKind::Outpatient.into(),
        ..Default::default()
    }
}

async fn book(
    town: &Town,
    caller: &TestCaller,
    items: Vec<BookItem>,
) -> Result<Vec<Result<Appointment, Refusal>>, Status> {
    let answer = town.appointments().book(caller.request(BookRequest { items }).await).await?;
    let result = |result: Option<book_result::Result>| match result.unwrap() {
        book_result::Result::Appointment(appointment) => Ok(appointment),
        book_result::Result::Refusal(status) => Err(Refusal::read(&status)),
    };
    Ok(answer.into_inner().results.into_iter().map(|one| result(one.result)).collect())
}

/// As a client reads it: code and reason.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(Code, String);

impl Refusal {
    fn read(status: &proto::google::rpc::Status) -> Self {
        let code = Code::from(status.code);
        let status = Status::with_details(code, status.message.clone(), status.encode_to_vec().into());
        Self(code, testkit::reason(&status))
    }
}

fn refused(code: Code, reason: &str) -> Refusal {
    Refusal(code, reason.to_owned())
}

#[tokio::test]
async fn sc_05_a_worker_books_a_mornings_list_in_one_call_each_with_its_own_result() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 3, 1).await;
    let (second, second_id) = town.newcomer("second").await;
    let (_, third_id) = town.newcomer("third").await;
    let (fourth, fourth_id) = town.newcomer("fourth").await;
    let for_second = town.delegate(&second, second_id.parse().unwrap(), &[DelegatedAction::Book]).await.to_string();
    let for_fourth = town.delegate(&fourth, fourth_id.parse().unwrap(), &[DelegatedAction::View]).await.to_string();
    let resident = callers::RESIDENT.to_string();
    let unknown = Slot { slot_id: SlotId::generate().to_string(), ..slots[2].clone() };
    let malformed = Slot { slot_id: "x".to_owned(), ..slots[2].clone() };
    let items = vec![
        item(&slots[0], &resident, &town.delegation),
        item(&slots[0], &second_id, &for_second),
        item(&slots[1], &second_id, &for_second),
        item(&slots[2], &third_id, ""),
        item(&slots[2], &third_id, &for_second),
        item(&slots[2], &fourth_id, &for_fourth),
        item(&unknown, &second_id, &for_second),
        item(&malformed, &second_id, &for_second),
    ];
    let results = book(&town, &town.worker, items.clone()).await.unwrap();
    let booked = results[0].as_ref().unwrap();
    assert_eq!((booked.state(), booked.booked_by.as_str()), (AppointmentState::Confirmed, town.worker.party()));
    assert_eq!(results[1], Err(refused(Code::FailedPrecondition, "SLOT_TAKEN")));
    assert!(results[2].is_ok(), "one refusal does not touch the others: {:?}", results[2]);
    assert_eq!(results[3], Err(refused(Code::PermissionDenied, "NO_DELEGATION")));
    assert_eq!(results[4], Err(refused(Code::PermissionDenied, "NO_DELEGATION")));
    assert_eq!(results[5], Err(refused(Code::PermissionDenied, "ACTION_NOT_DELEGATED")));
    assert_eq!(results[6], Err(refused(Code::NotFound, "SLOT_NOT_FOUND")));
    assert_eq!(results[7].as_ref().unwrap_err().0, Code::InvalidArgument);

    // The whole list again, after a lost reply: nothing is booked twice.
    let again = book(&town, &town.worker, items).await.unwrap();
    assert_eq!((&again[0], &again[2]), (&results[0], &results[2]));
    for (slot, taken) in slots.iter().zip([1, 1, 0]) {
        assert_eq!(town.taken(slot).await, taken);
    }
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_05_an_item_under_a_used_key_is_refused_alone() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 2, 1).await;
    let resident = callers::RESIDENT.to_string();
    let first = item(&slots[0], &resident, "");
    book(&town, &town.resident, vec![first.clone()]).await.unwrap().remove(0).unwrap();
    let other = BookItem { slot_id: slots[1].slot_id.clone(), ..first };
    let results = book(&town, &town.resident, vec![other]).await.unwrap();
    assert_eq!(results, [Err(refused(Code::InvalidArgument, "REQUEST_ID_REUSED"))]);
}

#[tokio::test]
async fn sc_05_a_list_has_one_to_fifty_items() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 1, 1).await;
    let many = |count: usize| vec![item(&slots[0], &callers::RESIDENT.to_string(), ""); count];
    for items in [vec![], many(51), many(10_001)] {
        let refusal = book(&town, &town.resident, items).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal)), (Code::InvalidArgument, "items".to_owned()));
    }
    assert_eq!(town.taken(&slots[0]).await, 0);
}
