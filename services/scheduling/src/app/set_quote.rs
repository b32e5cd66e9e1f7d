//! Attaches the quote that adjudication made for an appointment, and learns from it what such care costs.

use postgres::{
    Scope,
    consumer::{Advanced, Failure, Inbox},
};
use types::{
    ids::{AppointmentId, OrganisationId, QuoteId, ResidentId},
    money::Money,
    region::RegionCode,
};

use super::{
    Scheduling,
    records::{By, Change, appointment_changed},
};
use crate::{
    domain::error::SchedulingError,
    store::{appointments, prices},
};

/// A quote, and what it says it is for.
#[derive(Debug, Clone, Copy)]
pub struct Quoted {
    pub appointment: AppointmentId,
    pub resident: ResidentId,
    pub organisation: OrganisationId,
    pub quote: QuoteId,
    /// What it comes to, and what the resident pays of it; none where there is no price.
    pub price: Option<(Money, Money)>,
}

impl Scheduling {
    /// Once in effect: the cursor moves in the same transaction.
    pub async fn set_quote(&self, inbox: Inbox, region: RegionCode, quoted: Quoted) -> Result<Advanced, Failure> {
        let mut tx = inbox.begin(Scope::Region(region)).await?;
        let Quoted { appointment, resident, organisation, quote, price } = quoted;
        let is_first = appointments::set_quote(&mut tx, appointment, (resident, organisation), quote).await;
        if let Some(is_first) = is_first.map_err(failure)? {
            let appointment = appointments::find(&mut tx, appointment).await.map_err(failure)?;
            // Whoever asks for one appointment's price again and again does not thereby make everybody's. And the fee on the ticket, by which
            // is quoted who states nothing, is not what such care costs.
            let is_told = is_first && !appointment.stated_lines.is_empty();
            if let Some(price) = price.filter(|_| is_told) {
                let whose = (appointment.id, appointment.resident);
                prices::learn(&mut tx, whose, price, self.clock.now()).await.map_err(failure)?;
            }
            appointment_changed(&mut tx, By::Service, Change::Quoted, &appointment, self.clock.now())
                .await
                .map_err(failure)?;
        }
        Ok(inbox.commit(tx).await?)
    }
}

fn failure(error: SchedulingError) -> Failure {
    match error {
        SchedulingError::Storage(error) => error.into(),
        other => Failure::refused(other),
    }
}
