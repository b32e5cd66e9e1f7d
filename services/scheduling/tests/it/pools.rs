//! Reserved places fall back to everybody at their time, each change is written down, and nobody sees a late release.

use chrono::{DateTime, TimeDelta, Utc};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{
    AppointmentState, HoldSlotRequest, JoinWaitListRequest, ListWaitingRequest, Pool, ReleaseStep,
    SetReleaseLadderRequest, Slot, WaitListState, wait_list_service_client::WaitListServiceClient,
};
use proto::convert::to_timestamp;
use sqlx::Connection as _;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::Status;

use crate::calendar::{client, replica};
use crate::town::{Town, field, hold, now, pause, session};

fn step(pool: Pool, hours_before: i32, keep_percent: i32) -> ReleaseStep {
    ReleaseStep { pool: pool.into(), hours_before, keep_percent }
}

async fn set(town: &Town, caller: &TestCaller, steps: &[ReleaseStep]) -> Result<Vec<ReleaseStep>, Status> {
    let request = SetReleaseLadderRequest {
        request_id: request_id(),
        provider_organisation_id: callers::CLINIC.to_string(),
        department_id: String::new(),
        steps: steps.to_vec(),
    };
    Ok(client(town).set_release_ladder(caller.request(request).await).await?.into_inner().steps)
}

async fn publish(town: &Town, starts_at: DateTime<Utc>, pools: &[(Pool, i32)]) -> Slot {
    town.publish(&town.clinic, vec![session(callers::CLINIC, starts_at, 1, pools)]).await.unwrap().remove(0)
}

/// Places by pool, and what was moved: from, to, how many, why.
type Standing = (Vec<(String, i32)>, Vec<(Option<String>, Option<String>, i32, String)>);

async fn standing(town: &Town, slot: &Slot) -> Standing {
    let mut owner = town.mesh.owner("scheduling").await;
    let places = sqlx::query_as("SELECT pool, places FROM slot_pools WHERE slot_id = $1::uuid ORDER BY pool")
        .bind(&slot.slot_id)
        .fetch_all(&mut owner)
        .await
        .unwrap();
    let moves = sqlx::query_as(
        "SELECT from_pool, to_pool, places, reason FROM pool_moves WHERE slot_id = $1::uuid ORDER BY moved_at, id",
    )
    .bind(&slot.slot_id)
    .fetch_all(&mut owner)
    .await
    .unwrap();
    (places, moves)
}

fn places(standing: &Standing) -> Vec<(&str, i32)> {
    standing.0.iter().map(|(pool, places)| (pool.as_str(), *places)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_02_reserved_places_fall_back_step_by_step_and_each_move_is_written_down() {
    let town = Town::new().await;
    let pools = [(Pool::Public, 1), (Pool::Referral, 5), (Pool::CommunityWorker, 2)];
    let near = publish(&town, now() + TimeDelta::hours(20), &pools).await;
    let middle = publish(&town, now() + TimeDelta::hours(30), &pools).await;
    let far = publish(&town, now() + TimeDelta::hours(60), &pools).await;
    let ladder = [step(Pool::Referral, 48, 50), step(Pool::Referral, 24, 0), step(Pool::CommunityWorker, 24, 0)];
    assert_eq!(set(&town, &town.clinic, &ladder).await.unwrap(), ladder);
    let (one, other) = (replica(&town).await, replica(&town).await);
    let (one, other) = tokio::join!(one.release_due(), other.release_due());
    one.unwrap();
    other.unwrap();
    let near = standing(&town, &near).await;
    assert_eq!(places(&near), [("COMMUNITY_WORKER", 0), ("PUBLIC", 8), ("REFERRAL", 0)]);
    let to_public =
        |from: &str, places| (Some(from.to_owned()), Some("PUBLIC".to_owned()), places, "RELEASED".to_owned());
    let mut moves = near.1;
    moves.sort();
    assert_eq!(moves, [to_public("COMMUNITY_WORKER", 2), to_public("REFERRAL", 5)], "once, whoever moves them");
    let middle = standing(&town, &middle).await;
    assert_eq!(places(&middle), [("COMMUNITY_WORKER", 2), ("PUBLIC", 3), ("REFERRAL", 3)]);
    assert_eq!(places(&standing(&town, &far).await), [("COMMUNITY_WORKER", 2), ("PUBLIC", 1), ("REFERRAL", 5)]);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_02_a_place_that_is_due_is_booked_by_anybody_at_that_moment() {
    let town = Town::new().await;
    let slot = publish(&town, now() + TimeDelta::hours(20), &[(Pool::CommunityWorker, 1)]).await;
    assert_eq!(reason(&town.hold(&slot).await.unwrap_err()), "POOL_NOT_OPEN");
    set(&town, &town.clinic, &[step(Pool::CommunityWorker, 24, 0)]).await.unwrap();
    // Without a word to the loop, nor a moment for it.
    let held = town.hold(&slot).await.unwrap();
    assert_eq!((held.pool(), held.state()), (Pool::Public, AppointmentState::Held));
    let worker = HoldSlotRequest { pool: Pool::CommunityWorker.into(), ..hold(&slot) };
    assert_eq!(reason(&town.hold_as(&town.acting, worker).await.unwrap_err()), "SLOT_TAKEN");
    assert_eq!(places(&standing(&town, &slot).await), [("COMMUNITY_WORKER", 0), ("PUBLIC", 1)]);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_02_a_reserved_place_that_is_given_stays_and_falls_back_when_it_is_given_up() {
    let town = Town::new().await;
    let slot = publish(&town, now() + TimeDelta::hours(20), &[(Pool::CommunityWorker, 2)]).await;
    let wish = HoldSlotRequest { pool: Pool::CommunityWorker.into(), ..hold(&slot) };
    let held = town.hold_as(&town.acting, wish).await.unwrap();
    set(&town, &town.clinic, &[step(Pool::CommunityWorker, 24, 0)]).await.unwrap();
    let until = async |expected: &[(&str, i32)]| {
        while places(&standing(&town, &slot).await) != expected {
            pause(100).await;
        }
    };
    until(&[("COMMUNITY_WORKER", 1), ("PUBLIC", 1)]).await;
    let cancel = proto::anjia::scheduling::v1::CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: held.appointment_id,
        ..Default::default()
    };
    town.appointments().cancel_appointment(town.acting.request(cancel).await).await.unwrap();
    until(&[("COMMUNITY_WORKER", 0), ("PUBLIC", 2)]).await;
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_02_who_waits_gets_a_released_place_before_who_polls() {
    let town = Town::new().await;
    let slot = publish(&town, now() + TimeDelta::hours(20), &[(Pool::CommunityWorker, 1)]).await;
    let (waiting, resident_id) = town.newcomer("waiting").await;
    let mut lines = WaitListServiceClient::new(town.mesh.channel("scheduling"));
    let join = JoinWaitListRequest {
        request_id: request_id(),
        resident_id: resident_id.clone(),
        provider_organisation_id: callers::CLINIC.to_string(),
        kind: CareKind::Outpatient.into(),
        until: Some(to_timestamp(now() + TimeDelta::days(3))),
        ..Default::default()
    };
    lines.join_wait_list(waiting.request(join).await).await.unwrap();
    set(&town, &town.clinic, &[step(Pool::CommunityWorker, 24, 0)]).await.unwrap();
    assert_eq!(reason(&town.hold(&slot).await.unwrap_err()), "SLOT_TAKEN");
    let list = ListWaitingRequest { resident_id };
    let listed = lines.list_waiting(waiting.request(list).await).await.unwrap().into_inner().entries.remove(0);
    assert_eq!(listed.state(), WaitListState::Offered);
    assert_eq!(town.taken(&slot).await, 1);
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_02_ladders_that_cannot_be_are_refused_and_a_place_out_of_nowhere_is_found() {
    let town = Town::new().await;
    let good = step(Pool::Referral, 48, 0);
    assert_eq!(reason(&set(&town, &town.hospital, &[good]).await.unwrap_err()), "OUTSIDE_SCOPE");
    assert_eq!(reason(&set(&town, &town.resident, &[good]).await.unwrap_err()), "METHOD_NOT_PERMITTED");
    for (expected, steps) in [
        ("steps.pool", vec![step(Pool::Public, 48, 0)]),
        ("steps.pool", vec![step(Pool::Unspecified, 48, 0)]),
        ("steps.hours_before", vec![step(Pool::Referral, 721, 0)]),
        ("steps.keep_percent", vec![step(Pool::Referral, 48, -1)]),
        ("steps.keep_percent", vec![step(Pool::Referral, 48, 0), step(Pool::Referral, 24, 10)]),
    ] {
        assert_eq!(field(&set(&town, &town.clinic, &steps).await.unwrap_err()), expected);
    }
    // The checker sees a place that nobody moved.
    let slot = publish(&town, now() + TimeDelta::hours(60), &[(Pool::Public, 1), (Pool::Referral, 1)]).await;
    town.assert_sound().await;
    let mut owner = town.mesh.owner("scheduling").await;
    for seeded in [
        "UPDATE slot_pools SET places = places + 1 WHERE slot_id = $1::uuid AND pool = 'PUBLIC'",
        "UPDATE slot_pools SET places = places - 1, published = places - 1 WHERE slot_id = $1::uuid AND pool = 'REFERRAL'",
        "UPDATE slots SET withdrawn_at = now() WHERE id = $1::uuid",
    ] {
        let mut tx = owner.begin().await.unwrap();
        sqlx::query(seeded).bind(&slot.slot_id).execute(&mut *tx).await.unwrap();
        let found: i64 =
            sqlx::query_scalar("SELECT count(*) FROM booking_violations").fetch_one(&mut *tx).await.unwrap();
        assert!(found > 0, "{seeded}");
        tx.rollback().await.unwrap();
    }
}
