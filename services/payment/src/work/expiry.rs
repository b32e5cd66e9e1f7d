//! Cancels bills whose reservation has expired, so that nobody's credit stays held for nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// An expired reservation is free again this soon.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let _ = stop.run_until_cancelled(look(&app)).await;
}

async fn look(app: &App) {
    loop {
        match app.cancel_expired().await {
            Ok(0) => sleep(LOOK_INTERVAL).await,
            // There may be more than one round takes on.
            Ok(cancelled) => tracing::info!(cancelled, "expired bills cancelled"),
            Err(error) => {
                tracing::warn!(%error, "expired bills were not cancelled");
                sleep(LOOK_INTERVAL).await;
            }
        }
    }
}
