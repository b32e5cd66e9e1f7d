//! Frees holds that have run out, whether or not anybody wants their places.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::Scheduling;

/// A hold is freed at most this long after its end, and well within 5 s when a round fails.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

pub async fn run(scheduling: Scheduling, shutdown: CancellationToken) {
    let rounds = async {
        loop {
            match scheduling.expire_due().await {
                Ok(true) => {}
                Ok(false) => sleep(LOOK_INTERVAL).await,
                Err(error) => {
                    tracing::warn!(%error, "holds that have run out are not freed now");
                    sleep(LOOK_INTERVAL).await;
                }
            }
        }
    };
    // A round in the middle of its transaction is rolled back; the holds are found again.
    let _: Option<()> = shutdown.run_until_cancelled(rounds).await;
}
