//! What finding somebody by their number costs among few and among many: by the index alone, so that it does not grow.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use postgres::Scope;
use proto::anjia::identity::v1::FindResidentRequest;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::figure::{Figure, Goal};
use super::population::{Population, REAL, home, indexed, number};
use super::progress;
use super::town::refused;

const FEW: u32 = 200_000;
const MANY: u32 = 2_000_000;
const ROUNDS: u32 = 5;
const PLANS: u32 = 50;
const INDEX: &str = "identifiers_number_index_key";
/// What identity itself asks; a test holds it against identity's source, of which this crate may know nothing else.
const HOLDER: &str = "SELECT resident_id FROM identifiers WHERE number_index = ANY ($1) AND withdrawn_at IS NULL";

/// Of one search.
struct Cost {
    /// Median, in microseconds, of whole calls.
    micros: Decimal,
    /// Pages the statement looks at.
    pages: Decimal,
}

pub(super) async fn measure(population: &mut Population) -> Result<[Figure; 3]> {
    population.grow(FEW).await?;
    let few = cost(population).await?;
    population.grow(MANY).await?;
    let many = cost(population).await?;
    let figure = |bench: &str, ours, reference, unit, goal| {
        let bench = bench.to_owned();
        Figure { bench, ours, reference, unit, goal }
    };
    let growth = (many.micros / few.micros).round_dp(3);
    Ok([
        figure("find", many.micros, Some(few.micros), "µs among 2 million, beside 0.2 million", None),
        figure(
            "find pages",
            many.pages,
            Some(few.pages),
            "pages read by the index",
            // Ten times as many are one more level of the tree, and not ten times its pages.
            Some(Goal::RatioAtMost(Decimal::new(15, 1))),
        ),
        figure(
            "find growth",
            growth,
            None,
            "times the cost among ten times as many",
            Some(Goal::AtMost(Decimal::new(15, 1))),
        ),
    ])
}

async fn cost(population: &Population) -> Result<Cost> {
    progress(&format!("finding among {}", population.size));
    let mut client = ResidentServiceClient::new(population.identity.clone());
    let mut micros = vec![];
    for round in 0..=ROUNDS {
        for place in 0..REAL {
            let message = FindResidentRequest {
                national_id: number(place)?.expose().to_owned(),
                ..FindResidentRequest::default()
            };
            // Kept by the credentials until it is about to lapse, which growing outlasts.
            let worker = population.worker.own().await.map_err(refused("ExchangeToken"))?;
            let begun_at = Instant::now();
            client.find_resident(worker.request(message)).await.map_err(refused("FindResident"))?;
            // The first round warms the caches.
            if round > 0 {
                micros.push(begun_at.elapsed().as_micros());
            }
        }
    }
    micros.sort_unstable();
    let median = micros.get(micros.len() / 2).copied().context("nothing was measured")?;
    Ok(Cost { micros: Decimal::from(u64::try_from(median)?), pages: pages(population).await? })
}

/// Pages one search reads on average, as the service's own role, and that it reads them by the index.
async fn pages(population: &Population) -> Result<Decimal> {
    let mut tx = population.db.begin(Scope::Region(home()?)).await?;
    let mut sum = 0;
    for place in (0..population.size).step_by(usize::try_from(population.size / PLANS)?) {
        let indexes = population.db.vault().blind_indexes("identifiers.number", &indexed(place)?)?;
        let explained = AssertSqlSafe(format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {HOLDER}"));
        let plan: Value = sqlx::query_scalar(explained).bind(indexes).fetch_one(&mut *tx).await?;
        let node = &plan[0]["Plan"];
        ensure!(node["Index Name"] == INDEX, "a search is not by the index: {plan}");
        ensure!(node["Actual Rows"].as_f64() == Some(1.0), "a search does not find one person: {plan}");
        let read = |what: &str| node[what].as_u64().unwrap_or_default();
        sum += read("Shared Hit Blocks") + read("Shared Read Blocks");
    }
    tx.commit().await?;
    Ok((Decimal::from(sum) / Decimal::from(PLANS)).round_dp(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_explained_is_what_identity_asks() {
        let store = include_str!("../../../identity/src/store/identifiers.rs");
        assert!(store.contains(&format!("\"{HOLDER}\"")), "identity asks otherwise: {HOLDER}");
    }
}
