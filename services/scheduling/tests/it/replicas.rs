//! Several replicas give away the same places: the real binary, killed in the middle, and others with pools of their own. Redis is wiped
//! meanwhile. Whoever was told of a place has it, once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use postgres::Database;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    Appointment as Told, BookItem, BookRequest, Slot, appointment_service_client::AppointmentServiceClient, book_result,
};
use scheduling::domain::appointment::{Appointment, Channel, State};
use scheduling::domain::error::SchedulingError;
use scheduling::domain::limits::{self, Rules};
use scheduling::domain::pool::Pool;
use scheduling::domain::session;
use scheduling::store::bookings::{self, Verdict, Wish};
use testkit::{TestCaller, callers, request_id};
use tonic::Code;
use types::caller::Party;
use types::clock::{Clock as _, SystemClock};
use types::ids::{AppointmentId, JourneyId, OrganisationId, ResidentId};
use types::region::RegionCode;

use crate::town::{Town, now};

const PLACES: i32 = 40;
const CALLERS: usize = 24;
/// Of each of the other replicas.
const OTHERS: usize = 30;
const OTHER_BATCH: usize = 5;
const ATTEMPTS_MAX: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn sc_09_replicas_give_every_place_once_although_one_dies_and_redis_is_wiped() {
    let mut town = Town::new().await;
    let slot = town.clinic_slots(now() + TimeDelta::hours(30), 1, PLACES).await.remove(0);
    let mut people = vec![];
    for number in 0..CALLERS {
        people.push(town.newcomer(&format!("caller-{number}")).await);
    }
    let answered = Arc::new(AtomicUsize::new(0));
    let calls = people.into_iter().map(|(caller, resident)| {
        let (client, slot, answered) = (town.appointments(), slot.clone(), Arc::clone(&answered));
        tokio::spawn(async move {
            let outcome = book_until_told(client, caller, resident, &slot).await;
            answered.fetch_add(1, Ordering::Relaxed);
            outcome
        })
    });
    let calls: Vec<_> = calls.collect();
    let mut others = vec![];
    for _ in 0..2 {
        let (db, slot) = (town.mesh.connect("scheduling").await, slot.clone());
        others.push(tokio::spawn(async move { book_in_batches(&db, &slot).await }));
    }
    // Some have been told and some have not, or all were faster.
    while answered.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    town.mesh.kill("scheduling");
    town.mesh.redis().wipe().await.unwrap();
    town.mesh.start_again("scheduling").await;

    let told: Vec<Option<Told>> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let here: Vec<AppointmentId> = join_all(others).await.into_iter().flat_map(Result::unwrap).collect();
    let told: Vec<AppointmentId> =
        told.into_iter().flatten().map(|told| told.appointment_id.parse().unwrap()).collect();
    let all: BTreeSet<AppointmentId> = told.iter().chain(&here).copied().collect();
    assert_eq!(all.len(), told.len() + here.len(), "nobody has another's place");
    assert_eq!(all.len(), usize::try_from(PLACES).unwrap(), "every place is given");
    assert_eq!(town.taken(&slot).await, PLACES);
    town.assert_sound().await;

    let mut owner = town.mesh.owner("scheduling").await;
    let standing: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM appointments WHERE state = 'CONFIRMED'")
        .fetch_all(&mut owner)
        .await
        .unwrap();
    let standing: BTreeSet<AppointmentId> = standing.into_iter().map(AppointmentId::from_uuid).collect();
    assert_eq!(standing, all, "I1: what was told stands, and nothing else does");
    let events: Vec<(String, i64)> = sqlx::query_as("SELECT kind, count(*) FROM events GROUP BY kind ORDER BY kind")
        .fetch_all(&mut owner)
        .await
        .unwrap();
    let of = |kind: &str| {
        let kind = format!("anjia.scheduling.appointment.{kind}.v1");
        events.iter().find(|(known, _)| *known == kind).map_or(0, |(_, count)| usize::try_from(*count).unwrap())
    };
    assert_eq!((of("held"), of("confirmed")), (told.len(), told.len()), "I8: each is told of once");
}

/// Asks again under the same key until somebody says yes or no.
async fn book_until_told(
    mut client: AppointmentServiceClient<chassis::channel::Channel>,
    caller: TestCaller,
    resident: String,
    slot: &Slot,
) -> Option<Told> {
    let item = BookItem {
        request_id: request_id(),
        resident_id: resident,
        slot_id: slot.slot_id.clone(),
        kind: CareKind::Outpatient.into(),
        ..Default::default()
    };
    for _ in 0..ATTEMPTS_MAX {
        let request = caller.request(BookRequest { items: vec![item.clone()] }).await;
        let result = client.book(request).await.map(|answer| answer.into_inner().results.remove(0).result.unwrap());
        match result {
            Ok(book_result::Result::Appointment(appointment)) => return Some(appointment),
            Ok(book_result::Result::Refusal(refusal)) if refusal.code == i32::from(Code::FailedPrecondition) => {
                return None;
            }
            Ok(book_result::Result::Refusal(_)) | Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("nobody said yes or no")
}

/// As another replica would: batches in transactions of their own, each retried singly where it failed.
async fn book_in_batches(db: &Database, slot: &Slot) -> Vec<AppointmentId> {
    let mut won = vec![];
    let wishes: Vec<Appointment> = (0..OTHERS).map(|_| wish(slot, SystemClock.now())).collect();
    for batch in wishes.chunks(OTHER_BATCH) {
        if let Ok(ids) = give(db, batch).await {
            won.extend(ids);
            continue;
        }
        for one in batch {
            won.extend(give(db, std::slice::from_ref(one)).await.unwrap());
        }
    }
    won
}

async fn give(db: &Database, batch: &[Appointment]) -> Result<Vec<AppointmentId>, SchedulingError> {
    let bounds: Vec<Vec<limits::Bound>> = batch.iter().map(bounds).collect();
    let wish = |(appointment, bounds)| Wish {
        appointment,
        is_id_chosen: false,
        is_moved: false,
        heeds_suspension: true,
        uses_max: None,
        bounds,
    };
    let wishes: Vec<Wish<'_>> = batch.iter().zip(bounds.iter().map(Vec::as_slice)).map(wish).collect();
    let mut tx = db.begin_together(RegionCode::BEIJING).await?;
    let verdicts = bookings::give(&mut tx, &wishes).await?;
    tx.commit().await?;
    let given = batch.iter().zip(verdicts).filter(|(_, verdict)| matches!(verdict, Verdict::Given));
    Ok(given.map(|(appointment, _)| appointment.id).collect())
}

fn bounds(wish: &Appointment) -> Vec<limits::Bound> {
    let asked = limits::Asked {
        pool: wish.pool,
        kind: wish.kind,
        starts_at: wish.slot.starts_at,
        is_for_other: false,
        is_device_known: false,
        now: wish.held_at,
    };
    limits::bounds(&Rules::PUBLISHED, asked)
}

fn wish(slot: &Slot, now: DateTime<Utc>) -> Appointment {
    let at = |time: Option<prost_types::Timestamp>| {
        proto::convert::optional_timestamp("at", time.as_ref()).unwrap().unwrap()
    };
    let resident = ResidentId::generate();
    Appointment {
        id: AppointmentId::generate(),
        resident,
        slot: session::Slot {
            id: slot.slot_id.parse().unwrap(),
            session: slot.session_id.parse().unwrap(),
            starts_at: at(slot.starts_at),
            ends_at: at(slot.ends_at),
        },
        more_slots: vec![],
        organisation: OrganisationId::from_uuid(callers::CLINIC),
        department: None,
        practitioner: None,
        cancel_notice_minutes: 0,
        kind: types::care::CareKind::Outpatient,
        pool: Pool::Public,
        channel: Channel::App,
        booked_by: Party::Resident(resident),
        device: None,
        delegation: None,
        referral: None,
        journey: JourneyId::generate(),
        expected_lines: vec![],
        quote: None,
        revision: 1,
        held_at: now,
        hold_expires_at: now + TimeDelta::hours(1),
        confirmed_at: Some(now),
        state: State::Confirmed,
    }
}
