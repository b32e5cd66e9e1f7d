//! Calls missed what ended three days ago and of which nobody has said whether the patient came.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::Scheduling;

/// It is days late already.
const LOOK_INTERVAL: Duration = Duration::from_mins(1);

pub async fn run(scheduling: Scheduling, shutdown: CancellationToken) {
    let rounds = async {
        loop {
            match scheduling.miss_unanswered().await {
                Ok(true) => {}
                Ok(false) => sleep(LOOK_INTERVAL).await,
                Err(error) => {
                    tracing::warn!(%error, "appointments that nobody answered for are not called missed now");
                    sleep(LOOK_INTERVAL).await;
                }
            }
        }
    };
    let _: Option<()> = shutdown.run_until_cancelled(rounds).await;
}
