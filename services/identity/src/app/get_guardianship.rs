use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use types::ids::{GuardianshipId, ResidentId};
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::guardianship::Guardianship;
use crate::store::{guardianships, residents};

impl App {
    pub async fn get_guardianship(
        &self,
        ctx: &Context,
        id: GuardianshipId,
    ) -> Result<Permitted<Guardianship>, IdentityError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = guardianships::get(&mut tx, id).await?.ok_or(IdentityError::GuardianshipNotFound)?;
        let found = ctx.permit(found)?;
        let entry = Entry::new(&ctx.caller, "identity.guardianship.read");
        audit::record(&mut tx, guardianships::audited(entry, &found)).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Those of a ward that the caller may see, newest first.
    pub async fn list_guardianships(
        &self,
        ctx: &Context,
        ward: ResidentId,
        request: &PageRequest<Uuid>,
    ) -> Result<Page<Permitted<Guardianship>>, IdentityError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        if !residents::exists(&mut tx, ward).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        let rows = guardianships::of_ward(&mut tx, ward, request.after().copied(), request.limit()).await?;
        let page = request.page(rows, |last| last.id.uuid())?;
        let items = ctx.only_permitted(page.items);
        let entry = Entry::new(&ctx.caller, "identity.guardianship.list").resident(ward);
        let audited = |entry, found: &Permitted<Guardianship>| guardianships::audited(entry, found);
        audit::record(&mut tx, items.iter().fold(entry, audited)).await?;
        tx.commit().await?;
        Ok(Page { items, next_page_token: page.next_page_token })
    }
}
