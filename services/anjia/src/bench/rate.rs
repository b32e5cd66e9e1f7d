//! How often something can be done a second, by several at once.

use std::time::{Duration, Instant};

use anyhow::Result;
use rust_decimal::Decimal;
use tokio::task::JoinSet;

/// As many callers at once; more than cores, so that waiting for the disk is not idleness.
pub(super) const CALLERS: usize = 16;
const MEASURED_FOR: Duration = Duration::from_secs(5);

/// Runs each worker again and again, side by side; answers how often a second they came through altogether.
///
/// A worker is told how often it has run. One that answers false has nothing left to do. The first failure ends the measurement.
pub(super) async fn rate<W, F>(workers: Vec<W>) -> Result<Decimal>
where
    W: Fn(usize) -> F + Send + 'static,
    F: Future<Output = Result<bool>> + Send + 'static,
{
    rate_for(MEASURED_FOR, workers).await
}

/// As [`rate`], for so long.
pub(super) async fn rate_for<W, F>(measured_for: Duration, workers: Vec<W>) -> Result<Decimal>
where
    W: Fn(usize) -> F + Send + 'static,
    F: Future<Output = Result<bool>> + Send + 'static,
{
    let begun_at = Instant::now();
    let mut running = JoinSet::new();
    for work in workers {
        running.spawn(async move {
            let mut times = 0;
            while begun_at.elapsed() < measured_for && work(times).await? {
                times += 1;
            }
            anyhow::Ok(times)
        });
    }
    let mut times = 0;
    while let Some(outcome) = running.join_next().await {
        times += outcome??;
    }
    let millis = Decimal::from(begun_at.elapsed().as_millis().max(1));
    Ok((Decimal::from(times * 1000) / millis).round_dp(1))
}
