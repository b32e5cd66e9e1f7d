//! Attaches the quote that adjudication made for an appointment.

use postgres::{
    Scope,
    consumer::{Advanced, Failure, Inbox},
};
use types::{
    ids::{AppointmentId, QuoteId},
    region::RegionCode,
};

use super::{
    Scheduling,
    records::{By, Change, appointment_changed},
};
use crate::{domain::error::SchedulingError, store::appointments};

impl Scheduling {
    /// Once in effect: the cursor moves in the same transaction.
    pub async fn set_quote(
        &self,
        inbox: Inbox,
        region: RegionCode,
        id: AppointmentId,
        quote: QuoteId,
    ) -> Result<Advanced, Failure> {
        let mut tx = inbox.begin(Scope::Region(region)).await?;
        if appointments::set_quote(&mut tx, id, quote).await.map_err(failure)? {
            let quoted = appointments::find(&mut tx, id).await.map_err(failure)?;
            appointment_changed(&mut tx, By::Service, Change::Quoted, &quoted, self.clock.now())
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
