use std::time::{Duration, Instant};

use postgres::{
    Database, Error, Scope,
    events::{self, Event, NewEvent, Selection},
    sealer,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use types::region::RegionCode;

use crate::harness::{BEIJING, ELSEWHERE, TestDb, add_note, moment};

const KIND: &str = "anjia.notes.note.added.v1";

fn event(subject: &str) -> NewEvent {
    NewEvent::new(KIND, subject, json!({"subject": subject}), moment()).traceparent(Some("00-a-b-01"))
}

async fn append(db: &Database, scope: Scope, subject: &str) {
    let mut tx = db.begin(scope).await.unwrap();
    events::append(&mut tx, event(subject)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn pull_all(db: &Database) -> Vec<Event> {
    events::pull(db, 0, events::BATCH_MAX, Duration::ZERO).await.unwrap().events
}

fn places(events: &[Event]) -> Vec<(i64, &str)> {
    events.iter().map(|event| (event.position, event.subject.as_str())).collect()
}

#[tokio::test]
async fn an_event_is_told_as_it_was_written_and_only_once_committed() {
    let test = TestDb::new().await;
    append(&test.db, ELSEWHERE, "kept").await;
    let mut lost = test.db.begin(BEIJING).await.unwrap();
    events::append(&mut lost, event("rolled back")).await.unwrap();
    lost.rollback().await.unwrap();
    assert!(pull_all(&test.db).await.is_empty(), "told before it was sealed");

    sealer::seal_all(&test.db).await.unwrap();
    let events = pull_all(&test.db).await;
    assert_eq!(places(&events), [(1, "kept")]);
    assert_eq!((events[0].kind.as_str(), events[0].region.as_str()), (KIND, "990000"));
    assert_eq!(events[0].data, json!({"subject": "kept"}));
    assert_eq!((events[0].occurred_at, events[0].traceparent.as_deref()), (moment(), Some("00-a-b-01")));
}

#[tokio::test]
async fn an_audit_entry_that_makes_no_sense_does_not_hold_up_events() {
    let test = TestDb::new().await;
    append(&test.db, BEIJING, "told").await;
    let nonsense = "INSERT INTO audit_entries (region, actor, subject, action, rows, salt)
                    VALUES ('110000', 'a', 's', 'notes.note.add', '[1]', sha256(''))";
    sqlx::query(nonsense).execute(&mut test.insider().await).await.unwrap();
    let error = sealer::seal_all(&test.db).await.unwrap_err();
    assert!(matches!(error, Error::RowInvalid { table: "audit_entries", .. }), "{error}");
    assert_eq!(places(&pull_all(&test.db).await), [(1, "told")]);
}

#[tokio::test]
async fn positions_are_gapless_and_a_late_committer_is_not_skipped() {
    let test = TestDb::new().await;
    let mut late = test.db.begin(BEIJING).await.unwrap();
    events::append(&mut late, event("late")).await.unwrap();
    append(&test.db, BEIJING, "early").await;
    sealer::seal_all(&test.db).await.unwrap();
    let seen = pull_all(&test.db).await;
    assert_eq!(places(&seen), [(1, "early")]);

    late.commit().await.unwrap();
    append(&test.db, ELSEWHERE, "last").await;
    let sealed = sealer::seal_all(&test.db).await.unwrap();
    assert_eq!((sealed.events, sealed.audit_entries), (2, 0));
    let batch = events::pull(&test.db, seen[0].position, 10, Duration::ZERO).await.unwrap();
    assert_eq!(places(&batch.events), [(2, "late"), (3, "last")]);
    assert_eq!(batch.head_position, 3);
    assert_eq!(events::first_gap(&mut test.insider().await).await.unwrap(), None);
}

#[tokio::test]
async fn a_gap_is_found() {
    let test = TestDb::new().await;
    for subject in ["a", "b", "c"] {
        append(&test.db, BEIJING, subject).await;
    }
    sealer::seal_all(&test.db).await.unwrap();
    let mut insider = test.insider().await;
    sqlx::query("DELETE FROM events WHERE position = 3").execute(&mut insider).await.unwrap();
    assert_eq!(events::first_gap(&mut insider).await.unwrap(), Some(3));
    sqlx::query("DELETE FROM events WHERE position = 1").execute(&mut insider).await.unwrap();
    assert_eq!(events::first_gap(&mut insider).await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_waiting_pull_hears_of_an_event_within_a_second() {
    let test = TestDb::new().await;
    let shutdown = CancellationToken::new();
    let sealing = tokio::spawn(sealer::run(test.replica().await, shutdown.clone()));
    let waiting = tokio::spawn({
        let db = test.db.clone();
        async move { (events::pull(&db, 0, 10, events::WAIT_MAX).await.unwrap(), Instant::now()) }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;

    let written_at = Instant::now();
    append(&test.db, BEIJING, "heard").await;
    let (batch, heard_at) = waiting.await.unwrap();
    assert_eq!(places(&batch.events), [(1, "heard")]);
    assert!(heard_at - written_at < Duration::from_millis(1500), "{:?}", heard_at - written_at);

    shutdown.cancel();
    sealing.await.unwrap();
    // The lease is free at once.
    append(&test.db, BEIJING, "next").await;
    assert_eq!(sealer::seal_all(&test.db).await.unwrap().events, 1);
}

#[tokio::test]
async fn a_sealer_that_lost_its_lease_seals_nothing() {
    let test = TestDb::new().await;
    let shutdown = CancellationToken::new();
    let sealing = tokio::spawn(sealer::run(test.db.clone(), shutdown.clone()));
    append(&test.db, BEIJING, "first").await;
    assert_eq!(places(&events::pull(&test.db, 0, 10, events::WAIT_MAX).await.unwrap().events), [(1, "first")]);

    let mut insider = test.insider().await;
    sqlx::query(
        "UPDATE leases SET owner = gen_random_uuid(), fence = fence + 1, expires_at = now() + interval '1 hour'",
    )
    .execute(&mut insider)
    .await
    .unwrap();
    append(&test.db, BEIJING, "second").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(places(&pull_all(&test.db).await), [(1, "first")]);
    assert!(!sealing.is_finished(), "it stands by");

    sqlx::query("UPDATE leases SET expires_at = now()").execute(&mut insider).await.unwrap();
    let batch = events::pull(&test.db, 1, 10, events::WAIT_MAX).await.unwrap();
    assert_eq!(places(&batch.events), [(2, "second")]);
    shutdown.cancel();
    sealing.await.unwrap();
}

#[tokio::test]
async fn two_sealers_and_many_writers_leave_no_gap() {
    let test = TestDb::new().await;
    let shutdown = CancellationToken::new();
    let sealers =
        [test.replica().await, test.replica().await].map(|db| tokio::spawn(sealer::run(db, shutdown.clone())));
    let writers = (0..4).map(|writer| {
        let db = test.db.clone();
        tokio::spawn(async move {
            for number in 0..50 {
                append(&db, BEIJING, &format!("{writer}-{number}")).await;
            }
        })
    });
    for writer in futures_util::future::join_all(writers).await {
        writer.unwrap();
    }
    let mut told = Vec::new();
    while told.len() < 200 {
        let after = told.last().map_or(0, |event: &Event| event.position);
        told.extend(events::pull(&test.db, after, 64, Duration::from_secs(5)).await.unwrap().events);
    }
    shutdown.cancel();
    for sealer in sealers {
        sealer.await.unwrap();
    }
    assert!(told.iter().map(|event| event.position).eq(1..=200));
    for writer in 0..4 {
        let prefix = format!("{writer}-");
        let own = told.iter().filter_map(|event| event.subject.strip_prefix(&prefix));
        assert!(own.eq((0..50).map(|number| number.to_string())), "a writer's events were told out of order");
    }
}

#[tokio::test]
async fn an_event_belongs_to_a_region_and_to_its_change() {
    let test = TestDb::new().await;
    let mut tx = test.db.begin(Scope::Worker).await.unwrap();
    assert!(matches!(events::append(&mut tx, event("nowhere")).await, Err(Error::RegionMissing)));
    drop(tx);

    let mut tx = test.db.begin(BEIJING).await.unwrap();
    events::append(&mut tx, event("unfounded")).await.unwrap();
    add_note(&mut tx, "").await.unwrap_err();
    assert!(tx.commit().await.is_err(), "an ignored error was acknowledged");
    assert_eq!(test.count("SELECT count(*) FROM events").await, 0);
}

#[tokio::test]
async fn pl_05_who_asks_for_a_region_hears_of_that_region_alone() {
    let test = TestDb::new().await;
    for (scope, subject) in [(BEIJING, "here"), (ELSEWHERE, "there"), (BEIJING, "here again")] {
        append(&test.db, scope, subject).await;
    }
    sealer::seal_all(&test.db).await.unwrap();
    let here = Selection { region: Some(RegionCode::BEIJING), kinds: None, provider: None };
    let told = events::pull_of(&test.db, &here, 0, 10, Duration::ZERO).await.unwrap();
    assert_eq!(places(&told.events), [(1, "here"), (3, "here again")]);
    assert_eq!(told.head_position, 3);
    assert_eq!(pull_all(&test.db).await.len(), 3);
}

#[tokio::test]
async fn pl_05_a_quiet_region_goes_on_past_the_events_of_all_others() {
    let test = TestDb::new().await;
    for (scope, subject) in [(BEIJING, "first"), (BEIJING, "second"), (ELSEWHERE, "there"), (ELSEWHERE, "there again")]
    {
        append(&test.db, scope, subject).await;
    }
    sealer::seal_all(&test.db).await.unwrap();
    let here = Selection { region: Some(RegionCode::BEIJING), kinds: None, provider: None };
    let pull = async |after, max| {
        let told = events::pull_of(&test.db, &here, after, max, Duration::ZERO).await.unwrap();
        (told.events.len(), told.position, told.head_position)
    };
    assert_eq!(pull(0, 1).await, (1, 1, 4), "more of its own may follow");
    assert_eq!(pull(1, 10).await, (1, 4, 4));
    assert_eq!(pull(2, 10).await, (0, 4, 4), "it has no events, and is not behind");
    assert_eq!(pull(4, 10).await, (0, 4, 4));
    append(&test.db, BEIJING, "third").await;
    sealer::seal_all(&test.db).await.unwrap();
    assert_eq!(pull(4, 10).await, (1, 5, 5));
    assert_eq!(pull(9, 10).await, (0, 9, 5), "a cursor never goes back by itself");
}
