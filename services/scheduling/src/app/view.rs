//! Who acts for a resident sees the resident's appointments only where the delegation says VIEW, asked at identity at that moment.

use chassis::Context;

use super::Scheduling;
use crate::{domain::error::SchedulingError, peers::identity::Action};

impl Scheduling {
    /// Passes everybody who comes in their own name, and our own services; whether the rows are theirs to see is another question.
    pub async fn check_view(&self, ctx: &Context) -> Result<(), SchedulingError> {
        let Some(resident) = ctx.caller.acted_for() else { return Ok(()) };
        let delegation = ctx.caller.delegation.ok_or(SchedulingError::NoDelegation)?;
        self.identity.check_caller(ctx, delegation, resident, Action::View).await.map(drop)
    }
}
