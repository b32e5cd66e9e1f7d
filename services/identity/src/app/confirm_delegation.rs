use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};
use types::ids::DelegationId;

use super::App;
use super::granting::{GRANTED, tell};
use crate::domain::IdentityError;
use crate::domain::delegation::{Delegation, Signing};
use crate::store::delegations;

impl App {
    /// The resident's own signature under what was proposed. What is signed already is answered as it is.
    pub async fn confirm_delegation(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Delegation>>,
        id: DelegationId,
    ) -> Result<Reply<Permitted<Delegation>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let found = delegations::get(&mut tx, id).await?.ok_or(IdentityError::DelegationNotFound)?;
        let found = ctx.permit(found)?.into_inner();
        if ctx.caller.actor.is_some() {
            return Err(IdentityError::ActionNotDelegated);
        }
        let now = self.now();
        let signed = found.clone().confirm(now)?;
        if found.signing != Signing::Proposed {
            return Ok(call.commit(tx, ctx.permit(signed)?).await?);
        }
        // Others may have signed meanwhile who would make a ring of it.
        self.check_parties(&mut tx, &signed).await?;
        if !delegations::sign(&mut tx, &signed).await? {
            // Confirmed or revoked since it was read.
            let now_stands = delegations::get(&mut tx, id).await?.ok_or(IdentityError::DelegationNotFound)?;
            return Ok(call.commit(tx, ctx.permit(now_stands.confirm(now)?)?).await?);
        }
        tell(&mut tx, ctx, GRANTED, &signed, now).await?;
        let entry = delegations::audited(Entry::new(&ctx.caller, "identity.delegation.confirm"), &signed);
        let entry = self.issue_receipt(&mut tx, &signed, entry).await?;
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, ctx.permit(signed)?).await?)
    }
}
