use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::paging::{Page, PageRequest};
use types::ids::AllianceId;
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::alliance::Alliance;
use crate::store::alliances;

impl App {
    /// Public knowledge, as organisations are.
    pub async fn get_alliance(&self, ctx: &Context, id: AllianceId) -> Result<Permitted<Alliance>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let alliance = alliances::get(&mut tx, id).await?.ok_or(IdentityError::AllianceNotFound)?;
        tx.commit().await?;
        Ok(ctx.permit(alliance)?)
    }

    /// Those of the caller's region, by name.
    pub async fn list_alliances(
        &self,
        ctx: &Context,
        request: &PageRequest<(String, Uuid)>,
    ) -> Result<Page<Permitted<Alliance>>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = alliances::list(&mut tx, ctx.caller.region, request.after(), request.limit()).await?;
        tx.commit().await?;
        let page = request.page(rows, |last| (last.name.clone(), last.id.uuid()))?;
        Ok(Page { items: ctx.permit_all(page.items)?, next_page_token: page.next_page_token })
    }
}
