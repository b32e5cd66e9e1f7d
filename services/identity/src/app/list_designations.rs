use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::Scope;
use postgres::paging::{Page, PageRequest};
use types::ids::OrganisationId;
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::designation::Designation;
use crate::store::designations;

impl App {
    /// Those of a provider, by first day; those good on a day, if one is named. A provider has a few in its life.
    pub async fn list_designations(
        &self,
        ctx: &Context,
        provider: OrganisationId,
        on: Option<NaiveDate>,
        request: &PageRequest<(NaiveDate, Uuid)>,
    ) -> Result<Page<Permitted<Designation>>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let mut rows = designations::of(&mut tx, &[provider.uuid()]).await?;
        tx.commit().await?;
        let key = |row: &Designation| (row.from, row.id.uuid());
        rows.retain(|row| on.is_none_or(|day| row.is_good_on(day)));
        rows.retain(|row| request.after().is_none_or(|after| key(row) > *after));
        let page = request.page(rows, key)?;
        Ok(Page { items: ctx.permit_all(page.items)?, next_page_token: page.next_page_token })
    }
}
