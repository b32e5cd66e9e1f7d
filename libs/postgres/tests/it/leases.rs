use std::time::Duration;

use postgres::{Error, Scope, lease};
use uuid::Uuid;

use crate::harness::TestDb;

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_lease_has_one_owner_at_a_time() {
    let test = TestDb::new().await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let held = lease::acquire(&test.db, "work", first, LONG).await.unwrap().unwrap();
    assert_eq!(lease::acquire(&test.db, "work", second, LONG).await.unwrap(), None);
    assert!(lease::acquire(&test.db, "other work", second, LONG).await.unwrap().is_some());
    held.renew(&test.db).await.unwrap();

    let fence = held.fence();
    held.release(&test.db).await.unwrap();
    let taken = lease::acquire(&test.db, "work", second, LONG).await.unwrap().unwrap();
    assert_eq!(taken.fence(), fence + 1);
}

#[tokio::test]
async fn a_loop_that_lost_track_of_its_lease_takes_it_again_at_once() {
    let test = TestDb::new().await;
    let owner = Uuid::now_v7();
    let lost = lease::acquire(&test.db, "work", owner, LONG).await.unwrap().unwrap();
    let again = lease::acquire(&test.db, "work", owner, LONG).await.unwrap().unwrap();
    assert_eq!(again.fence(), lost.fence() + 1);
    assert!(matches!(lost.renew(&test.db).await, Err(Error::LeaseLost { .. })), "only one of the two counts");
}

#[tokio::test]
async fn an_owner_who_was_only_slow_cannot_write_after_its_successor() {
    let test = TestDb::new().await;
    let slow = lease::acquire(&test.db, "work", Uuid::now_v7(), SHORT).await.unwrap().unwrap();
    tokio::time::sleep(SHORT * 2).await;
    let successor = lease::acquire(&test.db, "work", Uuid::now_v7(), LONG).await.unwrap().unwrap();
    assert!(successor.fence() > slow.fence());

    let mut tx = test.db.begin(Scope::Worker).await.unwrap();
    assert!(matches!(slow.hold(&mut tx).await, Err(Error::LeaseLost { .. })));
    drop(tx);
    // Releasing what was lost takes nothing from the successor.
    slow.release(&test.db).await.unwrap();
    successor.renew(&test.db).await.unwrap();
}

#[tokio::test]
async fn a_successor_waits_for_work_that_holds_the_lease() {
    let test = TestDb::new().await;
    let slow = lease::acquire(&test.db, "work", Uuid::now_v7(), SHORT).await.unwrap().unwrap();
    let mut tx = test.db.begin(Scope::Worker).await.unwrap();
    slow.hold(&mut tx).await.unwrap();
    tokio::time::sleep(SHORT * 2).await;

    let successor = tokio::spawn({
        let db = test.db.clone();
        async move { lease::acquire(&db, "work", Uuid::now_v7(), LONG).await.unwrap() }
    });
    tokio::time::sleep(SHORT * 2).await;
    assert!(!successor.is_finished());
    tx.commit().await.unwrap();
    assert_eq!(successor.await.unwrap().unwrap().fence(), slow.fence() + 1);
}
