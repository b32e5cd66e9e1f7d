//! Follows scheduling: an appointment that was confirmed gets its quote, and another one where it is moved, since place, day and fee may be
//! others then; an inpatient stay is kept while it is open.

use chassis::telemetry;
use postgres::Scope;
use postgres::consumer::{self, Advanced, Failure, Handler, Inbox};
use postgres::events::Event;
use tokio_util::sync::CancellationToken;
use types::care::CareKind;
use types::ids::{AppointmentId, ResidentId, VisitId};

use crate::app::App;
use crate::domain::error::AdjudicationError;

const CONFIRMED: &str = "anjia.scheduling.appointment.confirmed.v1";
const RESCHEDULED: &str = "anjia.scheduling.appointment.rescheduled.v1";
const VISIT_OPENED: &str = "anjia.scheduling.visit.opened.v1";
const VISIT_ENDED: &str = "anjia.scheduling.visit.ended.v1";

/// Runs until told to stop.
pub async fn run(app: App, stop: CancellationToken) {
    let source = app.scheduling.events();
    Box::pin(consumer::run(app.db.clone(), source, Quotes(app), stop)).await;
}

struct Quotes(App);

impl Handler for Quotes {
    const KINDS: &'static [&'static str] = &[CONFIRMED, RESCHEDULED, VISIT_OPENED, VISIT_ENDED];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let is_firm = event.kind == CONFIRMED || event.kind == RESCHEDULED;
        if !is_firm && !is_of_a_stay(event) {
            return Ok(inbox.skip());
        }
        let age = (self.0.clock.now() - event.occurred_at).to_std().unwrap_or_default();
        if is_firm {
            let span = telemetry::taking_in("quote an appointment", event, age);
            telemetry::within(span, None, self.quote(event, inbox)).await
        } else {
            let span = telemetry::taking_in("follow a stay", event, age);
            telemetry::within(span, None, self.follow_stay(event, inbox)).await
        }
    }
}

fn is_of_a_stay(event: &Event) -> bool {
    event.data["kind"].as_str() == Some(CareKind::Inpatient.as_str())
}

impl Quotes {
    async fn follow_stay(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let visit: VisitId = event.subject.parse().map_err(Failure::refused)?;
        let resident = event.data["resident_id"].as_str().unwrap_or_default();
        let resident: ResidentId = resident.parse().map_err(Failure::refused)?;
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        let has_ended = event.kind == VISIT_ENDED;
        // An admission may be reported after it happened.
        let opened_at = event.data["opened_at"].as_str().and_then(|text| text.parse().ok());
        let at = opened_at.filter(|_| !has_ended).unwrap_or(event.occurred_at);
        self.0.follow_stay(&mut tx, visit, resident, at, has_ended).await.map_err(failure)?;
        Ok(inbox.commit(tx).await?)
    }

    async fn quote(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let app = &self.0;
        let id: AppointmentId = event.subject.parse().map_err(Failure::refused)?;
        let (appointment, lines) = app.scheduling.appointment(event.region, id).await.map_err(failure)?;
        // Referral asked for its price with the care that it plans, before it confirmed; nobody else knows of that.
        if appointment.referral.is_some() || appointment.is_held {
            return Ok(inbox.skip());
        }
        let provider = app.identity.provider(appointment.provider, appointment.on);
        let coverage = app.identity.coverage(event.region, appointment.resident, appointment.on);
        let facts = tokio::try_join!(Box::pin(provider), Box::pin(coverage)).map_err(failure)?;
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        let parent = telemetry::current_traceparent();
        Box::pin(app.quote_appointment(&mut tx, &appointment, lines, &facts, parent)).await.map_err(failure)?;
        Ok(inbox.commit(tx).await?)
    }
}

/// A peer or the database that is away passes, and so does a token that ran out; everything else lies in the event.
fn failure(error: AdjudicationError) -> Failure {
    match error {
        AdjudicationError::PeerUnavailable { .. } | AdjudicationError::TokenExpired => Failure::not_now(error),
        AdjudicationError::Storage(cause) => cause.into(),
        error => Failure::refused(error),
    }
}
