//! Two who write stays of one person at once: the second sees the first.

use std::time::Duration;

use chrono::TimeDelta;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{CheckInRequest, Visit, VisitOutcome, VisitState};
use sqlx::PgConnection;
use testkit::{callers, reason};
use tonic::Status;
use uuid::Uuid;

use crate::stays::{at_the_hospital, merge};
use crate::town::{Town, now};
use crate::visits::{check_in, over, walk_in};

/// Until the end of the connection, or [`let_go`], whoever writes a stay by this id waits.
async fn hold_up(owner: &mut PgConnection, id: Uuid) {
    let lock = sqlx::query("SELECT pg_advisory_lock(hashtextextended('stay ' || $1::uuid::text, 0))");
    lock.bind(id).execute(owner).await.unwrap();
}

async fn let_go(owner: &mut PgConnection, id: Uuid) {
    let unlock = sqlx::query("SELECT pg_advisory_unlock(hashtextextended('stay ' || $1::uuid::text, 0))");
    unlock.bind(id).execute(owner).await.unwrap();
}

/// Until so many wait for what the owner holds up.
async fn until_waiting(owner: &mut PgConnection, count: i64) {
    const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
        AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";
    for _ in 0..500 {
        let waiting: i64 = sqlx::query_scalar(WAITING).fetch_one(&mut *owner).await.unwrap();
        if waiting == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("there are not {count} who wait");
}

/// What both hospitals are answered that report a stay of hers at once.
async fn at_once(town: &Town, here: CheckInRequest) -> (Result<Visit, Status>, Result<Visit, Status>) {
    let there = at_the_hospital(here.clone());
    let mut owner = town.mesh.owner("scheduling").await;
    hold_up(&mut owner, callers::RESIDENT).await;
    let release = async {
        until_waiting(&mut owner, 2).await;
        let_go(&mut owner, callers::RESIDENT).await;
    };
    let (here, there, ()) =
        tokio::join!(check_in(town, &town.clinic, here), check_in(town, &town.hospital, there), release);
    (here, there)
}

#[tokio::test]
async fn sc_04_of_two_hospitals_that_report_the_same_days_at_once_one_does() {
    let town = Town::new().await;
    let from = now() - TimeDelta::days(3);
    let end = over(VisitOutcome::Discharged, from + TimeDelta::days(1));
    let (here, there) =
        at_once(&town, CheckInRequest { end: Some(end), ..walk_in(&town, CareKind::Inpatient, from) }).await;
    let refusals: Vec<String> = [&here, &there].into_iter().filter_map(|it| it.as_ref().err()).map(reason).collect();
    assert_eq!(refusals, ["STAY_OVERLAPS"]);
}

#[tokio::test]
async fn sc_04_of_two_hospitals_that_admit_somebody_at_once_one_does() {
    let town = Town::new().await;
    let (here, there) = at_once(&town, walk_in(&town, CareKind::Inpatient, now())).await;
    let refusals: Vec<String> = [&here, &there].into_iter().filter_map(|it| it.as_ref().err()).map(reason).collect();
    assert_eq!(refusals, ["STAY_OPEN"]);
}

#[tokio::test]
async fn sc_04_who_becomes_one_person_while_a_stay_waits_is_waited_for_by_both_ids() {
    let town = Town::new().await;
    let (_, other_id) = town.newcomer("other").await;
    let other: Uuid = other_id.parse().unwrap();
    let by_other = CheckInRequest {
        resident_id: other_id,
        credential: Some(town.card(other)),
        ..at_the_hospital(walk_in(&town, CareKind::Inpatient, now()))
    };
    let mut owner = town.mesh.owner("scheduling").await;
    hold_up(&mut owner, other).await;
    hold_up(&mut owner, callers::RESIDENT).await;
    let meanwhile = async {
        until_waiting(&mut owner, 1).await;
        merge(&mut owner, other).await;
        let_go(&mut owner, other).await;
        until_waiting(&mut owner, 1).await;
        let_go(&mut owner, callers::RESIDENT).await;
    };
    let (stay, ()) = tokio::join!(check_in(&town, &town.hospital, by_other), meanwhile);
    assert_eq!(stay.unwrap().state(), VisitState::Open);
}
