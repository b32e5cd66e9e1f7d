//! Stored answers are kept for repetitions. Afterwards they only take room: the natural keys of the rows themselves outlive them.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{Database, Error, Scope};

/// How long a request may be repeated under its `request_id`.
pub const ANSWERS_KEPT_D: i32 = 30;

const LOOK_INTERVAL: Duration = Duration::from_hours(1);
/// Small enough to hold locks for a moment only.
const BATCH: i64 = 5000;

/// Forgets old answers until told to stop. Replicas may run it at once: what another has taken is gone.
pub async fn run(db: Database, shutdown: CancellationToken) {
    let _ = shutdown.run_until_cancelled(forget(&db)).await;
}

async fn forget(db: &Database) {
    loop {
        match forget_answers(db).await {
            Ok(0) => {}
            Ok(answers) => tracing::info!(answers, "old answers forgotten"),
            Err(error) => tracing::warn!(%error, "old answers could not be forgotten"),
        }
        sleep(LOOK_INTERVAL).await;
    }
}

/// Forgets what is older than [`ANSWERS_KEPT_D`] days and answers how many there were.
pub async fn forget_answers(db: &Database) -> Result<u64, Error> {
    let mut forgotten = 0;
    loop {
        let mut tx = db.begin(Scope::Worker).await?;
        let batch = sqlx::query(
            "DELETE FROM requests WHERE ctid = ANY (ARRAY( \
                 SELECT ctid FROM requests WHERE created_at < now() - make_interval(days => $1) \
                 LIMIT $2))",
        )
        .bind(ANSWERS_KEPT_D)
        .bind(BATCH)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        tx.commit().await?;
        forgotten += batch;
        if batch == 0 {
            return Ok(forgotten);
        }
    }
}
