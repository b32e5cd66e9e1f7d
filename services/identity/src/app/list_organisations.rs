use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::paging::{Page, PageRequest};
use types::clock::local_date;
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::organisation::{Filter, Organisation};
use crate::store::organisations;

impl App {
    /// Organisations of the caller's region, by name.
    pub async fn list_organisations(
        &self,
        ctx: &Context,
        filter: &Filter,
        request: &PageRequest<(String, Uuid)>,
    ) -> Result<Page<Permitted<Organisation>>, IdentityError> {
        let on = local_date(self.now());
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows =
            organisations::list(&mut tx, ctx.caller.region, filter, on, request.after(), request.limit()).await?;
        tx.commit().await?;
        let page = request.page(rows, |last| (last.name.clone(), last.id.uuid()))?;
        Ok(Page { items: ctx.permit_all(page.items)?, next_page_token: page.next_page_token })
    }
}
