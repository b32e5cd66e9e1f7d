//! What a search tells beside where there is a place, and that many who ask at once cost one look.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::{Pool, SearchSlotsRequest, SlotOffer};
use sqlx::{Connection as _, Executor as _};
use testkit::callers;
use tonic::Code;

use crate::town::{HOME, Town, field, now, pause, session};

fn query() -> SearchSlotsRequest {
    SearchSlotsRequest { near: Some(HOME), kind: CareKind::Outpatient.into(), ..Default::default() }
}

async fn search(town: &Town, request: SearchSlotsRequest) -> Vec<SlotOffer> {
    town.sessions().search_slots(town.resident.request(request).await).await.unwrap().into_inner().offers
}

#[tokio::test]
async fn sc_03_an_offer_tells_when_care_begins_how_full_it_is_and_how_long_one_waits() {
    let town = Town::new().await;
    let slots = town.clinic_slots(now() + TimeDelta::hours(2), 2, 3).await;
    town.hold(&slots[0]).await.unwrap();
    let offers = search(&town, query()).await;
    assert_eq!(offers.len(), 2);
    for offer in &offers {
        assert_eq!(offer.earliest_at, slots[0].starts_at);
        assert_eq!(offer.expected_price, None, "nothing was quoted yet");
    }
    let told = |offer: &SlotOffer| (offer.free_places, offer.booked_percent, offer.expected_wait_minutes);
    assert_eq!((told(&offers[0]), told(&offers[1])), ((2, 33, 10), (3, 0, 0)));
}

#[tokio::test]
async fn sc_03_a_distance_of_a_million_kilometres_is_refused() {
    let town = Town::new().await;
    for radius_m in [1_000_000_000, i32::MAX, -1] {
        let request = SearchSlotsRequest { radius_m, ..query() };
        let refusal = town.sessions().search_slots(town.resident.request(request).await).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal).as_str()), (Code::InvalidArgument, "radius_m"));
    }
}

#[tokio::test]
async fn sc_03_a_cold_cache_never_sends_more_than_one_rebuild() {
    let mut town = Town::new().await;
    let starts_at = now() + TimeDelta::hours(2);
    town.clinic_slots(starts_at, 2, 3).await;
    let hospital = session(callers::HOSPITAL, starts_at, 2, &[(Pool::Public, 3)]);
    town.publish(&town.hospital, vec![hospital]).await.unwrap();
    town.mesh.redis().wipe().await.unwrap();

    // Whoever goes and looks is stopped there, so that all of them can be counted.
    let mut stopping = town.mesh.owner("scheduling").await;
    let mut stop = stopping.begin().await.unwrap();
    stop.execute("LOCK TABLE slot_pools IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let searches = join_all((0..64).map(|_| search(&town, query())));
    let counting = async {
        let mut looking = town.mesh.owner("scheduling").await;
        let mut seen = 0;
        for round in 0..100 {
            seen = sqlx::query_scalar(
                // Loops, which go by another role, look there for other reasons.
                "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) \
                 WHERE relation = 'slot_pools'::regclass AND NOT granted AND usename = 'scheduling'",
            )
            .fetch_one(&mut looking)
            .await
            .unwrap();
            // All 64 have had time to come, and those who wait for the same have had time to go and look, too.
            if seen >= 2_i64 && round >= 10 {
                break;
            }
            pause(50).await;
        }
        stop.rollback().await.unwrap();
        seen
    };
    let (answers, rebuilds) = tokio::join!(searches, counting);
    assert_eq!(rebuilds, 2, "one for each of the two providers");
    let distinct: BTreeSet<Vec<String>> = answers
        .iter()
        .map(|offers| offers.iter().map(|offer| offer.slot.as_ref().unwrap().slot_id.clone()).collect())
        .collect();
    assert_eq!((answers.len(), distinct.len()), (64, 1));
    assert_eq!(distinct.first().unwrap().len(), 4);
}
