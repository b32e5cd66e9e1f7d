//! Follows identity: where cover turns out to have been another (late 低保 status, enrolment, filing), the affected years are judged anew
//! as of the days of service.

use chassis::telemetry;
use chrono::NaiveDate;
use postgres::Scope;
use postgres::consumer::{self, Advanced, Failure, Handler, Inbox, Source};
use postgres::events::Event;
use tokio_util::sync::CancellationToken;
use types::ids::ResidentId;

use crate::app::App;
use crate::domain::error::AdjudicationError;

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
        let age = (self.0.clock.now() - event.occurred_at).to_std().unwrap_or_default();
        let span = telemetry::taking_in("follow a person's cover", event, age);
        telemetry::within(span, None, self.follow(event, inbox)).await
    }
}

impl Coverage {
    async fn follow(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let told = |field: &'static str| {
            let text = event.data.get(field).and_then(serde_json::Value::as_str);
            text.ok_or_else(|| Failure::refused(format!("no {field}")))
        };
        let resident: ResidentId = told("resident_id")?.parse().map_err(Failure::refused)?;
        let from: NaiveDate = told("from")?.parse().map_err(Failure::refused)?;
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        let followed = self.0.follow_coverage(&mut tx, resident, from, telemetry::current_traceparent()).await;
        followed.map_err(|error| match error {
            AdjudicationError::Storage(cause) => cause.into(),
            error => Failure::refused(error),
        })?;
        Ok(inbox.commit(tx).await?)
    }
}
