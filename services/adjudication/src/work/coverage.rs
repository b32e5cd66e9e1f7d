//! Follows identity: where cover turns out to have been another (late 低保 status, enrolment, filing), the affected years are judged anew
//! as of the days of service.

use chassis::telemetry;
use chrono::NaiveDate;
use postgres::Scope;
use postgres::consumer::{self, Advanced, Failure, Handler, Inbox, Source};
use postgres::events::Event;
use tokio_util::sync::CancellationToken;
use types::ids::ResidentId;

use super::following::{self, failure, told};
use crate::app::App;

const CHANGED: &str = "anjia.identity.coverage.changed.v1";

/// Runs until told to stop.
pub async fn run(app: App, identity: impl Source, stop: CancellationToken) {
    Box::pin(consumer::run(app.db.clone(), identity, Coverage(app), stop)).await;
}

struct Coverage(App);

impl Handler for Coverage {
    const KINDS: &'static [&'static str] = &[CHANGED];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        if event.kind != CHANGED {
            return Ok(inbox.skip());
        }
        let span = following::span(&self.0, "follow a person's cover", event);
        telemetry::within(span, None, self.follow(event, inbox)).await
    }
}

impl Coverage {
    async fn follow(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let resident: ResidentId = told(event, "resident_id")?.parse().map_err(Failure::refused)?;
        let from: NaiveDate = told(event, "from")?.parse().map_err(Failure::refused)?;
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        self.0.follow_coverage(&mut tx, resident, from, telemetry::current_traceparent()).await.map_err(failure)?;
        Ok(inbox.commit(tx).await?)
    }
}
