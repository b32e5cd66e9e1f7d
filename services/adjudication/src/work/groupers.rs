//! Takes up grouping tables that are new or changed, without a restart.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::Groupers;

const EVERY: Duration = Duration::from_secs(10);

/// Runs until told to stop.
pub async fn run(groupers: Arc<Groupers>, stop: CancellationToken) {
    let mut told = Vec::new();
    loop {
        told = refresh(groupers.clone(), &told).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Refreshes once, and tells what was refused unless it was told before; answers what is refused now.
pub async fn refresh(groupers: Arc<Groupers>, told: &[String]) -> Vec<String> {
    let refreshed = tokio::task::spawn_blocking(move || groupers.refresh()).await;
    let refused: Vec<String> = refreshed.unwrap_or_default().iter().map(ToString::to_string).collect();
    for why in refused.iter().filter(|why| !told.contains(why)) {
        tracing::warn!(why, "grouping tables are not taken up");
    }
    refused
}
