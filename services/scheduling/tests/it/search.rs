use chrono::TimeDelta;
use proto::anjia::{
    common::v1::{CareKind, Place, Tier},
    scheduling::v1::{Pool, SearchSlotsRequest, SlotOffer},
};
use testkit::callers;
use tonic::Code;
use types::clock::local_date;

use crate::town::{HOME, Town, field, now, pause, session};

pub(crate) fn query() -> SearchSlotsRequest {
    SearchSlotsRequest { near: Some(HOME), kind: CareKind::Outpatient.into(), ..Default::default() }
}

pub(crate) async fn search(town: &Town, request: SearchSlotsRequest) -> Vec<SlotOffer> {
    town.sessions().search_slots(town.resident.request(request).await).await.unwrap().into_inner().offers
}

pub(crate) fn ids(offers: &[SlotOffer]) -> Vec<String> {
    offers.iter().map(|offer| offer.slot.as_ref().unwrap().slot_id.clone()).collect()
}

/// A town with two slots at each provider; the answer is theirs in the best order.
async fn furnished() -> (Town, Vec<String>) {
    let town = Town::new().await;
    let starts_at = now() + TimeDelta::hours(2);
    let pools = [(Pool::Public, 2), (Pool::Referral, 1)];
    let hospital = town.publish(&town.hospital, vec![session(callers::HOSPITAL, starts_at, 2, &pools)]).await.unwrap();
    let clinic = town.clinic_slots(starts_at, 2, 2).await;
    let best_first = clinic.iter().chain(&hospital).map(|slot| slot.slot_id.clone()).collect();
    (town, best_first)
}

#[tokio::test]
async fn sc_03_the_lowest_suitable_tier_comes_first_with_distance_and_reason() {
    let (town, best_first) = furnished().await;
    let offers = search(&town, query()).await;
    assert_eq!(ids(&offers), best_first);
    let tiers: Vec<Tier> = offers.iter().map(SlotOffer::tier).collect();
    assert_eq!(tiers, [Tier::Community, Tier::Community, Tier::Tertiary, Tier::Tertiary]);
    assert_eq!((offers[0].distance_m, offers[2].distance_m), (140, 222));
    assert_eq!(offers[0].free_places, 2);
    let reason = offers[0].reason.as_ref().unwrap();
    assert!(reason.zh.contains("140 米") && reason.en.contains("140 m"), "{reason:?}");

    // From the cache it is the same.
    pause(300).await;
    assert_eq!(search(&town, query()).await, offers);
    assert_eq!(ids(&search(&town, SearchSlotsRequest { limit: 1, ..query() }).await), best_first[..1]);
    let referral = SearchSlotsRequest { pool: Pool::Referral.into(), ..query() };
    assert_eq!(ids(&search(&town, referral).await), best_first[2..]);
    let tertiary = SearchSlotsRequest { tier: Tier::Tertiary.into(), ..query() };
    assert_eq!(ids(&search(&town, tertiary).await), best_first[2..]);
    let near = SearchSlotsRequest { radius_m: 200, ..query() };
    assert_eq!(ids(&search(&town, near).await), best_first[..2]);
    let ward = SearchSlotsRequest { kind: CareKind::Inpatient.into(), ..query() };
    assert!(search(&town, ward).await.is_empty());
}

#[tokio::test]
async fn sc_03_offers_are_read_page_by_page_and_a_token_is_for_its_query_alone() {
    let (town, best_first) = furnished().await;
    let page = async |query: SearchSlotsRequest| {
        town.sessions().search_slots(town.resident.request(query).await).await.map(tonic::Response::into_inner)
    };
    let (mut found, mut page_token) = (vec![], String::new());
    loop {
        let answer = page(SearchSlotsRequest { limit: 1, page_token, ..query() }).await.unwrap();
        found.extend(ids(&answer.offers));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, best_first);
    let token = page(SearchSlotsRequest { limit: 1, ..query() }).await.unwrap().next_page_token;
    let larger = page(SearchSlotsRequest { limit: 50, page_token: token.clone(), ..query() }).await.unwrap();
    assert_eq!(ids(&larger.offers), best_first[1..]);
    let other = SearchSlotsRequest { radius_m: 500, page_token: token, ..query() };
    let refusal = page(other).await.unwrap_err();
    assert_eq!((refusal.code(), field(&refusal).as_str()), (Code::InvalidArgument, "page_token"));
}

#[tokio::test]
async fn sc_03_a_taken_place_is_gone_within_a_second() {
    let (town, best_first) = furnished().await;
    search(&town, query()).await;
    let slot = search(&town, query()).await.remove(0).slot.unwrap();
    let held = town.hold(&slot).await.unwrap();
    pause(1_000).await;
    assert_eq!(search(&town, query()).await[0].free_places, 1);
    assert_eq!(held.slot.unwrap().slot_id, best_first[0]);
}

#[tokio::test]
async fn sc_03_f10_a_wiped_redis_changes_no_answer() {
    let (mut town, best_first) = furnished().await;
    for _ in 0..5 {
        assert_eq!(ids(&search(&town, query()).await), best_first);
        town.mesh.redis().wipe().await.unwrap();
        assert_eq!(ids(&search(&town, query()).await), best_first);
        pause(250).await;
    }
}

#[tokio::test]
async fn sc_03_days_out_of_the_cache_and_out_of_the_database_are_in_order() {
    let mut town = Town::new().await;
    let (first, next) = (now() + TimeDelta::hours(2), now() + TimeDelta::hours(26));
    let later = town.clinic_slots(next, 3, 2).await;
    let sooner = town.clinic_slots(first, 3, 2).await;
    let in_order: Vec<String> = sooner.iter().chain(&later).map(|slot| slot.slot_id.clone()).collect();
    assert_eq!(ids(&search(&town, query()).await), in_order);
    // The copy within the process is over; of the two days in Redis the first is gone.
    pause(250).await;
    let mut redis = redis::Client::open(town.mesh.redis().url()).unwrap().get_connection().unwrap();
    let first_day: Vec<String> =
        redis::cmd("KEYS").arg(format!("*:day:*:{}", local_date(first))).query(&mut redis).unwrap();
    assert!(!first_day.is_empty());
    redis::cmd("DEL").arg(first_day).exec(&mut redis).unwrap();
    assert_eq!(ids(&search(&town, SearchSlotsRequest { limit: 2, ..query() }).await), in_order[..2]);
}

#[tokio::test]
async fn sc_03_f9_search_and_booking_go_on_without_redis() {
    let (mut town, best_first) = furnished().await;
    assert_eq!(ids(&search(&town, query()).await), best_first);
    town.mesh.redis().kill();
    let offers = search(&town, query()).await;
    assert_eq!(ids(&offers), best_first);
    let booked = town.booked(offers[0].slot.as_ref().unwrap()).await;
    pause(1_000).await;
    assert_eq!(search(&town, query()).await[0].free_places, 1);

    // Redis is away at a start-up, too.
    town.mesh.kill("scheduling");
    town.mesh.start_again("scheduling").await;
    assert_eq!(ids(&search(&town, query()).await), best_first);
    town.mesh.redis().restart().await.unwrap();
    pause(1_500).await;
    assert_eq!(ids(&search(&town, query()).await), best_first);
    assert!(town.get(&town.resident, &booked.appointment_id).await.is_ok());
    town.assert_sound().await;
}

#[tokio::test]
async fn sc_03_f11_a_stalled_redis_slows_no_search() {
    let (mut town, best_first) = furnished().await;
    assert_eq!(ids(&search(&town, query()).await), best_first);
    town.mesh.redis().stall();
    let begun = std::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(ids(&search(&town, query()).await), best_first);
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    town.mesh.redis().resume();
}

#[tokio::test]
async fn sc_03_a_malformed_search_names_its_field() {
    let town = Town::new().await;
    let place = |latitude, longitude| Some(proto::anjia::common::v1::Place { latitude, longitude });
    let soon = |days| Some(proto::convert::to_timestamp(now() + TimeDelta::days(days)));
    let cases = [
        ("near", SearchSlotsRequest { near: None, ..query() }),
        ("near.latitude", SearchSlotsRequest { near: place(91.0, 0.0), ..query() }),
        ("near.longitude", SearchSlotsRequest { near: place(0.0, f64::NAN), ..query() }),
        ("kind", SearchSlotsRequest { kind: 0, ..query() }),
        ("tier", SearchSlotsRequest { tier: 9, ..query() }),
        ("pool", SearchSlotsRequest { pool: 9, ..query() }),
        ("radius_m", SearchSlotsRequest { radius_m: 99, ..query() }),
        ("radius_m", SearchSlotsRequest { radius_m: 100_001, ..query() }),
        ("limit", SearchSlotsRequest { limit: 101, ..query() }),
        ("until", SearchSlotsRequest { until: soon(-1), ..query() }),
        ("until", SearchSlotsRequest { until: soon(31), ..query() }),
        ("practitioner_id", SearchSlotsRequest { practitioner_id: "x".to_owned(), ..query() }),
        ("capability", SearchSlotsRequest { capability: "FEVER".to_owned(), ..query() }),
        ("capability", SearchSlotsRequest { capability: "I25.103456789012".to_owned(), ..query() }),
    ];
    for (expected, request) in cases {
        let refusal = town.sessions().search_slots(town.resident.request(request).await).await.unwrap_err();
        assert_eq!((refusal.code(), field(&refusal).as_str()), (Code::InvalidArgument, expected));
    }
}

#[tokio::test]
async fn sc_03_a_search_at_the_pole_does_not_take_the_cache_from_others() {
    let (town, best_first) = furnished().await;
    assert_eq!(ids(&search(&town, query()).await), best_first);
    let pole = SearchSlotsRequest { near: Some(Place { latitude: 89.0, longitude: 116.0 }), ..query() };
    assert!(search(&town, pole).await.is_empty());
    assert!(!town.mesh.log("scheduling").contains("slot cache is away"), "{}", town.mesh.log("scheduling"));
}
