use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply};
use serde_json::json;
use types::ids::DelegationId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::Delegation;
use crate::store::delegations;

impl App {
    /// Takes a delegation back; again changes nothing and answers the same.
    pub async fn revoke_delegation(
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
        let found = ctx.permit(found)?;
        self.own_or_guardians(&mut tx, ctx).await?;
        let now = self.now();
        if !delegations::revoke(&mut tx, id, now).await? {
            // Read anew: whoever was first may have come between.
            let revoked = delegations::get(&mut tx, id).await?.ok_or(IdentityError::DelegationNotFound)?;
            let revoked = ctx.permit(revoked)?;
            return Ok(call.commit(tx, revoked).await?);
        }
        let revoked = ctx.permit(found.into_inner().revoke(now))?;
        let data = json!({ "resident_id": revoked.resident, "delegate": revoked.delegate });
        let event = NewEvent::new("anjia.identity.delegation.revoked.v1", revoked.id, data, now);
        events::append(&mut tx, event.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "identity.delegation.revoke");
        audit::record(&mut tx, delegations::audited(entry, &revoked)).await?;
        Ok(call.commit(tx, revoked).await?)
    }
}
