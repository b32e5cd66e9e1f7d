//! Several places as one: in a row, or of several doctors at one time.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    Appointment, AppointmentState, BookTogetherRequest, CancelAppointmentRequest, Fate, JointOffer, JointParty,
    JointRun, Pool, SearchTogetherRequest, Session, Slot, joint_service_client::JointServiceClient,
};
use proto::convert::{timestamp, to_timestamp};
use testkit::{TestCaller, callers, reason, request_id};
use tonic::{Code, Status};
use types::clock::{local_date, start_of_local_day};

use crate::calendar::withdraw;
use crate::reschedule::{reschedule, to};
use crate::town::{Town, field, hold, now, pause, session};

fn joint(town: &Town) -> JointServiceClient<chassis::channel::Channel> {
    JointServiceClient::new(town.mesh.channel("scheduling"))
}

fn nine() -> DateTime<Utc> {
    start_of_local_day(local_date(now())) + TimeDelta::hours(33)
}

/// Nine to ten tomorrow, in places of so many minutes.
fn hour(organisation: uuid::Uuid, minutes: i32, places: i32) -> Session {
    Session {
        ends_at: Some(to_timestamp(nine() + TimeDelta::hours(1))),
        slot_length_minutes: minutes,
        ..session(organisation, nine(), 1, &[(Pool::Public, places)])
    }
}

fn party(organisation: uuid::Uuid, practitioner: Option<uuid::Uuid>) -> JointParty {
    JointParty {
        provider_organisation_id: organisation.to_string(),
        practitioner_id: practitioner.map(|id| id.to_string()).unwrap_or_default(),
        ..Default::default()
    }
}

fn query(parties: Vec<JointParty>, consecutive_places: i32) -> SearchTogetherRequest {
    let kind = CareKind::Outpatient.into();
    SearchTogetherRequest { parties, kind, consecutive_places, limit: 100, ..Default::default() }
}

async fn search(town: &Town, request: SearchTogetherRequest) -> Vec<JointOffer> {
    joint(town).search_together(town.resident.request(request).await).await.unwrap().into_inner().offers
}

pub(crate) fn wish(resident_id: &str, slots: &[&Slot]) -> BookTogetherRequest {
    BookTogetherRequest {
        request_id: request_id(),
        resident_id: resident_id.to_owned(),
        slot_ids: slots.iter().map(|slot| slot.slot_id.clone()).collect(),
        kind: CareKind::Outpatient.into(),
        ..Default::default()
    }
}

pub(crate) async fn book(
    town: &Town,
    caller: &TestCaller,
    request: BookTogetherRequest,
) -> Result<Appointment, Status> {
    Ok(joint(town).book_together(caller.request(request).await).await?.into_inner().appointment.unwrap())
}

fn minutes_after_nine(offer: &JointOffer) -> i64 {
    (timestamp("starts_at", offer.starts_at.as_ref()).unwrap() - nine()).num_minutes()
}

fn slots(run: &JointRun) -> Vec<&Slot> {
    run.slots.iter().collect()
}

#[tokio::test]
async fn sc_10_two_in_a_row_of_two_sessions_are_offered_twice_at_every_start_but_the_last() {
    let town = Town::new().await;
    let sessions = vec![hour(callers::CLINIC, 5, 1), hour(callers::CLINIC, 5, 1)];
    town.publish(&town.clinic, sessions).await.unwrap();
    let offers = search(&town, query(vec![party(callers::CLINIC, None)], 2)).await;
    let starts: Vec<i64> = offers.iter().map(minutes_after_nine).collect();
    assert_eq!(starts, (0..=50).step_by(5).collect::<Vec<_>>(), "none at 09:55");
    assert!(offers.iter().all(|offer| offer.free_places == 2 && offer.runs.len() == 2), "{offers:?}");

    // One of the two at nine: of its session the two that begin within it are gone with it.
    let resident = callers::RESIDENT.to_string();
    let booked = book(&town, &town.resident, wish(&resident, &slots(&offers[0].runs[0]))).await.unwrap();
    assert_eq!(booked.more_slot_ids, [offers[0].runs[0].slots[1].slot_id.clone()]);
    pause(1_000).await;
    let offers = search(&town, query(vec![party(callers::CLINIC, None)], 2)).await;
    assert_eq!(offers.iter().map(|offer| offer.free_places).collect::<Vec<_>>(), [1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
    town.assert_sound().await;
}

/// The doctor of the clinic has places of ten minutes, the specialist of the hospital of half an hour.
async fn consultation(town: &Town) -> (Vec<Slot>, Vec<Slot>) {
    let doctor = Session { practitioner_id: callers::DOCTOR.to_string(), ..hour(callers::CLINIC, 10, 1) };
    let specialist = Session { practitioner_id: callers::SPECIALIST.to_string(), ..hour(callers::HOSPITAL, 30, 1) };
    let doctors = town.publish(&town.clinic, vec![doctor]).await.unwrap();
    (doctors, town.publish(&town.hospital, vec![specialist]).await.unwrap())
}

#[tokio::test]
async fn sc_10_several_doctors_are_found_at_one_time_and_booked_and_given_up_together() {
    let town = Town::new().await;
    let (doctors, specialists) = consultation(&town).await;
    let parties =
        vec![party(callers::CLINIC, Some(callers::DOCTOR)), party(callers::HOSPITAL, Some(callers::SPECIALIST))];
    let together = SearchTogetherRequest { duration_minutes: 30, ..query(parties, 0) };
    let offers = search(&town, together.clone()).await;
    assert_eq!(offers.iter().map(minutes_after_nine).collect::<Vec<_>>(), [0, 30]);
    assert_eq!(offers[0].runs.iter().map(|run| (run.party, run.slots.len())).collect::<Vec<_>>(), [(0, 3), (1, 1)]);

    let resident = callers::RESIDENT.to_string();
    let all: Vec<&Slot> = offers[0].runs.iter().flat_map(|run| &run.slots).collect();
    let request = wish(&resident, &all);
    let booked = book(&town, &town.resident, request.clone()).await.unwrap();
    assert_eq!((booked.state(), booked.more_slot_ids.len()), (AppointmentState::Confirmed, 3));
    assert_eq!(booked.practitioner_id, callers::DOCTOR.to_string());
    let times = booked.slot.clone().unwrap();
    assert_eq!((times.starts_at, times.ends_at), (offers[0].starts_at, offers[0].ends_at));
    assert_eq!(book(&town, &town.resident, request).await.unwrap(), booked, "once, however often it is asked");
    for slot in &all {
        assert_eq!(town.taken(slot).await, 1);
    }
    town.assert_sound().await;

    // All of it moves, also to places that it has already.
    let later = [&doctors[3], &doctors[4], &doctors[5], &specialists[1]];
    let moved = reschedule(&town, &town.resident, to(&booked, &later)).await.unwrap();
    assert_eq!((moved.revision, moved.more_slot_ids.len()), (2, 3));
    let back = [&doctors[2], &doctors[3], &doctors[4]];
    reschedule(&town, &town.resident, to(&booked, &back)).await.unwrap();
    assert_eq!(town.taken(&specialists[1]).await, 0);
    town.assert_sound().await;

    let cancel = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: booked.appointment_id.clone(),
        ..Default::default()
    };
    town.appointments().cancel_appointment(town.resident.request(cancel).await).await.unwrap();
    for slot in doctors.iter().chain(&specialists) {
        assert_eq!(town.taken(slot).await, 0);
    }
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_01_sc_10_of_a_consultation_that_loses_a_place_the_rest_stands_or_all_of_it_is_offered_elsewhere() {
    let town = Town::new().await;
    let (doctors, specialists) = consultation(&town).await;
    let spare = town.publish(&town.hospital, vec![hour(callers::HOSPITAL, 30, 1)]).await.unwrap();
    let resident = callers::RESIDENT.to_string();
    let all = [&doctors[0], &doctors[1], &doctors[2], &specialists[0]];
    let booked = book(&town, &town.resident, wish(&resident, &all)).await.unwrap();
    let last = |appointment: &Appointment| appointment.more_slot_ids.last().cloned().unwrap();

    // Another specialist at the same time: everything else stays as it is.
    let mut affected = withdraw(&town, &town.hospital, &specialists[0]).await.unwrap();
    let moved = affected.remove(0);
    assert_eq!((moved.fate(), affected.len()), (Fate::Moved, 0));
    let moved = moved.appointment.unwrap();
    assert_eq!((moved.state(), moved.revision), (AppointmentState::Confirmed, booked.revision + 1));
    assert_eq!((&moved.slot, last(&moved)), (&booked.slot, spare[0].slot_id.clone()));
    assert_eq!((town.taken(&doctors[0]).await, town.taken(&spare[0]).await), (1, 1));
    town.assert_sound().await;

    // None at that time, but all of them half an hour later: kept for her until she says yes.
    let later =
        Session { starts_at: Some(to_timestamp(nine() + TimeDelta::minutes(30))), ..hour(callers::HOSPITAL, 30, 1) };
    let later = town.publish(&town.hospital, vec![later]).await.unwrap();
    let offered = withdraw(&town, &town.hospital, &spare[0]).await.unwrap().remove(0);
    assert_eq!(offered.fate(), Fate::Displaced);
    let offered = offered.appointment.unwrap();
    assert_eq!((offered.state(), last(&offered)), (AppointmentState::Displaced, later[0].slot_id.clone()));
    assert_eq!(offered.slot.clone().unwrap().slot_id, doctors[3].slot_id);
    for (slot, taken) in [(&doctors[0], 0), (&doctors[3], 1), (&doctors[5], 1), (&later[0], 1)] {
        assert_eq!(town.taken(slot).await, taken);
    }
    town.confirm(&town.resident, &booked.appointment_id).await.unwrap();
    town.assert_sound().await;

    // Nothing at all: told so, and first in the line.
    let given_up = withdraw(&town, &town.hospital, &later[0]).await.unwrap().remove(0);
    assert_eq!(given_up.fate(), Fate::Cancelled);
    assert_eq!((town.taken(&doctors[3]).await, town.taken(&doctors[5]).await), (0, 0));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_10_where_one_place_is_taken_none_is_given() {
    let town = Town::new().await;
    let (doctors, specialists) = consultation(&town).await;
    let (other, other_id) = town.newcomer("other").await;
    town.hold_as(&other, proto::anjia::scheduling::v1::HoldSlotRequest { resident_id: other_id, ..hold(&doctors[2]) })
        .await
        .unwrap();
    let resident = callers::RESIDENT.to_string();
    let all = [&doctors[0], &doctors[1], &doctors[2], &specialists[0]];
    let refusal = book(&town, &town.resident, wish(&resident, &all)).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::FailedPrecondition, "SLOT_TAKEN".to_owned()));
    assert_eq!((town.taken(&doctors[0]).await, town.taken(&specialists[0]).await), (0, 0));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_10_of_many_who_want_places_in_a_row_at_once_nobody_gets_a_part() {
    let town = Town::new().await;
    let slots = town.publish(&town.clinic, vec![hour(callers::CLINIC, 10, 1)]).await.unwrap();
    let mut residents = vec![];
    for number in 0..10 {
        residents.push(town.newcomer(&format!("newcomer-{number}")).await);
    }
    // Every pair overlaps the next, and some want single places of the same.
    let pairs = residents.iter().take(5).enumerate().map(|(number, (caller, id))| {
        let pair = [&slots[number + 1], &slots[number]];
        book(&town, caller, wish(id, &pair))
    });
    let singles = residents.iter().skip(5).enumerate().map(|(number, (caller, id))| {
        let wish = proto::anjia::scheduling::v1::HoldSlotRequest { resident_id: id.clone(), ..hold(&slots[number]) };
        town.hold_as(caller, wish)
    });
    let (pairs, singles) = tokio::join!(join_all(pairs), join_all(singles));
    let won = pairs.iter().filter(|pair| pair.is_ok()).count() * 2 + singles.iter().filter(|it| it.is_ok()).count();
    for refusal in pairs.into_iter().chain(singles).filter_map(Result::err) {
        assert_eq!(reason(&refusal), "SLOT_TAKEN");
    }
    let mut taken = 0;
    for slot in &slots {
        taken += usize::try_from(town.taken(slot).await).unwrap();
    }
    assert_eq!(won, taken);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_10_a_malformed_joint_search_or_booking_names_its_field() {
    let town = Town::new().await;
    let (doctors, specialists) = consultation(&town).await;
    let clinic = || party(callers::CLINIC, None);
    let good = || query(vec![clinic()], 2);
    let nowhere = JointParty { provider_organisation_id: "x".to_owned(), ..Default::default() };
    let searches = [
        ("parties", query(vec![], 2)),
        ("parties", query(vec![clinic(); 9], 2)),
        ("parties[1]", query(vec![clinic(), party(callers::CLINIC, Some(callers::DOCTOR))], 2)),
        ("parties[0].provider_organisation_id", query(vec![nowhere], 2)),
        ("consecutive_places", query(vec![clinic()], 13)),
        ("duration_minutes", SearchTogetherRequest { duration_minutes: 481, ..good() }),
        ("kind", SearchTogetherRequest { kind: 0, ..good() }),
        ("limit", SearchTogetherRequest { limit: 101, ..good() }),
        ("until", SearchTogetherRequest { until: Some(to_timestamp(now() + TimeDelta::days(31))), ..good() }),
    ];
    for (expected, request) in searches {
        let refusal = joint(&town).search_together(town.resident.request(request).await).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal).as_str()), (Code::InvalidArgument, expected));
    }

    let resident = callers::RESIDENT.to_string();
    let many: Vec<&Slot> = (0..13).map(|_| &doctors[0]).collect();
    for slots in [vec![&doctors[0]], many, vec![&doctors[0], &doctors[2]], vec![&doctors[1], &specialists[0]]] {
        let refusal = book(&town, &town.resident, wish(&resident, &slots)).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal).as_str()), (Code::InvalidArgument, "slot_ids"));
    }
    let foreign = wish(&resident, &[&doctors[0], &doctors[1]]);
    let refusal = book(&town, &town.worker, foreign).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::PermissionDenied, "NO_DELEGATION".to_owned()));
    for slot in doctors.iter().chain(&specialists) {
        assert_eq!(town.taken(slot).await, 0);
    }
}
