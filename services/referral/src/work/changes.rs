//! Follows the service's own events, so that watchers hear of changes made by any replica.

use std::time::Duration;

use postgres::{Error, events};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use types::ids::OrganisationId;

use crate::app::App;

const BACKOFF: Duration = Duration::from_secs(1);

/// Runs until told to stop. A change it misses is noticed by the watchers' own look at their work list.
pub async fn run(app: App, shutdown: CancellationToken) {
    let _ = shutdown.run_until_cancelled(follow(&app)).await;
}

async fn follow(app: &App) {
    let mut position = None;
    loop {
        if let Err(error) = tell(app, &mut position).await {
            tracing::warn!(%error, "own events cannot be followed");
            sleep(BACKOFF).await;
        }
    }
}

/// Tells the organisations of the next events. Begins at the end of the feed: watchers begin with what there is.
async fn tell(app: &App, position: &mut Option<i64>) -> Result<(), Error> {
    let Some(after) = *position else {
        *position = Some(events::pull(&app.db, i64::MAX, 1, Duration::ZERO).await?.head_position);
        return Ok(());
    };
    let batch = events::pull(&app.db, after, events::BATCH_MAX, events::WAIT_MAX).await?;
    for event in batch.events {
        let organisation = |key: &str| event.data[key].as_str()?.parse::<OrganisationId>().ok();
        for of in ["from_organisation_id", "to_organisation_id"].into_iter().filter_map(organisation) {
            // Fails only where nobody watches.
            let _ = app.signals.changed.send(of);
        }
        *position = Some(event.position);
    }
    Ok(())
}
