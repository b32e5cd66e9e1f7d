//! Follows adjudication's events: a quote made for an appointment is attached to it.

use postgres::{
    consumer::{Advanced, Failure, Handler, Inbox},
    events::Event,
};
use types::ids::{AppointmentId, QuoteId};

use crate::app::Scheduling;

const QUOTE_MADE: &str = "anjia.adjudication.quote.made.v1";

pub struct Quotes(pub Scheduling);

impl Handler for Quotes {
    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        if event.kind != QUOTE_MADE {
            return Ok(inbox.skip());
        }
        let Some(appointment) = appointment(event)? else { return Ok(inbox.skip()) };
        let quote: QuoteId = event.subject.parse().map_err(Failure::refused)?;
        self.0.set_quote(inbox, event.region, appointment, quote).await
    }
}

/// The appointment it was made for; a quote made on request has none.
fn appointment(event: &Event) -> Result<Option<AppointmentId>, Failure> {
    match event.data.get("appointment_id").and_then(serde_json::Value::as_str) {
        None | Some("") => Ok(None),
        Some(id) => id.parse().map(Some).map_err(Failure::refused),
    }
}
