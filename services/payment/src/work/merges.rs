//! Follows identity: who is merged into whom is kept, so that what a person has under one id counts under all.

use postgres::Database;
use postgres::aliases::{Actions, Merges};
use postgres::consumer::{self, Source};
use tokio_util::sync::CancellationToken;

const ALIASES: Actions = Actions { service: "payment", merge: "payment.alias.merge", unmerge: "payment.alias.unmerge" };

/// Runs until told to stop.
pub async fn run(db: Database, identity: impl Source, stop: CancellationToken) {
    consumer::run(db, identity, Merges(ALIASES), stop).await;
}
