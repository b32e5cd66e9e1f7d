use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::ContractId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::family_doctor::Contract;
use crate::store::family_doctor_contracts;

impl App {
    pub async fn get_family_doctor_contract(
        &self,
        ctx: &Context,
        id: ContractId,
    ) -> Result<Permitted<Contract>, IdentityError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let contract = family_doctor_contracts::get(&mut tx, id).await?.ok_or(IdentityError::ContractNotFound)?;
        let contract = ctx.permit(contract)?;
        let entry = Entry::new(&ctx.caller, "identity.contract.read");
        audit::record(&mut tx, family_doctor_contracts::audited(entry, &contract)).await?;
        tx.commit().await?;
        Ok(contract)
    }
}
