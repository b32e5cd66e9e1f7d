//! What the database tells of itself.

use postgres::{
    Database, Scope,
    events::{self, NewEvent},
    gauges::{self, COMMON, Gauge},
    sealer,
};
use serde_json::json;
use types::region::RegionCode;

use crate::harness::{BEIJING, TestDb, moment};

fn named(name: &str) -> &'static Gauge {
    COMMON.iter().find(|gauge| gauge.name == name).unwrap()
}

/// Of one row, in whole units.
async fn shown(db: &Database, name: &str, row: &str) -> Option<i64> {
    let rows = gauges::read(db, named(name)).await.unwrap();
    let value = rows.into_iter().find(|(found, _)| found == row)?.1;
    Some(format!("{value:.0}").parse().unwrap())
}

#[tokio::test]
async fn pl_02_what_waits_for_the_sealer_and_for_a_signature_is_counted_and_its_age_told() {
    let test = TestDb::new().await;
    // What the migrations left.
    sealer::seal_all(&test.db).await.unwrap();
    let unsigned = shown(&test.db, "anjia.audit.unsigned", "audit_entries").await.unwrap();
    assert_eq!(shown(&test.db, "anjia.sealer.waiting", "events").await, Some(0));
    assert_eq!(shown(&test.db, "anjia.sealer.lag", "events").await, Some(0));
    assert_eq!(shown(&test.db, "anjia.audit.checkpoint.age", "audit_entries").await, None);

    let mut tx = test.db.begin(BEIJING).await.unwrap();
    let told = NewEvent::new("anjia.notes.note.added.v1", "note", json!({}), moment());
    events::append(&mut tx, told).await.unwrap();
    tx.commit().await.unwrap();
    let entry = "INSERT INTO audit_entries (region, actor, subject, action, rows, salt, occurred_at)
                 VALUES ('110000', 'a', 's', 'notes.note.add', '[]', sha256(''), now() - interval '100 seconds')";
    sqlx::query(entry).execute(&mut test.insider().await).await.unwrap();
    assert_eq!(shown(&test.db, "anjia.sealer.waiting", "events").await, Some(1));
    assert_eq!(shown(&test.db, "anjia.sealer.waiting", "audit_entries").await, Some(1));
    let lag = shown(&test.db, "anjia.sealer.lag", "audit_entries").await.unwrap();
    assert!((100..160).contains(&lag), "{lag}");

    sealer::seal_all(&test.db).await.unwrap();
    for chain in ["events", "audit_entries"] {
        assert_eq!(shown(&test.db, "anjia.sealer.waiting", chain).await, Some(0));
        assert_eq!(shown(&test.db, "anjia.sealer.lag", chain).await, Some(0));
    }
    // Nobody signs here.
    assert_eq!(shown(&test.db, "anjia.audit.unsigned", "audit_entries").await, Some(unsigned + 1));
}

#[tokio::test]
async fn pl_02_parked_events_are_counted_for_each_consumer() {
    let test = TestDb::new().await;
    let parked = "WITH seen AS (INSERT INTO cursors (source, position) VALUES ('identity', 7), ('scheduling', 3))
                  INSERT INTO parked_events (source, position, region, subject, event, cause)
                  VALUES ('identity', 5, '110000', 's', '{}', 'it makes no sense')";
    let mut tx = test.db.begin(Scope::Worker).await.unwrap();
    sqlx::query(parked).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(shown(&test.db, "anjia.event.parked", "identity").await, Some(1));
    assert_eq!(shown(&test.db, "anjia.event.parked", "scheduling").await, Some(0));
    // Row security keeps them from the service's role.
    let mut tx = test.db.begin(Scope::Region(RegionCode::DEMONSTRATION)).await.unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM parked_events").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, 0);
}

#[tokio::test]
async fn pl_04_how_far_behind_and_how_silent_a_consumer_is_is_told() {
    let test = TestDb::new().await;
    for _ in 0..3 {
        let mut tx = test.db.begin(BEIJING).await.unwrap();
        let told = NewEvent::new("anjia.notes.note.added.v1", "note", json!({}), moment());
        events::append(&mut tx, told).await.unwrap();
        tx.commit().await.unwrap();
    }
    sealer::seal_all(&test.db).await.unwrap();
    events::confirm(&test.db, "client:city-platform", 1).await.unwrap();
    assert_eq!(shown(&test.db, "anjia.event.follower.lag", "client:city-platform").await, Some(2));
    let long_ago = "UPDATE event_cursors SET pulled_at = now() - interval '1000 seconds'";
    sqlx::query(long_ago).execute(&mut test.insider().await).await.unwrap();
    let silent = shown(&test.db, "anjia.event.follower.silence", "client:city-platform").await.unwrap();
    assert!((1000..1060).contains(&silent), "{silent}");
    events::confirm(&test.db, "client:city-platform", 3).await.unwrap();
    assert_eq!(shown(&test.db, "anjia.event.follower.lag", "client:city-platform").await, Some(0));
}
