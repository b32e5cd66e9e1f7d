//! Follows referral: who was sent where, by whom and when. Policies ask whether a person came by referral, from their own clinic, and lately.

use chassis::telemetry;
use postgres::Scope;
use postgres::consumer::{self, Advanced, Failure, Handler, Inbox, Source};
use postgres::events::Event;
use tokio_util::sync::CancellationToken;

use super::following::{self, failure, told};
use crate::app::{App, Made};

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
        let span = following::span(&self.0, "follow a referral", event);
        telemetry::within(span, None, self.follow(event, inbox)).await
    }
}

impl Referrals {
    async fn follow(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let made = Made {
            id: event.subject.parse().map_err(Failure::refused)?,
            resident: told(event, "resident_id")?.parse().map_err(Failure::refused)?,
            referrer: told(event, "from_organisation_id")?.parse().map_err(Failure::refused)?,
            target: told(event, "to_organisation_id")?.parse().map_err(Failure::refused)?,
            at: event.occurred_at,
        };
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        self.0.follow_referral(&mut tx, &made).await.map_err(failure)?;
        Ok(inbox.commit(tx).await?)
    }
}
