//! What pulling any feed in identity's own name needs.

use std::time::Duration;

use anyhow::Context as _;
use chassis::{Context, feed};
use postgres::consumer::Pulled;
use proto::anjia::common::v1::EventBatch;

use crate::app::App;

/// A pull may take this much longer than it waits for an event.
const ANSWER_MAX: Duration = Duration::from_secs(5);

pub(super) fn own(app: &App, wait: Duration) -> anyhow::Result<Context> {
    let context = app.own_context().context("no token of our own")?;
    Ok(context.with_call_limit(wait + ANSWER_MAX))
}

pub(super) fn events(batch: Option<EventBatch>) -> anyhow::Result<Pulled> {
    Ok(feed::from_wire(batch.unwrap_or_default())?)
}
