use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::DelegationId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::Delegation;
use crate::store::delegations;

impl App {
    /// The delegation, and the moment at which its state is to be told.
    pub async fn get_delegation(
        &self,
        ctx: &Context,
        id: DelegationId,
    ) -> Result<(Permitted<Delegation>, DateTime<Utc>), IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let delegation = delegations::get(&mut tx, id).await?.ok_or(IdentityError::DelegationNotFound)?;
        let delegation = ctx.permit(delegation)?;
        let entry = Entry::new(&ctx.caller, "identity.delegation.read");
        audit::record(&mut tx, delegations::audited(entry, &delegation)).await?;
        tx.commit().await?;
        Ok((delegation, self.now()))
    }
}
