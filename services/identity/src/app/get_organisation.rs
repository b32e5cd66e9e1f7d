use chassis::{Context, Permitted};
use postgres::Scope;
use types::ids::OrganisationId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::organisation::Organisation;
use crate::store::organisations;

impl App {
    pub async fn get_organisation(
        &self,
        ctx: &Context,
        id: OrganisationId,
    ) -> Result<Permitted<Organisation>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let organisation = organisations::get(&mut tx, id).await?.ok_or(IdentityError::OrganisationNotFound)?;
        tx.commit().await?;
        Ok(ctx.permit(organisation)?)
    }
}
