//! Searches for care answered from the slot cache, beside empty calls of the same server.

use std::time::Duration;

use anyhow::{Result, ensure};
use chassis::Context;
use chassis::channel::Channel;
use proto::anjia::common::v1::{CareKind, Place};
use proto::anjia::scheduling::v1::SearchSlotsRequest;
use proto::anjia::scheduling::v1::session_service_client::SessionServiceClient;
use rust_decimal::Decimal;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::figure::{Figure, Pairs};
use super::progress;
use super::rate::{CALLERS, rate_for};
use super::town::{Resident, Town, refused};

const TURNS: usize = 5;
const MEASURED_FOR: Duration = Duration::from_secs(2);

pub(super) async fn measure(town: &Town) -> Result<Figure> {
    // Neither pays for connections, nor for the first reading.
    searches(town).await?;
    empty_calls(town).await?;
    let mut pairs = Pairs(vec![]);
    for turn in 0..TURNS {
        progress(&format!("searching, turn {} of {TURNS}", turn + 1));
        pairs.0.push((searches(town).await?, empty_calls(town).await?));
    }
    pairs.figure("search", "searches/s", Decimal::new(5, 1))
}

async fn searches(town: &Town) -> Result<Decimal> {
    let workers = town.residents.iter().take(CALLERS).map(|resident| {
        let (client, Resident { context, .. }) = (SessionServiceClient::new(town.scheduling.clone()), resident.clone());
        move |_| search(client.clone(), context.clone())
    });
    rate_for(MEASURED_FOR, workers.collect()).await
}

/// A page of the places of a week near by.
async fn search(mut client: SessionServiceClient<Channel>, context: Context) -> Result<bool> {
    let search = SearchSlotsRequest {
        near: Some(Place { latitude: 39.93, longitude: 116.35 }),
        radius_m: 5_000,
        kind: CareKind::Outpatient.into(),
        ..SearchSlotsRequest::default()
    };
    let found = client.search_slots(context.request(search)).await.map_err(refused("SearchSlots"))?.into_inner();
    ensure!(!found.offers.is_empty(), "a search that finds nothing");
    Ok(true)
}

async fn empty_calls(town: &Town) -> Result<Decimal> {
    let workers = (0..CALLERS).map(|_| {
        let client = HealthClient::new(town.scheduling.clone());
        move |_| empty_call(client.clone())
    });
    rate_for(MEASURED_FOR, workers.collect()).await
}

async fn empty_call(mut client: HealthClient<Channel>) -> Result<bool> {
    client.check(HealthCheckRequest::default()).await.map_err(refused("Check"))?;
    Ok(true)
}
