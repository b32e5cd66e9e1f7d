//! Follows scheduling: an inpatient stay is kept while it is open. By itself, so that neither a rush of bookings nor a peer that their prices
//! wait for lets an open stay be judged late.

use chassis::telemetry;
use postgres::Scope;
use postgres::consumer::{self, Advanced, Failure, Handler, Inbox};
use postgres::events::Event;
use tokio_util::sync::CancellationToken;
use types::care::CareKind;
use types::ids::{ResidentId, VisitId};

use super::following::{self, failure};
use crate::app::App;

const OPENED: &str = "anjia.scheduling.visit.opened.v1";
const ENDED: &str = "anjia.scheduling.visit.ended.v1";

/// Runs until told to stop.
pub async fn run(app: App, stop: CancellationToken) {
    let source = app.scheduling.events("scheduling");
    Box::pin(consumer::run(app.db.clone(), source, Stays(app), stop)).await;
}

struct Stays(App);

impl Handler for Stays {
    const KINDS: &'static [&'static str] = &[OPENED, ENDED];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let is_of_a_stay = event.data["kind"].as_str() == Some(CareKind::Inpatient.as_str());
        if !is_of_a_stay || !Self::KINDS.contains(&event.kind.as_str()) {
            return Ok(inbox.skip());
        }
        let span = following::span(&self.0, "follow a stay", event);
        telemetry::within(span, None, self.follow(event, inbox)).await
    }
}

impl Stays {
    async fn follow(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let visit: VisitId = event.subject.parse().map_err(Failure::refused)?;
        let resident: ResidentId = following::told(event, "resident_id")?.parse().map_err(Failure::refused)?;
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        let has_ended = event.kind == ENDED;
        // An admission may be reported after it happened.
        let opened_at = event.data["opened_at"].as_str().and_then(|text| text.parse().ok());
        let at = opened_at.filter(|_| !has_ended).unwrap_or(event.occurred_at);
        self.0.follow_stay(&mut tx, visit, resident, at, has_ended).await.map_err(failure)?;
        Ok(inbox.commit(tx).await?)
    }
}
