use chassis::{Context, Permitted};
use postgres::Scope;
use types::ids::DesignationId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::designation::Designation;
use crate::store::designations;

impl App {
    /// Public knowledge, as organisations are.
    pub async fn get_designation(
        &self,
        ctx: &Context,
        id: DesignationId,
    ) -> Result<Permitted<Designation>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let designation = designations::get(&mut tx, id).await?.ok_or(IdentityError::DesignationNotFound)?;
        tx.commit().await?;
        Ok(ctx.permit(designation)?)
    }
}
