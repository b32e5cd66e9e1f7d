//! Follows referral: who was sent where, by whom and when. Policies ask whether a person came by referral, from their own clinic, and lately.

use chassis::telemetry;
use postgres::Scope;
use postgres::consumer::{self, Advanced, Failure, Handler, Inbox, Source};
use postgres::events::Event;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Made};
use crate::domain::error::AdjudicationError;

const SUBMITTED: &str = "anjia.referral.referral.submitted.v1";

/// Runs until told to stop.
pub async fn run(app: App, referral: impl Source, stop: CancellationToken) {
    Box::pin(consumer::run(app.db.clone(), referral, Referrals(app), stop)).await;
}

struct Referrals(App);

impl Handler for Referrals {
    const KINDS: &'static [&'static str] = &[SUBMITTED];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        if event.kind != SUBMITTED {
            return Ok(inbox.skip());
        }
        let age = (self.0.clock.now() - event.occurred_at).to_std().unwrap_or_default();
        let span = telemetry::taking_in("follow a referral", event, age);
        telemetry::within(span, None, self.follow(event, inbox)).await
    }
}

impl Referrals {
    async fn follow(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let told = |field: &'static str| {
            let text = event.data.get(field).and_then(serde_json::Value::as_str);
            text.ok_or_else(|| Failure::refused(format!("no {field}")))
        };
        let made = Made {
            id: event.subject.parse().map_err(Failure::refused)?,
            resident: told("resident_id")?.parse().map_err(Failure::refused)?,
            referrer: told("from_organisation_id")?.parse().map_err(Failure::refused)?,
            target: told("to_organisation_id")?.parse().map_err(Failure::refused)?,
            at: event.occurred_at,
        };
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        self.0.follow_referral(&mut tx, &made).await.map_err(|error| match error {
            AdjudicationError::Storage(cause) => cause.into(),
            error => Failure::refused(error),
        })?;
        Ok(inbox.commit(tx).await?)
    }
}
