use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply};

use super::granting::{PROPOSED, tell};
use super::{App, NewDelegation};
use crate::domain::IdentityError;
use crate::domain::delegation::{Delegation, Signing};
use crate::store::delegations;

impl App {
    /// Puts a delegation before the resident. It takes the place of what was proposed for this delegate before.
    pub async fn propose_delegation(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Delegation>>,
        new: NewDelegation,
    ) -> Result<Reply<Permitted<Delegation>>, IdentityError> {
        let caller = &ctx.caller;
        let proposed = new.granted(caller, (Signing::Proposed, caller.organisation), self.now());
        let proposed = ctx.permit(Delegation { rests_on: None, ..proposed })?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        proposed.check_grant()?;
        self.check_parties(&mut tx, &proposed).await?;
        for older in delegations::proposed(&mut tx, proposed.resident, &proposed.delegate).await? {
            self.take_back(&mut tx, ctx, older, proposed.granted_at).await?;
        }
        if !delegations::insert(&mut tx, &proposed).await? {
            return Err(IdentityError::DelegationExists);
        }
        tell(&mut tx, ctx, PROPOSED, &proposed, proposed.granted_at).await?;
        let entry = Entry::new(caller, "identity.delegation.propose");
        audit::record(&mut tx, delegations::audited(entry, &proposed)).await?;
        Ok(call.commit(tx, proposed).await?)
    }
}
