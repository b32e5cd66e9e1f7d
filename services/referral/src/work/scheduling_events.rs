//! Takes in scheduling's events.

use postgres::{
    consumer::{self, Advanced, Failure, Handler, Inbox},
    events::Event,
};
use tokio_util::sync::CancellationToken;

use crate::app::{App, HEARD};

struct Follower(App);

impl Handler for Follower {
    const KINDS: &'static [&'static str] = &HEARD;

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        self.0.follow(event, inbox).await
    }
}

/// Runs until told to stop.
pub async fn run(app: App, shutdown: CancellationToken) {
    let (db, events) = (app.db.clone(), app.scheduling.events());
    Box::pin(consumer::run(db, events, Follower(app), shutdown)).await;
}
