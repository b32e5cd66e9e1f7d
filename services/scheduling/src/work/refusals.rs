//! Writes down how many were refused a place.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::Scheduling;

const INTERVAL: Duration = Duration::from_secs(5);

pub async fn run(scheduling: Scheduling, shutdown: CancellationToken) {
    loop {
        let is_told = shutdown.run_until_cancelled(sleep(INTERVAL)).await.is_none();
        // What cannot be written now is not counted: statistics do not make anybody wait.
        if let Err(error) = scheduling.write_refusals().await {
            tracing::warn!(%error, "refusals are not counted now");
        }
        if is_told {
            return;
        }
    }
}
