//! Runs captures: those of this process at once, those whose owner died when their lease has ended.

use std::sync::Arc;
use std::time::Duration;

use chassis::telemetry;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::capture::Capture;

/// How soon a capture that waited, or that another replica left behind, is noticed.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Captures worked on at once; each needs a connection only now and then.
const AT_ONCE: usize = 16;

pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        while running.try_join_next().is_some() {}
        let room = AT_ONCE.saturating_sub(running.len());
        match app.take_captures(i64::try_from(room).unwrap_or_default()).await {
            Ok(taken) => {
                for capture in taken {
                    running.spawn(work(Arc::clone(&app), capture));
                }
            }
            Err(error) => tracing::warn!(%error, "captures could not be looked for"),
        }
        // Woken by a new capture, by the end of one that made room, by the stop; else it looks again after a while.
        let _ = stop
            .run_until_cancelled(timeout(LOOK_INTERVAL, async {
                tokio::select! {
                    () = app.captures_due.notified() => {}
                    Some(_) = running.join_next(), if running.len() >= AT_ONCE => {}
                }
            }))
            .await;
    }
    // What is under way is finished: its next step is seconds at most, and a lease left behind costs its bill a wait.
    while running.join_next().await.is_some() {}
}

async fn work(app: Arc<App>, capture: Capture) {
    let age = (app.clock.now() - capture.begun_at).to_std().unwrap_or_default();
    let span = telemetry::resume("payment.capture", capture.traceparent.as_deref(), age);
    let (id, journey) = (capture.id, capture.journey);
    if let Err(error) = telemetry::within(span, journey, Box::pin(app.run_capture(capture))).await {
        tracing::warn!(capture = %id, %error, "capture left to whoever takes it over");
    }
}
