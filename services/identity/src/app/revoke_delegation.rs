use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Transaction};
use types::ids::DelegationId;

use super::App;
use super::granting::{REVOKED, tell};
use crate::domain::IdentityError;
use crate::domain::delegation::Delegation;
use crate::store::delegations;

impl App {
    /// Takes a delegation back, and with a guardianship what was passed on from it; again changes nothing and answers the same.
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
        let found = ctx.permit(found)?.into_inner();
        self.own_or_guardians(&mut tx, ctx).await?;
        let now = self.now();
        let revoked = self.take_back(&mut tx, ctx, found, now).await?;
        for passed_on in delegations::resting_on(&mut tx, id).await? {
            self.take_back(&mut tx, ctx, passed_on, now).await?;
        }
        Ok(call.commit(tx, ctx.permit(revoked)?).await?)
    }

    /// Takes one back, once, and tells of it.
    pub(super) async fn take_back(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        delegation: Delegation,
        now: DateTime<Utc>,
    ) -> Result<Delegation, IdentityError> {
        if !delegations::revoke(tx, delegation.id, now).await? {
            // Read anew: whoever was first may have come between.
            return delegations::get(tx, delegation.id).await?.ok_or(IdentityError::DelegationNotFound);
        }
        let revoked = delegation.revoke(now);
        tell(tx, ctx, REVOKED, &revoked, now).await?;
        let entry = Entry::new(&ctx.caller, "identity.delegation.revoke");
        audit::record(tx, delegations::audited(entry, &revoked)).await?;
        Ok(revoked)
    }
}
