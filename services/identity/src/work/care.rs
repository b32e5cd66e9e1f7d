//! Follows scheduling's and referral's events: who cares for whom.

use std::sync::Arc;

use postgres::consumer::{self, Advanced, Failure, Handler, Inbox, Source};
use postgres::events::Event;
use tokio_util::sync::CancellationToken;

use crate::app::App;

struct Follower(Arc<App>);

impl Handler for Follower {
    const KINDS: &'static [&'static str] = &["anjia.scheduling.visit.", "anjia.referral.referral."];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        self.0.follow_care(event, inbox).await
    }
}

/// Runs until told to stop. Every replica may: the cursor is the inbox.
pub async fn run<S: Source>(app: Arc<App>, source: S, stop: CancellationToken) {
    consumer::run(app.db.clone(), source, Follower(app), stop).await;
}
