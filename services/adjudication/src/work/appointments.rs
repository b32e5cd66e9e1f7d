//! Follows scheduling: an appointment that was confirmed gets its quote, and another one where it is moved, since place, day and fee may be
//! others then.

use chassis::telemetry;
use postgres::consumer::{self, Advanced, Failure, Handler, Inbox};
use postgres::events::Event;
use postgres::{Scope, Transaction};
use tokio_util::sync::CancellationToken;
use types::ids::AppointmentId;
use types::region::RegionCode;

use super::following::{self, failure};
use crate::app::App;
use crate::domain::error::AdjudicationError;

const CONFIRMED: &str = "anjia.scheduling.appointment.confirmed.v1";
const RESCHEDULED: &str = "anjia.scheduling.appointment.rescheduled.v1";

/// Runs until told to stop.
pub async fn run(app: App, stop: CancellationToken) {
    let source = app.scheduling.events("scheduling/appointments");
    Box::pin(consumer::run(app.db.clone(), source, Quotes(app), stop)).await;
}

struct Quotes(App);

impl Handler for Quotes {
    const KINDS: &'static [&'static str] = &[CONFIRMED, RESCHEDULED];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        if !Self::KINDS.contains(&event.kind.as_str()) {
            return Ok(inbox.skip());
        }
        let span = following::span(&self.0, "quote an appointment", event);
        telemetry::within(span, None, self.quote(event, inbox)).await
    }
}

impl Quotes {
    async fn quote(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let id: AppointmentId = event.subject.parse().map_err(Failure::refused)?;
        let quoted = self.quoted(event.region, id, &inbox).await;
        match quoted {
            Ok(Some(tx)) => Ok(inbox.commit(tx).await?),
            // Erased since they booked: there is nobody left to be told a price, and nothing in it for a person to look at.
            Ok(None)
            | Err(
                AdjudicationError::ResidentNotFound(_) | AdjudicationError::Storage(postgres::Error::ResidentErased),
            ) => Ok(inbox.skip()),
            Err(error) => Err(failure(error)),
        }
    }

    /// The transaction in which it got its quote; none where it is to get none.
    async fn quoted(
        &self,
        region: RegionCode,
        id: AppointmentId,
        inbox: &Inbox,
    ) -> Result<Option<Transaction>, AdjudicationError> {
        let app = &self.0;
        let Some((appointment, lines)) = app.scheduling.appointment(region, id).await? else { return Ok(None) };
        // Referral asked for its price with the care that it plans, before it confirmed; nobody else knows of that. Whatever gave its place up
        // since costs nothing; what is only kept a place is told of again when it is confirmed.
        if appointment.referral.is_some() || !appointment.is_firm {
            return Ok(None);
        }
        let provider = app.identity.provider(appointment.provider, appointment.on);
        let coverage = app.identity.coverage(region, appointment.resident, appointment.on);
        let facts = tokio::try_join!(Box::pin(provider), Box::pin(coverage))?;
        let mut tx = inbox.begin(Scope::Region(region)).await?;
        let parent = telemetry::current_traceparent();
        Box::pin(app.quote_appointment(&mut tx, &appointment, lines, &facts, parent)).await?;
        Ok(Some(tx))
    }
}
