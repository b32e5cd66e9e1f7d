use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::{Begun, Call, Reply};
use types::ids::ContractId;

use super::App;
use super::sign_family_doctor_contract::sign;
use crate::domain::IdentityError;
use crate::domain::delegation::Action;
use crate::domain::family_doctor::Contract;
use crate::store::family_doctor_contracts;

impl App {
    /// Continues a contract from the day after its last, with the package as it is offered now.
    pub async fn renew_family_doctor_contract(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Contract>>,
        id: ContractId,
        until: NaiveDate,
    ) -> Result<Reply<Permitted<Contract>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let before = family_doctor_contracts::lock(&mut tx, id).await?.ok_or(IdentityError::ContractNotFound)?;
        let before = ctx.permit(before)?;
        self.check_may(&mut tx, ctx, before.resident, Action::Book).await?;
        let package = self.service_packages.find(&before.package.code)?.clone();
        let renewed = ctx.permit(before.renewed(ContractId::generate(), package, until, self.now())?)?;
        sign(&mut tx, ctx, &renewed).await?;
        Ok(call.commit(tx, renewed).await?)
    }
}
