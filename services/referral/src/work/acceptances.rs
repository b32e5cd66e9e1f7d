//! Drives acceptance sagas: those begun here at once, those of others when they are due.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;

/// How soon a saga whose pause is over, or whose driver died, is noticed.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Sagas running at once by one replica.
const DRIVEN_MAX: usize = 32;

/// Runs until told to stop, then lets the calls under way end: whatever is left is taken over by another replica.
pub async fn run(app: App, shutdown: CancellationToken) {
    let driver = Uuid::now_v7();
    let mut running = JoinSet::new();
    while !shutdown.is_cancelled() {
        let free = DRIVEN_MAX.saturating_sub(running.len());
        match app.claim_acceptances(driver, i64::try_from(free).unwrap_or_default()).await {
            Ok(claims) => {
                for claim in claims {
                    let app = app.clone();
                    running.spawn(async move {
                        if let Err(error) = app.drive_acceptance(claim).await {
                            // Its lease runs out, and it is running again.
                            tracing::warn!(saga = %claim.saga, %error, "an acceptance was interrupted");
                        }
                    });
                }
            }
            Err(error) => tracing::warn!(%error, "acceptances cannot be looked for"),
        }
        let look_at = Instant::now() + LOOK_INTERVAL;
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = app.signals.accepted.notified(), if running.len() < DRIVEN_MAX => {}
            () = sleep_until(look_at) => {}
            Some(_) = running.join_next() => {}
        }
    }
    while running.join_next().await.is_some() {}
}
