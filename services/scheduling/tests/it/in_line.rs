//! The line for a place where it is long, where those in it are busy, and where somebody else has them just then: nobody who polls comes in
//! between, and nobody waits in a circle.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::future::join_all;
use proto::anjia::{
    common::v1::CareKind,
    identity::v1::{DelegatedAction, DelegationLimits},
    scheduling::v1::{
        AppointmentState, Fate, HoldSlotRequest, JoinWaitListRequest, ListWaitingRequest, Pool, Slot, WaitListEntry,
        WaitListState,
    },
};
use sqlx::{Connection as _, PgConnection};
use testkit::{TestCaller, callers, reason};
use types::ids::ResidentId;
use uuid::Uuid;

use crate::{
    calendar::{booked, withdraw},
    town::{Town, hold, now, pause, session},
    waiting::{cancel, change_places, client, join, listed, taken, wish},
};

/// More than are asked in one transaction.
const BUSY: usize = 21;

async fn poll(town: &Town, caller: &TestCaller, resident: &str, slot: &Slot) -> String {
    let polled = HoldSlotRequest { resident_id: resident.to_owned(), ..hold(slot) };
    reason(&town.hold_as(caller, polled).await.unwrap_err())
}

async fn offered(town: &Town, caller: &TestCaller, resident: &str) -> WaitListEntry {
    let began = Instant::now();
    loop {
        let entry = listed(town, caller, resident).await;
        if entry.state() == WaitListState::Offered {
            return entry;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no offer: {entry:?}");
        pause(50).await;
    }
}

/// Locks a person, as every booking of theirs does.
async fn busy(batch: &mut PgConnection, resident: &str) {
    let resident: Uuid = resident.parse().unwrap();
    sqlx::query("SELECT FROM patients WHERE resident_id = $1 FOR UPDATE").bind(resident).execute(batch).await.unwrap();
}

/// How many places of a slot are set aside.
async fn aside(town: &Town, slot: &Slot) -> i32 {
    let mut owner = town.mesh.owner("scheduling").await;
    let query = sqlx::query_scalar("SELECT sum(set_aside)::int FROM slot_pools WHERE slot_id = $1");
    query.bind(slot.slot_id.parse::<Uuid>().unwrap()).fetch_one(&mut owner).await.unwrap()
}

/// Another replica has the calendar for so long.
async fn lease(town: &Town, seconds: f64) {
    let mut owner = town.mesh.owner("scheduling").await;
    let query = "UPDATE leases SET owner = gen_random_uuid(), expires_at = clock_timestamp() + $1 * interval '1 second' WHERE name = 'calendar'";
    let taken = sqlx::query(query).bind(seconds).execute(&mut owner).await.unwrap();
    assert_eq!(taken.rows_affected(), 1);
}

async fn all_of(town: &Town, caller: &TestCaller, resident: &str) -> Vec<WaitListEntry> {
    let request = ListWaitingRequest { resident_id: resident.to_owned() };
    client(town).list_waiting(caller.request(request).await).await.unwrap().into_inner().entries
}

#[tokio::test]
async fn sc_07_behind_many_who_cannot_take_a_place_whoever_can_gets_it() {
    let town = Town::new().await;
    let starts_at = now() + TimeDelta::hours(30);
    let other = town.clinic_slots(starts_at, 1, 40).await.remove(0);
    let single = town.clinic_slots(starts_at, 1, 1).await.remove(0);
    let had = town.booked(&single).await;
    let busy = booked(&town, &other, BUSY).await;
    for (caller, resident, _) in &busy {
        join(&town, caller, resident).await.unwrap();
    }
    let (last, last_id) = town.newcomer("last").await;
    join(&town, &last, &last_id).await.unwrap();
    lease(&town, 60.0).await;
    let (poller, poller_id) = town.newcomer("poller").await;

    cancel(&town, &town.resident, &had.appointment_id).await;
    assert_eq!(aside(&town, &single).await, 1, "more wait than are asked at once");
    lease(&town, 0.0).await;
    while listed(&town, &last, &last_id).await.state() != WaitListState::Offered {
        assert_eq!(poll(&town, &poller, &poller_id, &single).await, "SLOT_TAKEN");
        pause(20).await;
    }
    for (caller, resident, _) in &busy[..2] {
        assert_eq!(listed(&town, caller, resident).await.state(), WaitListState::Waiting);
    }
    // When nobody of them takes it any more, it is anybody's.
    let offer = listed(&town, &last, &last_id).await.appointment_id;
    cancel(&town, &last, &offer).await;
    while town.taken(&single).await > 0 {
        pause(50).await;
    }
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_whom_somebody_else_has_at_that_moment_is_asked_after_them() {
    let town = Town::new().await;
    let (slot, appointment) = taken(&town).await;
    let (first, first_id) = town.newcomer("first").await;
    let (second, second_id) = town.newcomer("second").await;
    join(&town, &first, &first_id).await.unwrap();
    join(&town, &second, &second_id).await.unwrap();

    // As a batch does: persons first, then places.
    let mut owner = town.mesh.owner("scheduling").await;
    let mut batch = owner.begin().await.unwrap();
    busy(&mut batch, &first_id).await;
    tokio::time::timeout(Duration::from_secs(5), cancel(&town, &town.resident, &appointment)).await.unwrap();
    sqlx::query("SELECT FROM slot_pools WHERE slot_id = $1 FOR UPDATE")
        .bind(slot.slot_id.parse::<Uuid>().unwrap())
        .execute(&mut *batch)
        .await
        .unwrap();
    batch.commit().await.unwrap();

    let entry = offered(&town, &first, &first_id).await;
    assert_eq!(town.get(&first, &entry.appointment_id).await.unwrap().state(), AppointmentState::Held);
    assert_eq!(listed(&town, &second, &second_id).await.position, 1);
    assert_eq!(town.taken(&slot).await, 1);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_a_place_that_is_set_aside_takes_nobodys_place_from_them() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(30), 1, 2).await.remove(0);
    let have = booked(&town, &slot, 2).await;
    let (waiting, waiting_id) = town.newcomer("waiting").await;
    join(&town, &waiting, &waiting_id).await.unwrap();
    let mut owner = town.mesh.owner("scheduling").await;
    let mut batch = owner.begin().await.unwrap();
    busy(&mut batch, &waiting_id).await;
    cancel(&town, &have[0].0, &have[0].2).await;
    assert_eq!((aside(&town, &slot).await, town.taken(&slot).await), (1, 2));

    assert_eq!(change_places(&town, &slot, 1).await, [Fate::Kept]);
    assert_eq!((aside(&town, &slot).await, town.taken(&slot).await), (0, 1));
    batch.rollback().await.unwrap();
    assert_eq!(town.get(&have[1].0, &have[1].2).await.unwrap().state(), AppointmentState::Confirmed);
    assert_eq!(listed(&town, &waiting, &waiting_id).await.state(), WaitListState::Waiting);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_for_one_who_is_busy_one_place_is_set_aside_and_the_others_are_anybodys() {
    let town = Town::new().await;
    let (slot, _) = taken(&town).await;
    let (waiting, waiting_id) = town.newcomer("waiting").await;
    join(&town, &waiting, &waiting_id).await.unwrap();
    let (poller, poller_id) = town.newcomer("poller").await;
    let mut owner = town.mesh.owner("scheduling").await;
    let mut batch = owner.begin().await.unwrap();
    busy(&mut batch, &waiting_id).await;
    assert_eq!(change_places(&town, &slot, 4).await, [Fate::Kept]);
    assert_eq!((aside(&town, &slot).await, town.taken(&slot).await), (1, 2));
    let wish = HoldSlotRequest { resident_id: poller_id, ..hold(&slot) };
    town.hold_as(&poller, wish).await.unwrap();
    batch.rollback().await.unwrap();
    offered(&town, &waiting, &waiting_id).await;
    assert_eq!((aside(&town, &slot).await, town.taken(&slot).await), (0, 3));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_whoever_gives_a_place_up_is_not_offered_it_again() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(30), 2, 1).await;
    let (giving, giving_id, appointment) = booked(&town, &slots[0], 1).await.remove(0);
    // One booking a day in one department: the first in the line has theirs, and cannot take it.
    let (first, first_id, _) = booked(&town, &slots[1], 1).await.remove(0);
    join(&town, &first, &first_id).await.unwrap();
    join(&town, &giving, &giving_id).await.unwrap();
    let mut owner = town.mesh.owner("scheduling").await;
    let mut batch = owner.begin().await.unwrap();
    busy(&mut batch, &first_id).await;
    cancel(&town, &giving, &appointment).await;
    assert_eq!(aside(&town, &slots[0]).await, 1);
    batch.rollback().await.unwrap();
    while aside(&town, &slots[0]).await > 0 {
        pause(50).await;
    }
    assert_eq!(town.taken(&slots[0]).await, 0);
    assert_eq!(listed(&town, &giving, &giving_id).await.state(), WaitListState::Waiting);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_cancelling_beside_the_bookings_of_those_who_wait() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(30), 1, 8).await.remove(0);
    let have = booked(&town, &slot, 8).await;
    let mut waiting = vec![];
    for number in 0..12 {
        let (caller, resident) = town.newcomer(&format!("waiting-{number}")).await;
        join(&town, &caller, &resident).await.unwrap();
        waiting.push((caller, resident));
    }
    let cancels = join_all(have.iter().map(|(caller, _, appointment)| cancel(&town, caller, appointment)));
    let (there, asked) = (&town, &slot);
    let polls = join_all(waiting.iter().map(|(caller, resident)| async move {
        for _ in 0..5 {
            let refusal = poll(there, caller, resident, asked).await;
            assert!(["SLOT_TAKEN", "PATIENT_CONFLICT", "BOOKING_LIMIT"].contains(&refusal.as_str()), "{refusal}");
        }
    }));
    futures_util::future::join(cancels, polls).await;
    for (caller, resident) in &waiting[..8] {
        offered(&town, caller, resident).await;
    }
    assert_eq!(town.taken(&slot).await, 8);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_places_of_a_new_session_are_first_for_those_whose_own_was_taken_back() {
    let town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(30), 1, 1).await.remove(0);
    let (caller, resident, _) = booked(&town, &slot, 1).await.remove(0);
    let (other, other_id) = town.newcomer("other").await;
    join(&town, &other, &other_id).await.unwrap();
    withdraw(&town, &town.clinic, &slot).await.unwrap();
    assert_eq!(listed(&town, &caller, &resident).await.state(), WaitListState::Waiting);

    let single = town.clinic_slots(now() + TimeDelta::hours(50), 1, 1).await.remove(0);
    assert_eq!(poll(&town, &other, &other_id, &single).await, "SLOT_TAKEN");
    let entry = listed(&town, &caller, &resident).await;
    assert_eq!(entry.state(), WaitListState::Offered);
    let held = town.get(&caller, &entry.appointment_id).await.unwrap();
    let there = held.slot.as_ref().map(|slot| slot.slot_id.clone());
    assert_eq!((held.state(), there), (AppointmentState::Held, Some(single.slot_id.clone())));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_a_line_whose_time_is_over_is_joined_again() {
    let town = Town::new().await;
    let (caller, resident) = town.newcomer("patient").await;
    let short = wish(&resident, now() + TimeDelta::seconds(2));
    client(&town).join_wait_list(caller.request(short).await).await.unwrap();
    assert_eq!(listed(&town, &caller, &resident).await.state(), WaitListState::Waiting);
    while listed(&town, &caller, &resident).await.state() != WaitListState::Lapsed {
        pause(100).await;
    }
    let again = join(&town, &caller, &resident).await.unwrap();
    assert_eq!((again.state(), again.position), (WaitListState::Waiting, 1));
    let states: Vec<WaitListState> = all_of(&town, &caller, &resident).await.iter().map(WaitListEntry::state).collect();
    assert_eq!(states, [WaitListState::Waiting, WaitListState::Lapsed]);
}

#[tokio::test]
async fn sc_07_a_delegation_for_one_use_is_offered_one_place_in_all_its_lines() {
    let town = Town::new().await;
    let one = town.clinic_slots(now() + TimeDelta::hours(30), 1, 1).await.remove(0);
    let other = town.clinic_slots(now() + TimeDelta::hours(60), 1, 1).await.remove(0);
    let (first, _, had_first) = booked(&town, &one, 1).await.remove(0);
    let (second, _, had_second) = booked(&town, &other, 1).await.remove(0);
    let (resident, resident_id) = town.newcomer("resident").await;
    let id: ResidentId = resident_id.parse().unwrap();
    let limits = DelegationLimits { uses_max: 1, ..Default::default() };
    let actions = [DelegatedAction::Book, DelegatedAction::View];
    let delegation = town.delegate_within(&resident, id.uuid(), &actions, Some(limits)).await;
    let worker = town.worker.acting_for(id, delegation);
    for kind in [CareKind::Outpatient, CareKind::Chronic] {
        let wish = JoinWaitListRequest { kind: kind.into(), ..wish(&resident_id, now() + TimeDelta::days(4)) };
        client(&town).join_wait_list(worker.request(wish).await).await.unwrap();
    }
    cancel(&town, &first, &had_first).await;
    cancel(&town, &second, &had_second).await;
    let states: Vec<WaitListState> =
        all_of(&town, &resident, &resident_id).await.iter().map(WaitListEntry::state).collect();
    assert_eq!(states, [WaitListState::Waiting, WaitListState::Offered], "the last joined first");
    assert_eq!((town.taken(&one).await, town.taken(&other).await), (1, 0));
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_07_who_comes_first_in_the_line_goes_past_no_limit_of_their_delegation() {
    let town = Town::new().await;
    let own = town.clinic_slots(now() + TimeDelta::hours(30), 1, 2).await.remove(0);
    let elsewhere = session(callers::HOSPITAL, now() + TimeDelta::hours(60), 1, &[(Pool::Public, 1)]);
    let elsewhere = town.publish(&town.hospital, vec![elsewhere]).await.unwrap().remove(0);
    let mut booked = vec![];
    for name in ["again", "waiting"] {
        let (resident, resident_id) = town.newcomer(name).await;
        let id: ResidentId = resident_id.parse().unwrap();
        let limits = DelegationLimits { uses_max: 1, ..Default::default() };
        let delegation = town.delegate_within(&resident, id.uuid(), &[DelegatedAction::Book], Some(limits)).await;
        let worker = town.worker.acting_for(id, delegation);
        book(&town, &worker, &resident_id, &own).await;
        booked.push((resident, resident_id, worker));
    }
    withdraw(&town, &town.clinic, &own).await.unwrap();
    // The use that came back is used again.
    let (resident, resident_id, worker) = &booked[0];
    book(&town, worker, resident_id, &elsewhere).await;

    let single = town.clinic_slots(now() + TimeDelta::hours(90), 1, 2).await.remove(0);
    assert_eq!(listed(&town, resident, resident_id).await.state(), WaitListState::Waiting);
    let (resident, resident_id, _) = &booked[1];
    assert_eq!(listed(&town, resident, resident_id).await.state(), WaitListState::Offered);
    assert_eq!(town.taken(&single).await, 1);
    town.assert_sound().await;
}

async fn book(town: &Town, caller: &TestCaller, resident: &str, slot: &Slot) {
    let wish = HoldSlotRequest { resident_id: resident.to_owned(), ..hold(slot) };
    let held = town.hold_as(caller, wish).await.unwrap();
    town.confirm(caller, &held.appointment_id).await.unwrap();
}
