//! Forgets client assertions once nobody would accept them any more.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;

const PERIOD: Duration = Duration::from_mins(1);

/// Every replica sweeps; the second one finds nothing.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(PERIOD);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        match app.forget_assertions().await {
            Ok(0) => {}
            Ok(forgotten) => tracing::debug!(forgotten, "assertions forgotten"),
            Err(error) => tracing::warn!(%error, "assertions could not be forgotten"),
        }
    }
}
