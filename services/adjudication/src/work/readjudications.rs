//! Judges years anew: those that were asked for, and those whose owner died when their lease has ended.

use std::time::Duration;

use chassis::telemetry;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::readjudication::Readjudication;

/// How soon one that was asked for, or that another replica left behind, is noticed.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
const AT_ONCE: i64 = 8;

/// Runs until told to stop.
pub async fn run(app: App, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let taken = app.take_readjudications(AT_ONCE).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "readjudications could not be looked for");
            Vec::new()
        });
        let is_full = i64::try_from(taken.len()).is_ok_and(|taken| taken == AT_ONCE);
        for readjudication in taken {
            work(&app, &readjudication).await;
        }
        if !is_full {
            // Until the stop, or a while has passed.
            let _ = timeout(LOOK_INTERVAL, stop.cancelled()).await;
        }
    }
}

async fn work(app: &App, readjudication: &Readjudication) {
    let age = (app.clock.now() - readjudication.requested_at).to_std().unwrap_or_default();
    let span = telemetry::resume("adjudication.readjudicate", readjudication.traceparent.as_deref(), age);
    if let Err(error) = telemetry::within(span, None, Box::pin(app.run_readjudication(readjudication))).await {
        tracing::warn!(readjudication = %readjudication.id, %error, "readjudication left to whoever takes it over");
    }
}
