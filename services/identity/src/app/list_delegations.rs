use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Utc};
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use types::ids::{OrganisationId, ResidentId};
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::delegation::Delegation;
use crate::store::delegations;

/// Everything of one kind that is a resident's.
pub(super) struct AllOf(pub(super) ResidentId);

impl Guarded for AllOf {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.0)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl App {
    /// A resident's delegations, the newest first, and the moment at which their states are to be told.
    pub async fn list_delegations(
        &self,
        ctx: &Context,
        resident: ResidentId,
        request: &PageRequest<(DateTime<Utc>, Uuid)>,
    ) -> Result<(Page<Permitted<Delegation>>, DateTime<Utc>), IdentityError> {
        ctx.permit(AllOf(resident))?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = delegations::list(&mut tx, resident, request.after(), request.limit()).await?;
        let page = request.page(rows, |last| (last.granted_at, last.id.uuid()))?;
        let entry = Entry::new(&ctx.caller, "identity.delegation.list").resident(resident);
        audit::record(&mut tx, page.items.iter().fold(entry, delegations::audited)).await?;
        tx.commit().await?;
        Ok((Page { items: ctx.permit_all(page.items)?, next_page_token: page.next_page_token }, self.now()))
    }
}
