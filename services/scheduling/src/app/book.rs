//! Holds and confirms in one transaction. One of a list of up to fifty: each has its own key and result.

use chassis::{Context, Permitted};
use postgres::{Call, Reply};
use types::ids::DelegationId;

use super::{Hold, Scheduling, hold::Firmness};
use crate::domain::{appointment::Appointment, error::SchedulingError};

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
        self.ask_for(ctx, call, booking.wish, booking.delegation, Firmness::Confirmed).await
    }
}
