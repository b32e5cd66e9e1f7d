use chassis::{Context, Guarded, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use types::ids::{OrganisationId, ResidentId};
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::change::Change;
use crate::store::{changes, residents};

/// A change as it is shown: to whoever may see the resident.
#[derive(Debug, Clone)]
pub struct ShownChange {
    pub change: Change,
    registrar: Option<OrganisationId>,
}

impl Guarded for ShownChange {
    const NOT_FOUND: &'static str = "RESIDENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.change.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.registrar.into_iter().collect()
    }
}

impl App {
    /// Who changed what of a resident when, newest first.
    pub async fn list_resident_changes(
        &self,
        ctx: &Context,
        id: ResidentId,
        request: &PageRequest<Uuid>,
    ) -> Result<Page<Permitted<ShownChange>>, IdentityError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let person = self.person(&mut tx, id).await?;
        ctx.permit(person.shown_to(&ctx.caller))?;
        let rows = changes::list(&mut tx, &self.vault, id, request.after().copied(), request.limit()).await?;
        let page = request.page(rows, |last| last.id.uuid())?;
        let entry = residents::audited(Entry::new(&ctx.caller, "identity.resident.read_changes"), &person.resident);
        audit::record(&mut tx, page.items.iter().fold(entry, changes::audited)).await?;
        tx.commit().await?;
        let registrar = person.resident.registrar;
        let shown = |change: Change| ShownChange { change: change.shown_to(&ctx.caller), registrar };
        let page = page.map(shown);
        Ok(Page { items: ctx.permit_all(page.items)?, next_page_token: page.next_page_token })
    }
}
