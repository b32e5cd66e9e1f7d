use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::DelegationId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::Delegation;
use crate::domain::delegation::receipt::Receipt;
use crate::store::{delegation_receipts, delegations};

/// A receipt with the delegation that it is of, by which it is shown or not.
pub type OfDelegation = (Permitted<Delegation>, Receipt);

impl App {
    pub async fn delegation_receipt(&self, ctx: &Context, id: DelegationId) -> Result<OfDelegation, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let delegation = delegations::get(&mut tx, id).await?.ok_or(IdentityError::DelegationNotFound)?;
        let delegation = ctx.permit(delegation)?;
        let receipt = delegation_receipts::of(&mut tx, id).await?.ok_or(IdentityError::DelegationNotConfirmed)?;
        let entry = Entry::new(&ctx.caller, "identity.delegation.read_receipt").resident(delegation.resident);
        audit::record(&mut tx, delegation_receipts::audited(entry, &receipt)).await?;
        tx.commit().await?;
        Ok((delegation, receipt))
    }
}
