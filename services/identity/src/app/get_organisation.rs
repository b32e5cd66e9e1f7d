use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::Scope;
use types::clock::local_date;
use types::ids::OrganisationId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::organisation::Organisation;
use crate::store::organisations;

impl App {
    /// With the contracts that designate it on a day; today, if none is named.
    pub async fn get_organisation(
        &self,
        ctx: &Context,
        id: OrganisationId,
        on: Option<NaiveDate>,
    ) -> Result<Permitted<Organisation>, IdentityError> {
        let on = on.unwrap_or_else(|| local_date(self.now()));
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let organisation = organisations::get(&mut tx, id, on).await?.ok_or(IdentityError::OrganisationNotFound)?;
        tx.commit().await?;
        Ok(ctx.permit(organisation)?)
    }
}
