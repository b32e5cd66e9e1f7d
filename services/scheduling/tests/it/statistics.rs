//! How places are used, and how many will be wanted.

use std::time::{Duration, Instant};

use chrono::{Days, TimeDelta};
use proto::anjia::scheduling::v1::{
    ForecastDemandRequest, ForecastDemandResponse, ForecastError, ForecastMethod, GetUtilisationRequest,
    HoldSlotRequest, JoinWaitListRequest, Slot, UtilisationDay, WaitListState,
    statistics_service_client::StatisticsServiceClient,
};
use proto::convert::{to_date, to_timestamp};
use testkit::{TestCaller, callers, reason};
use tonic::{Code, Status};
use types::clock::{local_date, start_of_local_day};

use crate::queue::{call, comes, next, walk_in};
use crate::town::{Town, field, hold, now, pause};
use crate::waiting::{client, listed, wish};

async fn used(town: &Town, caller: &TestCaller) -> Result<Vec<UtilisationDay>, Status> {
    let today = local_date(now());
    let request = GetUtilisationRequest {
        provider_organisation_id: callers::CLINIC.to_string(),
        department_id: String::new(),
        from: Some(to_date(today)),
        until: Some(to_date(today + Days::new(1))),
    };
    let mut client = StatisticsServiceClient::new(town.mesh.channel("scheduling"));
    Ok(client.get_utilisation(caller.request(request).await).await?.into_inner().days)
}

async fn forecast(town: &Town, caller: &TestCaller, days: i32) -> Result<ForecastDemandResponse, Status> {
    let request = ForecastDemandRequest {
        provider_organisation_id: callers::CLINIC.to_string(),
        department_id: String::new(),
        days,
    };
    let mut client = StatisticsServiceClient::new(town.mesh.channel("scheduling"));
    Ok(client.forecast_demand(caller.request(request).await).await?.into_inner())
}

/// Counts of today and tomorrow, once so many were refused, which is written down every few seconds.
async fn refused(town: &Town, least: i32) -> Vec<UtilisationDay> {
    let begun_at = Instant::now();
    loop {
        let days = used(town, &town.clinic).await.unwrap();
        if days.iter().map(|day| day.refused).sum::<i32>() >= least {
            return days;
        }
        assert!(begun_at.elapsed() < Duration::from_secs(30), "{days:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn sc_13_places_visits_refusals_and_waits_are_counted_by_day() {
    let town = Town::new().await;
    // Both tomorrow at noon.
    let noon = start_of_local_day(local_date(now())) + TimeDelta::hours(36);
    let slots = town.clinic_slots(noon, 2, 1).await;
    town.booked(&slots[0]).await;
    let (early, early_id) = town.newcomer("early").await;
    let wants = |id: &str, slot: &Slot| HoldSlotRequest { resident_id: id.to_owned(), ..hold(slot) };
    let held = town.hold_as(&early, wants(&early_id, &slots[1])).await.unwrap();
    town.confirm(&early, &held.appointment_id).await.unwrap();
    let is_refused = async |caller: &TestCaller, id: &str, slot: &Slot| {
        assert_eq!(reason(&town.hold_as(caller, wants(id, slot)).await.unwrap_err()), "SLOT_TAKEN");
    };
    let (late, late_id) = town.newcomer("late").await;
    is_refused(&late, &late_id, &slots[0]).await;
    comes(&town, walk_in(&late_id, "")).await.unwrap();
    call(&town, next("")).await.unwrap();
    let days = refused(&town, 1).await;
    let sum = |of: fn(&UtilisationDay) -> i32| days.iter().map(of).sum::<i32>();
    let counted = [
        sum(|day| day.places),
        sum(|day| day.given),
        sum(|day| day.walk_ins),
        sum(|day| day.called),
        sum(|day| day.kept),
    ];
    assert_eq!(counted, [2, 2, 1, 1, 0]);

    // Who goes on asking, for whichever slot of the day, is one person who wants a place.
    for slot in [&slots[0], &slots[1], &slots[0]] {
        is_refused(&late, &late_id, slot).await;
    }
    let (second, second_id) = town.newcomer("second").await;
    is_refused(&second, &second_id, &slots[0]).await;
    assert_eq!(refused(&town, 2).await.iter().map(|day| day.refused).collect::<Vec<_>>(), [0, 2]);

    assert_eq!(used(&town, &town.mesh.caller("operator")).await.unwrap().len(), 2);
    let foreign = used(&town, &town.hospital).await.unwrap_err();
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
}

#[tokio::test]
async fn sc_13_who_waited_in_vain_counts_when_they_join_again_too() {
    let town = Town::new().await;
    let (caller, resident) = town.newcomer("patient").await;
    let join = async |request: JoinWaitListRequest| {
        client(&town).join_wait_list(caller.request(request).await).await.unwrap();
    };
    join(wish(&resident, now() + TimeDelta::seconds(2))).await;
    while listed(&town, &caller, &resident).await.state() != WaitListState::Lapsed {
        pause(100).await;
    }
    let tomorrow = start_of_local_day(local_date(now())) + TimeDelta::hours(36);
    let later = wish(&resident, tomorrow + TimeDelta::days(1));
    join(JoinWaitListRequest { from: Some(to_timestamp(tomorrow)), ..later }).await;
    let waiting: Vec<i32> = used(&town, &town.clinic).await.unwrap().iter().map(|day| day.waiting).collect();
    assert_eq!(waiting, [1, 1]);
}

#[tokio::test]
async fn sc_13_demand_is_forecast_from_history_and_judged_on_past_weeks() {
    let town = Town::new().await;
    let refused = forecast(&town, &town.clinic, 14).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "HISTORY_TOO_SHORT"));
    assert_eq!(field(&forecast(&town, &town.clinic, 61).await.unwrap_err()), "days");

    // Twenty weeks of walk-ins: six times as many on a Monday as on a Sunday.
    let today = local_date(now());
    let mut owner = town.mesh.owner("scheduling").await;
    for ago in 1..=140_u64 {
        let day = today - Days::new(ago);
        let weekday = i64::from(chrono::Datelike::weekday(&day).num_days_from_monday());
        let opened_at = start_of_local_day(day) + TimeDelta::hours(9);
        sqlx::query(
            "INSERT INTO visits (id, region, resident_id, organisation_id, tier, kind, journey_id, present, identity_proof, checked_in_by, \
                 opened_at, state, ended_at, outcome) \
             SELECT gen_random_uuid(), '110000', gen_random_uuid(), $1, 'COMMUNITY', 'OUTPATIENT', gen_random_uuid(), 'SELF', 'NONE', \
                 'client:desk', $2, 'ENDED', $2, 'COMPLETED' FROM generate_series(1, $3)",
        )
        .bind(callers::CLINIC)
        .bind(opened_at)
        .bind(30 - 4 * weekday + i64::try_from(ago % 3).unwrap())
        .execute(&mut owner)
        .await
        .unwrap();
    }
    let slots = town.clinic_slots(now() + TimeDelta::hours(30), 2, 3).await;
    let told = forecast(&town, &town.clinic, 0).await.unwrap();
    assert_eq!((told.days.len(), told.history_days, told.judged_days), (14, 140, 14));
    let methods: Vec<ForecastMethod> = told.errors.iter().map(ForecastError::method).collect();
    assert_eq!(methods, [ForecastMethod::SeasonalNaive, ForecastMethod::Weekly]);
    for error in &told.errors {
        let (mae, wape): (f64, f64) = (error.mae.parse().unwrap(), error.wape.parse().unwrap());
        assert!((0.0..4.0).contains(&mae) && (0.0..0.3).contains(&wape), "{error:?}");
    }
    assert_eq!(told.days.iter().map(|day| day.planned_places).sum::<i32>(), 6, "{slots:?}");
    let expected: Vec<f64> = told.days.iter().map(|day| day.expected.parse().unwrap()).collect();
    let (most, least) =
        (expected.iter().copied().fold(0.0, f64::max), expected.iter().copied().fold(f64::MAX, f64::min));
    assert!(most > 3.0 * least, "the week shows: {expected:?}");
    for (day, expected) in told.days.iter().zip(&expected) {
        assert!(f64::from(day.suggested_places) >= expected.floor(), "{day:?}");
    }
}
