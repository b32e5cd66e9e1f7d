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
}
