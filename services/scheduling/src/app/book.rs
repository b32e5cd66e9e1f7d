//! Holds and confirms in one transaction. One of a list of up to fifty: each has its own key, transaction and result.

use chassis::{Context, Permitted};
use postgres::{Begun, Call, Reply};
use types::ids::DelegationId;

use super::{
    Hold, Scheduling,
    records::{By, Change, appointment_changed},
};
use crate::{
    domain::{appointment::Appointment, error::SchedulingError},
    store::appointments,
};

#[derive(Debug, Clone)]
pub struct Booking {
    pub wish: Hold,
    /// What it rests on when the caller comes in their own name.
    pub delegation: Option<DelegationId>,
}

impl Scheduling {
    pub async fn book(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Appointment>>,
        booking: Booking,
    ) -> Result<Reply<Permitted<Appointment>>, SchedulingError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let Booking { wish, delegation } = booking;
        let vouched = self.vouch(ctx, &wish, delegation).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let now = self.clock.now();
        let held = self.place(&mut tx, ctx, wish, &vouched, now).await?;
        let confirmed = held.clone().confirm(now)?;
        appointments::insert(&mut tx, &confirmed).await?;
        appointment_changed(&mut tx, By::Caller(ctx), Change::Held, &held, now).await?;
        appointment_changed(&mut tx, By::Caller(ctx), Change::Confirmed, &confirmed, now).await?;
        let confirmed = ctx.permit(confirmed)?;
        Ok(call.commit(tx, confirmed).await?)
    }
}
