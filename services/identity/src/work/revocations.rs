//! Learns what was revoked, here or by another replica, and tells whoever follows.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;

/// How late a revocation of another replica is known here.
const PERIOD: Duration = Duration::from_millis(250);

pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut is_behind = false;
    loop {
        match app.learn_revocations().await {
            Ok(()) => is_behind = false,
            Err(error) if !is_behind => {
                tracing::warn!(%error, "revocations could not be read");
                is_behind = true;
            }
            Err(_) => {}
        }
        let due = async {
            tokio::select! {
                () = app.revocations_due.notified() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
        };
        if stop.run_until_cancelled(due).await.is_none() {
            return;
        }
    }
}
