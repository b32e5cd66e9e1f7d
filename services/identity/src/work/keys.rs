//! Notices keys that were added to, or removed from, the folder of those that sign tokens.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;

const PERIOD: Duration = Duration::from_secs(1);

pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut is_wrong = false;
    while stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_some() {
        match app.signer.reload(app.clock.now()) {
            Ok(has_changed) => {
                is_wrong = false;
                if has_changed {
                    let ids: Vec<String> = app.signer.published().into_iter().map(|key| key.key_id).collect();
                    tracing::info!(keys = ids.join(" "), "token keys have changed");
                }
            }
            Err(error) if !is_wrong => {
                // Those known go on signing.
                tracing::error!(%error, "token keys cannot be read");
                is_wrong = true;
            }
            Err(_) => {}
        }
    }
}
