//! Who acts for a resident sees the resident's records only where the delegation says VIEW, asked at identity at that moment.

use chassis::Context;

use super::App;
use crate::domain::error::AdjudicationError;

impl App {
    /// Passes everybody who comes in their own name, and our own services; whether the rows are theirs to see is another question.
    pub async fn check_view(&self, ctx: &Context) -> Result<(), AdjudicationError> {
        let Some(resident) = ctx.caller.acted_for() else { return Ok(()) };
        let delegation = ctx.caller.delegation.ok_or(AdjudicationError::NoDelegation)?;
        self.identity.check_view(ctx, delegation, resident).await
    }

    /// The same for a quote or a settlement: who may pay sees what is to be paid.
    pub(super) async fn check_view_or_pay(&self, ctx: &Context) -> Result<(), AdjudicationError> {
        match (self.check_view(ctx).await, ctx.caller.acted_for(), ctx.caller.delegation) {
            (Err(AdjudicationError::ActionNotDelegated), Some(resident), Some(delegation)) => {
                self.identity.check_pay(ctx, delegation, resident).await
            }
            (checked, ..) => checked,
        }
    }
}
