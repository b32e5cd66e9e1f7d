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
            Ok(0) => {}
            Ok(due) => tracing::info!(due, "bills have expired"),
            Err(error) => tracing::warn!(%error, "expired bills cannot be looked for"),
        }
        sleep(LOOK_INTERVAL).await;
    }
}
