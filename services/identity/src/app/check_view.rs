use chassis::Context;
use postgres::Scope;

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::Action;
use crate::store::delegations;

impl App {
    /// Who acts for a resident sees what is kept about the resident only where the delegation says VIEW, at this moment. Passes everybody
    /// who comes in their own name; whether a row is theirs to see is another question.
    pub async fn check_view(&self, ctx: &Context) -> Result<(), IdentityError> {
        let Some(resident) = ctx.caller.acted_for() else { return Ok(()) };
        let delegation = ctx.caller.delegation.ok_or(IdentityError::NoDelegation)?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let delegation = delegations::get(&mut tx, delegation).await?.ok_or(IdentityError::NoDelegation)?;
        delegation.check_action(resident, ctx.caller.acting(), Action::View, self.now())?;
        Ok(tx.commit().await?)
    }
}
