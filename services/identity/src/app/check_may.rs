use chassis::Context;
use postgres::Transaction;
use types::ids::ResidentId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::{Action, Delegation};
use crate::store::delegations;

impl App {
    /// Refuses a delegate whose delegation does not cover `action` at this moment; answers it. Whoever acts in their own name passes.
    pub(super) async fn check_may(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        resident: ResidentId,
        action: Action,
    ) -> Result<Option<Delegation>, IdentityError> {
        let Some(actor) = &ctx.caller.actor else {
            return Ok(None);
        };
        let delegation = match ctx.caller.delegation {
            Some(id) => delegations::get(tx, id).await?,
            None => None,
        };
        let delegation = delegation.ok_or(IdentityError::NoDelegation)?;
        delegation.check_action(resident, actor, action, self.now())?;
        Ok(Some(delegation))
    }
}
