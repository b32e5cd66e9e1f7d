//! A session says what a visit of it is usually billed, so that whoever books without saying anything has something to be quoted by.

use chrono::{DateTime, Days, TimeDelta, Utc};
use proto::anjia::common::v1::{CareKind, ExpectedLine};
use proto::anjia::scheduling::v1::{
    Appointment, BookItem, BookRequest, Fate, GetSessionRequest, GetTemplateRequest, HoldSlotRequest, Pool, Session,
    SessionTemplate, Slot, book_result,
};
use testkit::{callers, request_id};
use types::clock::local_date;

use crate::town::{Town, field, hold, now, session};
use crate::{calendar, joint, reschedule, waiting};

fn line(item_code: &str, quantity: &str, unit_price: &str) -> ExpectedLine {
    let [item_code, quantity, unit_price] = [item_code, quantity, unit_price].map(str::to_owned);
    ExpectedLine { item_code, quantity, unit_price }
}

/// What a visit of a session costs.
fn fee(yuan: &str) -> Vec<ExpectedLine> {
    vec![line("110200001", "1", yuan)]
}

fn own() -> Vec<ExpectedLine> {
    vec![line("A1", "2", "12.3400"), line("A2", "0.5", "40")]
}

/// One slot of the clinic, with a fee.
async fn slot(town: &Town, starts_at: DateTime<Utc>, places: i32, fee: Vec<ExpectedLine>) -> Slot {
    let with_fee = Session { expected_lines: fee, ..session(callers::CLINIC, starts_at, 1, &[(Pool::Public, places)]) };
    town.publish(&town.clinic, vec![with_fee]).await.unwrap().remove(0)
}

async fn lines(town: &Town, appointment: &Appointment) -> Vec<ExpectedLine> {
    town.get(&town.resident, &appointment.appointment_id).await.unwrap().expected_lines
}

async fn book(town: &Town, slot: &Slot, expected_lines: Vec<ExpectedLine>) -> Appointment {
    let item = BookItem {
        request_id: request_id(),
        resident_id: callers::RESIDENT.to_string(),
        slot_id: slot.slot_id.clone(),
        kind: CareKind::Outpatient.into(),
        expected_lines,
        ..Default::default()
    };
    let request = town.resident.request(BookRequest { items: vec![item] }).await;
    match town.appointments().book(request).await.unwrap().into_inner().results.remove(0).result.unwrap() {
        book_result::Result::Appointment(appointment) => appointment,
        book_result::Result::Refusal(refusal) => panic!("{refusal:?}"),
    }
}

async fn town() -> Town {
    Town::with(&[("BOOKINGS_PER_DAY_AND_DEPARTMENT_MAX", "20")]).await
}

#[tokio::test]
async fn sc_06_who_states_nothing_is_quoted_by_the_sessions_fee_and_what_they_state_comes_first() {
    let town = town().await;
    let published = slot(&town, now() + TimeDelta::hours(2), 2, fee("60.00")).await;
    let get = GetSessionRequest { session_id: published.session_id.clone() };
    let found = town.sessions().get_session(town.resident.request(get).await).await.unwrap().into_inner();
    assert_eq!(found.session.unwrap().expected_lines, fee("60.00"));

    let plain = book(&town, &published, vec![]).await;
    assert_eq!((plain.expected_lines.clone(), lines(&town, &plain).await), (fee("60.00"), fee("60.00")));
    let later = slot(&town, now() + TimeDelta::hours(4), 2, fee("60.00")).await;
    let stated = book(&town, &later, own()).await;
    assert_eq!((stated.expected_lines.clone(), lines(&town, &stated).await), (own(), own()));
    let silent = slot(&town, now() + TimeDelta::hours(6), 2, vec![]).await;
    let held = town.hold(&silent).await.unwrap();
    assert_eq!((held.expected_lines.clone(), lines(&town, &held).await), (vec![], vec![]));
}

#[tokio::test]
async fn sc_06_several_places_and_places_offered_to_who_waits_come_with_the_fee() {
    let town = town().await;
    let starts_at = now() + TimeDelta::hours(30);
    let first =
        Session { expected_lines: fee("60.00"), ..session(callers::CLINIC, starts_at, 1, &[(Pool::Public, 1)]) };
    let second = Session { expected_lines: fee("100.00"), ..first.clone() };
    let slots = town.publish(&town.clinic, vec![first, second]).await.unwrap();
    let mut both: Vec<(Slot, Vec<ExpectedLine>)> = vec![];
    for slot in slots {
        let get = GetSessionRequest { session_id: slot.session_id.clone() };
        let found = town.sessions().get_session(town.resident.request(get).await).await.unwrap().into_inner();
        both.push((slot, found.session.unwrap().expected_lines));
    }
    let resident = callers::RESIDENT.to_string();
    let wish = joint::wish(&resident, &[&both[1].0, &both[0].0]);
    let together = joint::book(&town, &town.resident, wish).await.unwrap();
    assert_eq!(together.expected_lines, both[1].1, "one visit: that of the first place");
    assert_eq!(lines(&town, &together).await, together.expected_lines);

    let (other, other_id) = town.newcomer("waits").await;
    waiting::join(&town, &other, &other_id).await.unwrap();
    waiting::cancel(&town, &town.resident, &together.appointment_id).await;
    let offered = waiting::listed(&town, &other, &other_id).await.appointment_id;
    let offered = town.get(&other, &offered).await.unwrap();
    let (_, its_fee) = both.iter().find(|(slot, _)| Some(slot) == offered.slot.as_ref()).unwrap();
    assert_eq!(&offered.expected_lines, its_fee);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_06_who_moves_is_quoted_by_the_fee_of_where_they_go_unless_they_stated_lines() {
    let town = town().await;
    let from = slot(&town, now() + TimeDelta::hours(50), 2, fee("60.00")).await;
    let to = slot(&town, now() + TimeDelta::hours(52), 2, fee("100.00")).await;
    let plain = town.booked(&from).await;
    let moved = reschedule::reschedule(&town, &town.resident, reschedule::to(&plain, &[&to])).await.unwrap();
    assert_eq!((moved.expected_lines.clone(), lines(&town, &moved).await), (fee("100.00"), fee("100.00")));
    // The provider moves it back, to the place of another session at the same time.
    let beside = Session { expected_lines: fee("80.00"), ..session(callers::CLINIC, now(), 1, &[(Pool::Public, 2)]) };
    let beside = Session { starts_at: to.starts_at, ends_at: to.ends_at, ..beside };
    town.publish(&town.clinic, vec![beside]).await.unwrap();
    let affected = calendar::withdraw(&town, &town.clinic, &to).await.unwrap().remove(0);
    assert_eq!(affected.fate(), Fate::Moved);
    assert_eq!(affected.appointment.unwrap().expected_lines, fee("80.00"));
    assert_eq!(lines(&town, &moved).await, fee("80.00"));

    let wish = HoldSlotRequest { expected_lines: own(), ..hold(&from) };
    let held = town.hold_as(&town.resident, wish).await.unwrap();
    let stated = town.confirm(&town.resident, &held.appointment_id).await.unwrap();
    let other = slot(&town, now() + TimeDelta::hours(56), 2, fee("100.00")).await;
    let moved = reschedule::reschedule(&town, &town.resident, reschedule::to(&stated, &[&other])).await.unwrap();
    assert_eq!((moved.expected_lines.clone(), lines(&town, &moved).await), (own(), own()));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_06_templates_give_their_sessions_the_fee() {
    let town = town().await;
    let with_fee = SessionTemplate { expected_lines: fee("60.00"), ..calendar::template() };
    let made = calendar::create(&town, with_fee).await.unwrap();
    assert_eq!(made.expected_lines, fee("60.00"));
    let get = GetTemplateRequest { template_id: made.template_id };
    let found = calendar::client(&town).get_template(town.clinic.request(get).await).await.unwrap().into_inner();
    assert_eq!(found.template.unwrap().expected_lines, fee("60.00"));
    let until = local_date(now()) + Days::new(5);
    calendar::generate(&town, until).await.unwrap();
    let session_id = town.session_of(&(local_date(now()) + Days::new(2))).await;
    let get = town.clinic.request(GetSessionRequest { session_id }).await;
    let found = town.sessions().get_session(get).await.unwrap().into_inner();
    assert_eq!(found.session.unwrap().expected_lines, fee("60.00"));
    let slot = found.slots.first().unwrap();
    assert_eq!(town.hold(slot).await.unwrap().expected_lines, fee("60.00"));
}

#[tokio::test]
async fn sc_06_a_fee_that_cannot_be_is_refused_by_its_field() {
    let town = town().await;
    let starts_at = now() + TimeDelta::hours(2);
    let good = line("110200001", "1", "60.00");
    let bad = [
        ("expected_lines[1].quantity", vec![good.clone(), line("A", "0", "1")]),
        ("expected_lines[0].item_code", vec![line("", "1", "1")]),
        ("expected_lines[0].unit_price", vec![line("A", "1", "1.00001")]),
        ("expected_lines[1].unit_price", vec![good.clone(), line("A", "1", "0.00")]),
        ("expected_lines[0].unit_price", vec![line("A", "0.1", "0.0499")]),
        ("expected_lines", vec![good; 201]),
    ];
    let free = slot(&town, starts_at, 1, vec![]).await;
    for (path, expected_lines) in bad {
        let wish = HoldSlotRequest { expected_lines: expected_lines.clone(), ..hold(&free) };
        assert_eq!(field(&town.hold_as(&town.resident, wish).await.unwrap_err()), path);
        let wrong = Session {
            expected_lines: expected_lines.clone(),
            ..session(callers::CLINIC, starts_at, 1, &[(Pool::Public, 1)])
        };
        let refusal = town.publish(&town.clinic, vec![wrong]).await.unwrap_err();
        assert_eq!(field(&refusal), format!("sessions[0].{path}"));
        let refusal = calendar::create(&town, SessionTemplate { expected_lines, ..calendar::template() }).await;
        assert_eq!(field(&refusal.unwrap_err()), format!("template.{path}"));
    }
}
