//! Follows adjudication's events: a quote made for an appointment is attached to it.

use postgres::{
    consumer::{Advanced, Failure, Handler, Inbox},
    events::Event,
};
use types::{ids::QuoteId, money::Money};

use super::id;
use crate::app::{Quoted, Scheduling};

const QUOTE_MADE: &str = "anjia.adjudication.quote.made.v1";

pub struct Quotes(pub Scheduling);

impl Handler for Quotes {
    const KINDS: &'static [&'static str] = &[QUOTE_MADE];

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        if event.kind != QUOTE_MADE {
            return Ok(inbox.skip());
        }
        let Some(appointment) = id(event, "appointment_id")? else { return Ok(inbox.skip()) };
        // Whoever asks for a price names the appointment: it counts only where it is of the same person and provider.
        let (Some(resident), Some(organisation)) = (id(event, "resident_id")?, id(event, "provider_organisation_id")?)
        else {
            return Ok(inbox.skip());
        };
        let quote: QuoteId = event.subject.parse().map_err(Failure::refused)?;
        let price = price(event);
        self.0.set_quote(inbox, event.region, Quoted { appointment, resident, organisation, quote, price }).await
    }
}

/// What it comes to and what the resident pays of it, where there is a price: a quote without one tells no own share. Earlier releases told no
/// amount at all, or nothing of nothing of one that verified cover alone.
fn price(event: &Event) -> Option<(Money, Money)> {
    let amount = |key: &str| event.data.get(key)?.as_str()?.parse().ok();
    let (total, own_share): (Money, Money) = (amount("total")?, amount("own_share")?);
    total.is_positive().then_some((total, own_share))
}
