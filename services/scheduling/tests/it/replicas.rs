//! Three replicas give away the same places: real processes on one database, one of them killed in the middle, while Redis is wiped. Whoever
//! was told of a place has it, once, and hears the same from whichever replica they ask again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chassis::channel::Channel;
use chrono::TimeDelta;
use futures_util::future::join_all;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    BookItem, BookRequest, appointment_service_client::AppointmentServiceClient, book_result,
};
use testkit::{TestCaller, callers, request_id};
use tokio::sync::watch;
use tonic::Code;
use types::ids::AppointmentId;

use crate::town::{Town, now, session};

const REPLICAS: usize = 3;
/// The replica that dies, by its number.
const VICTIM: usize = 0;
const PLACES: usize = 30;
const CALLERS: usize = 48;
/// Half of them ask before, all of whom there are places for; the others when one replica is about to die.
const EARLY: usize = CALLERS / 2;
/// So many were told before one dies, by each replica one at least.
const TOLD_BEFORE: usize = 6;
const BETWEEN_CALLS: Duration = Duration::from_millis(15);
const ATTEMPTS_MAX: usize = 200;
const PATIENCE: Duration = Duration::from_secs(5);

/// What callers have met so far, by replica.
#[derive(Debug, Default)]
struct Counts {
    asked: [AtomicUsize; REPLICAS],
    answered: [AtomicUsize; REPLICAS],
    /// Calls that nobody answered.
    lost: [AtomicUsize; REPLICAS],
}

fn read(counts: &[AtomicUsize; REPLICAS]) -> [usize; REPLICAS] {
    [0, 1, 2].map(|replica: usize| counts[replica].load(Ordering::SeqCst))
}

/// Somebody who wants a place, and asks again under the same key until somebody says yes or no.
#[derive(Clone)]
struct Patient {
    caller: TestCaller,
    item: BookItem,
    /// Whom they ask first.
    first: usize,
}

impl Patient {
    /// The place that they were given; none where there was no more.
    async fn book(&self, replicas: &[Channel; REPLICAS], counts: &Counts) -> Option<AppointmentId> {
        for attempt in 0..ATTEMPTS_MAX {
            let replica = (self.first + attempt) % REPLICAS;
            let request = self.caller.request(BookRequest { items: vec![self.item.clone()] }).await;
            let mut client = AppointmentServiceClient::new(replicas[replica].clone());
            counts.asked[replica].fetch_add(1, Ordering::SeqCst);
            let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, client.book(request)).await else {
                counts.lost[replica].fetch_add(1, Ordering::SeqCst);
                continue;
            };
            match answer.into_inner().results.remove(0).result.unwrap() {
                book_result::Result::Appointment(given) => {
                    counts.answered[replica].fetch_add(1, Ordering::SeqCst);
                    return Some(given.appointment_id.parse().unwrap());
                }
                book_result::Result::Refusal(refusal) if refusal.code == i32::from(Code::FailedPrecondition) => {
                    counts.answered[replica].fetch_add(1, Ordering::SeqCst);
                    return None;
                }
                // Their first call is still under way, or nobody could say.
                book_result::Result::Refusal(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        panic!("nobody said yes or no")
    }
}

async fn patients(town: &Town) -> Vec<Patient> {
    let starts_at = now() + TimeDelta::hours(30);
    let places = i32::try_from(PLACES).unwrap();
    let published = session(callers::CLINIC, starts_at, 1, &[(proto::anjia::scheduling::v1::Pool::Public, places)]);
    let slot = town.publish(&town.clinic, vec![published]).await.unwrap().remove(0);
    let mut patients = vec![];
    for number in 0..CALLERS {
        let (caller, resident_id) = town.newcomer(&format!("caller-{number}")).await;
        // Tokens are asked for before the rush.
        caller.context().await.unwrap();
        let item = BookItem {
            request_id: request_id(),
            resident_id,
            slot_id: slot.slot_id.clone(),
            kind: CareKind::Outpatient.into(),
            ..Default::default()
        };
        patients.push(Patient { caller, item, first: number % REPLICAS });
    }
    patients
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_09_replicas_give_every_place_once_although_one_dies_and_redis_is_wiped() {
    let mut town = Town::new().await;
    let others = [town.mesh.replica("scheduling").await, town.mesh.replica("scheduling").await];
    let replicas = [town.mesh.channel("scheduling"), others[0].channel(), others[1].channel()];
    let patients = patients(&town).await;
    let counts = Arc::new(Counts::default());
    let (rush, _) = watch::channel(false);
    let calls = patients.iter().cloned().enumerate().map(|(number, patient)| {
        let (replicas, counts, mut rush) = (replicas.clone(), Arc::clone(&counts), rush.subscribe());
        tokio::spawn(async move {
            if number < EARLY {
                tokio::time::sleep(BETWEEN_CALLS * u32::try_from(number).unwrap()).await;
            } else {
                rush.wait_for(|is_on| *is_on).await.unwrap();
            }
            patient.book(&replicas, &counts).await
        })
    });
    let calls: Vec<_> = calls.collect();

    let told = || read(&counts.answered);
    while told().contains(&0) || told().iter().sum::<usize>() < TOLD_BEFORE {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let asked_before = read(&counts.asked)[VICTIM];
    rush.send(true).unwrap();
    while read(&counts.asked)[VICTIM] == asked_before {
        tokio::task::yield_now().await;
    }
    let told_at_death = told();
    town.mesh.kill("scheduling");
    town.mesh.redis().wipe().await.unwrap();
    assert!(told_at_death.iter().all(|told| *told > 0), "each replica has told somebody: {told_at_death:?}");
    let told_before: usize = told_at_death.iter().sum();
    assert!((TOLD_BEFORE..PLACES).contains(&told_before), "there is something left to give: {told_at_death:?}");

    let outcomes: Vec<Option<AppointmentId>> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert!(read(&counts.lost)[VICTIM] > 0, "calls were under way at the one that died: {counts:?}");
    let went_on = |replica: usize| told()[replica] > told_at_death[replica];
    assert!((0..REPLICAS).any(|replica| replica != VICTIM && went_on(replica)), "the others went on: {counts:?}");
    let given: BTreeSet<AppointmentId> = outcomes.iter().flatten().copied().collect();
    assert_eq!(outcomes.iter().flatten().count(), PLACES, "every place is given, and nobody told in vain");
    assert_eq!(given.len(), PLACES, "nobody has another's place");
    town.assert_sound().await;
    assert_kept_and_told(&town, &given).await;

    // Everybody hears the same again, from the one that died, too.
    town.mesh.start_again("scheduling").await;
    for (patient, outcome) in patients.iter().zip(&outcomes) {
        let again = Patient { first: VICTIM, ..patient.clone() };
        assert_eq!(again.book(&replicas, &counts).await, *outcome, "answered as before");
    }
    assert!(went_on(VICTIM), "the one that died answers again");
    assert_kept_and_told(&town, &given).await;
}

/// I1: what was told stands, and nothing else does. I8: each is told of once, in positions without a gap.
async fn assert_kept_and_told(town: &Town, given: &BTreeSet<AppointmentId>) {
    let mut owner = town.mesh.owner("scheduling").await;
    let standing: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT id FROM appointments WHERE state IN ('HELD', 'CONFIRMED')")
            .fetch_all(&mut owner)
            .await
            .unwrap();
    let standing: BTreeSet<AppointmentId> = standing.into_iter().map(AppointmentId::from_uuid).collect();
    assert_eq!(&standing, given, "I1");
    let events: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT subject, kind, count(*) FROM events GROUP BY subject, kind")
            .fetch_all(&mut owner)
            .await
            .unwrap();
    let of = |change: &str| -> BTreeMap<&str, i64> {
        let kind = format!("anjia.scheduling.appointment.{change}.v1");
        let told = events.iter().filter(|(_, known, _)| *known == kind);
        told.map(|(subject, _, times)| (subject.as_str(), *times)).collect()
    };
    let ids: Vec<String> = given.iter().map(ToString::to_string).collect();
    let once: BTreeMap<&str, i64> = ids.iter().map(|id| (id.as_str(), 1)).collect();
    assert_eq!((&of("held"), &of("confirmed")), (&once, &once), "I8");
    // Whoever has the lease of sealing may be the one that died.
    for _ in 0..400 {
        let (all, last): (i64, Option<i64>) =
            sqlx::query_as("SELECT count(*), max(position) FROM events").fetch_one(&mut owner).await.unwrap();
        if last == Some(all) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("I8: a position is missing, or some event has none after 40 s");
}
