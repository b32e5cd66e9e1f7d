//! Who follows the events told here: how far they are, and when events are removed.

use std::time::Duration;

use postgres::{
    Database, Error, PostgresConfig, Scope,
    events::{self, Batch, EventsConfig, Lag, NewEvent, Selection},
    sealer,
};
use serde_json::json;
use types::region::RegionCode;

use crate::harness::{BEIJING, ELSEWHERE, TestDb, moment};

const ADDED: &str = "anjia.notes.note.added.v1";
const REMOVED: &str = "anjia.notes.note.removed.v1";
const READ: &str = "anjia.notes.reader.read.v1";

async fn tell(db: &Database, scope: Scope, kind: &'static str, times: usize) {
    let mut tx = db.begin(scope).await.unwrap();
    let event = |number: usize| NewEvent::new(kind, number, json!({}), moment());
    events::append_all(&mut tx, (0..times).map(event).collect()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn told(times: usize) -> TestDb {
    let test = TestDb::new().await;
    tell(&test.db, BEIJING, ADDED, times).await;
    sealer::seal_all(&test.db).await.unwrap();
    test
}

/// What a consumer does: it confirms what it has dealt with and is told what comes after.
async fn follow(db: &Database, consumer: &str, after: i64) -> Result<Vec<i64>, Error> {
    events::confirm(db, consumer, after).await?;
    let batch = events::pull(db, after, 100, Duration::ZERO).await?;
    Ok(positions(&batch))
}

fn positions(batch: &Batch) -> Vec<i64> {
    batch.events.iter().map(|event| event.position).collect()
}

async fn cursor(db: &Database, consumer: &str) -> Lag {
    events::lags(db).await.unwrap().into_iter().find(|lag| lag.consumer == consumer).unwrap()
}

/// As if everything up to a position had happened a year ago.
async fn age(test: &TestDb, upto: i64) {
    sqlx::query("UPDATE events SET occurred_at = now() - interval '1 year' WHERE position <= $1")
        .bind(upto)
        .execute(&mut test.insider().await)
        .await
        .unwrap();
}

async fn be_recent(test: &TestDb) {
    sqlx::query("UPDATE events SET occurred_at = now()").execute(&mut test.insider().await).await.unwrap();
}

async fn fall_silent(test: &TestDb, consumer: &str, days: i32) {
    sqlx::query("UPDATE event_cursors SET pulled_at = now() - make_interval(days => $2) WHERE consumer = $1")
        .bind(consumer)
        .bind(days)
        .execute(&mut test.insider().await)
        .await
        .unwrap();
}

#[tokio::test]
async fn pl_04_a_late_commit_is_told_to_a_consumer_that_was_ahead_of_it() {
    let test = TestDb::new().await;
    let mut late = test.db.begin(BEIJING).await.unwrap();
    events::append(&mut late, NewEvent::new(ADDED, "late", json!({}), moment())).await.unwrap();
    let mut after = 0;
    for round in 1..=3 {
        tell(&test.db, BEIJING, ADDED, 2).await;
        sealer::seal_all(&test.db).await.unwrap();
        assert_eq!(follow(&test.db, "client:app", after).await.unwrap(), [2 * round - 1, 2 * round]);
        after = 2 * round;
    }
    late.commit().await.unwrap();
    sealer::seal_all(&test.db).await.unwrap();
    let batch = events::pull(&test.db, after, 100, Duration::ZERO).await.unwrap();
    assert_eq!((positions(&batch), batch.events[0].subject.as_str()), (vec![7], "late"));
}

#[tokio::test]
async fn pl_04_a_consumer_is_told_of_its_types_and_goes_on_past_all_others() {
    let test = TestDb::new().await;
    for (kind, scope) in [(ADDED, BEIJING), (READ, BEIJING), (REMOVED, ELSEWHERE), (REMOVED, BEIJING), (READ, BEIJING)]
    {
        tell(&test.db, scope, kind, 1).await;
    }
    sealer::seal_all(&test.db).await.unwrap();
    let of = async |kinds: &[&str], max| {
        let kinds = Some(kinds.iter().map(|kind| (*kind).to_owned()).collect());
        let selection = Selection { region: Some(RegionCode::BEIJING), kinds, provider: None };
        let batch = events::pull_of(&test.db, &selection, 0, max, Duration::ZERO).await.unwrap();
        (positions(&batch), batch.position)
    };
    assert_eq!(of(&["anjia.notes.note."], 100).await, (vec![1, 4], 5));
    assert_eq!(of(&["anjia.notes.note."], 2).await, (vec![1, 4], 4), "a full batch ends with its last event");
    assert_eq!(of(&[READ, ADDED], 100).await, (vec![1, 2, 5], 5));
    assert_eq!(of(&["anjia.notes."], 100).await, (vec![1, 2, 4, 5], 5));
    // A whole type is no beginning of another, and neither is what ends in the middle of a word.
    assert_eq!(of(&["anjia.notes.note.added.v"], 100).await, (vec![], 5));
    assert_eq!(of(&["anjia.notes.no"], 100).await, (vec![], 5));
    assert_eq!(of(&[], 100).await, (vec![], 5));
}

#[tokio::test]
async fn pl_04_one_event_among_thousands_of_others_is_found_step_by_step() {
    let test = TestDb::new().await;
    tell(&test.db, BEIJING, ADDED, 10_500).await;
    tell(&test.db, BEIJING, READ, 1).await;
    sealer::seal_all(&test.db).await.unwrap();
    let selection = Selection { region: None, kinds: Some(vec![READ.to_owned()]), provider: None };
    let first = events::pull_of(&test.db, &selection, 0, 10, Duration::ZERO).await.unwrap();
    assert_eq!((first.events.len(), first.position, first.head_position), (0, 10_000, 10_501));
    let second = events::pull_of(&test.db, &selection, first.position, 10, Duration::ZERO).await.unwrap();
    assert_eq!((positions(&second), second.position), (vec![10_501], 10_501));
    // Who waits need not ask twice.
    let at_once = events::pull_of(&test.db, &selection, 0, 10, Duration::from_secs(5)).await.unwrap();
    assert_eq!(positions(&at_once), [10_501]);
}

#[tokio::test]
async fn pl_04_a_cursor_stands_where_the_consumer_says_and_nowhere_else() {
    let test = told(5).await;
    assert_eq!(follow(&test.db, "client:app", 0).await.unwrap(), [1, 2, 3, 4, 5]);
    // What was sent is not dealt with yet.
    let lag = cursor(&test.db, "client:app").await;
    assert_eq!((lag.position, lag.events), (0, 5));
    assert!(lag.silent < Duration::from_mins(1), "{lag:?}");
    assert_eq!(follow(&test.db, "client:app", 4).await.unwrap(), [5]);
    assert_eq!(cursor(&test.db, "client:app").await.events, 1);
    // It hears everything again, and has it all before it again.
    assert_eq!(follow(&test.db, "client:app", 1).await.unwrap(), [2, 3, 4, 5]);
    assert_eq!(cursor(&test.db, "client:app").await.position, 1);

    let ahead = follow(&test.db, "client:app", 6).await.unwrap_err();
    assert!(matches!(ahead, Error::PositionNotReached { head_position: 5 }), "{ahead}");
    assert_eq!(cursor(&test.db, "client:app").await.position, 1);
    follow(&test.db, "service:payment/erasures", 5).await.unwrap();
    let consumers: Vec<_> =
        events::lags(&test.db).await.unwrap().into_iter().map(|lag| (lag.consumer, lag.events)).collect();
    assert_eq!(consumers, [("client:app".to_owned(), 4), ("service:payment/erasures".to_owned(), 0)]);
}

#[tokio::test]
async fn pl_04_events_are_removed_once_they_are_old_and_every_consumer_has_passed_them() {
    let test = told(6).await;
    for consumer in ["client:app", "service:payment", "service:payment/erasures"] {
        follow(&test.db, consumer, 6).await.unwrap();
    }
    be_recent(&test).await;
    assert_eq!(events::forget(&test.db).await.unwrap(), 0, "all have passed them, and they are young");

    // One that is young holds back older ones after it: removed is what comes first, so that no gap opens.
    age(&test, 5).await;
    sqlx::query("UPDATE events SET occurred_at = now() WHERE position = 4")
        .execute(&mut test.insider().await)
        .await
        .unwrap();
    follow(&test.db, "service:payment/erasures", 2).await.unwrap();
    assert_eq!(events::forget(&test.db).await.unwrap(), 2, "the slowest is at 2");
    follow(&test.db, "service:payment/erasures", 6).await.unwrap();
    assert_eq!(events::forget(&test.db).await.unwrap(), 1, "the fourth is young");
    assert_eq!(events::forget(&test.db).await.unwrap(), 0);
    assert_eq!(follow(&test.db, "client:app", 3).await.unwrap(), [4, 5, 6]);
    assert_eq!(events::first_gap(&mut test.insider().await).await.unwrap(), None);

    // New ones are numbered on, and what is missing among those kept is still found.
    tell(&test.db, BEIJING, ADDED, 1).await;
    sealer::seal_all(&test.db).await.unwrap();
    assert_eq!(follow(&test.db, "client:app", 6).await.unwrap(), [7]);
    for position in [7, 4] {
        let mut insider = test.insider().await;
        sqlx::query("DELETE FROM events WHERE position = $1").bind(position).execute(&mut insider).await.unwrap();
        assert_eq!(events::first_gap(&mut insider).await.unwrap(), Some(position));
    }
}

#[tokio::test]
async fn pl_04_a_position_that_was_removed_is_refused_with_the_lowest_one_kept() {
    let test = told(5).await;
    follow(&test.db, "client:app", 3).await.unwrap();
    age(&test, 5).await;
    assert_eq!(events::forget(&test.db).await.unwrap(), 3);
    for after in [0, 2] {
        let refused = follow(&test.db, "client:app", after).await.unwrap_err();
        assert!(matches!(refused, Error::PositionNotKept { lowest_position: 4 }), "{refused}");
        let refused = events::pull(&test.db, after, 10, Duration::ZERO).await.unwrap_err();
        assert!(matches!(refused, Error::PositionNotKept { lowest_position: 4 }), "{refused}");
    }
    // A refused wish does not take the cursor back to where nothing is.
    assert_eq!(cursor(&test.db, "client:app").await.position, 3);
    assert_eq!(follow(&test.db, "client:app", 3).await.unwrap(), [4, 5]);
}

#[tokio::test]
async fn pl_04_a_consumer_that_fell_silent_is_waited_for_unless_it_is_configured_otherwise() {
    let test = told(4).await;
    follow(&test.db, "client:app", 1).await.unwrap();
    follow(&test.db, "service:payment", 4).await.unwrap();
    age(&test, 4).await;
    let impatient = PostgresConfig {
        events: EventsConfig { events_wait_for_silent: false, ..test.config().events },
        ..test.config()
    };
    let impatient = Database::connect(&impatient).await.unwrap();
    fall_silent(&test, "client:app", 29).await;
    assert_eq!(events::forget(&impatient).await.unwrap(), 1);
    fall_silent(&test, "client:app", 31).await;
    assert_eq!(events::forget(&test.db).await.unwrap(), 0);
    assert!(cursor(&test.db, "client:app").await.silent > Duration::from_hours(24 * 30));
    assert_eq!(events::forget(&impatient).await.unwrap(), 3);
    let refused = follow(&test.db, "client:app", 1).await.unwrap_err();
    assert!(matches!(refused, Error::PositionNotKept { lowest_position: 5 }), "{refused}");
    // It is told where to go on, and is followed again.
    assert_eq!(follow(&test.db, "client:app", 4).await.unwrap(), [] as [i64; 0]);
}

#[tokio::test]
async fn pl_04_thousands_are_removed_in_steps_and_nobody_else_may_remove_one() {
    let test = told(5_200).await;
    age(&test, 5_200).await;
    assert_eq!(events::forget(&test.db).await.unwrap(), 5_200, "nobody follows");
    assert_eq!(test.count("SELECT count(*) FROM events").await, 0);
    assert_eq!(test.count("SELECT removed_position FROM chain_heads WHERE chain = 'events'").await, 5_200);

    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let denied = sqlx::query("SELECT forget_events(interval '0', interval '0')").execute(&mut *tx).await.unwrap_err();
    assert!(denied.to_string().contains("permission denied"), "{denied}");
    for sql in ["DELETE FROM events", "UPDATE chain_heads SET removed_position = 0", "DELETE FROM event_cursors"] {
        let mut tx = test.db.begin(Scope::Worker).await.unwrap();
        let denied = sqlx::query(sql).execute(&mut *tx).await.unwrap_err();
        assert!(denied.to_string().contains("permission denied"), "{sql}: {denied}");
    }
}

#[tokio::test]
async fn pl_04_whoever_asks_for_shorter_periods_removes_no_event_sooner() {
    let test = told(3).await;
    be_recent(&test).await;
    let mut tx = test.db.begin(Scope::Worker).await.unwrap();
    let removed: i64 =
        sqlx::query_scalar("SELECT forget_events(interval '0', interval '0')").fetch_one(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(removed, 0);
    assert_eq!(test.count("SELECT count(*) FROM events").await, 3);
}

#[test]
fn pl_04_how_long_events_are_kept_is_what_the_rules_of_retention_say() {
    #[derive(clap::Parser)]
    struct Settings {
        #[command(flatten)]
        events: EventsConfig,
    }
    let parse = |arguments: &[&str]| <Settings as clap::Parser>::try_parse_from([&["x"], arguments].concat());
    let rule = postgres::retention::rule("events").unwrap();
    assert_eq!(Some(parse(&[]).unwrap().events.events_kept_days), rule.days);
    assert!(parse(&["--events-kept-days", "179"]).is_err(), "shorter than the rule says");
    assert!(parse(&["--events-kept-days", "400"]).is_ok());
}
