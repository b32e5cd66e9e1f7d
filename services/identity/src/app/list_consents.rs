use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use types::ids::ResidentId;
use uuid::Uuid;

use super::App;
use super::list_delegations::AllOf;
use crate::domain::IdentityError;
use crate::domain::consent::Consent;
use crate::store::consents;

impl App {
    /// A resident's consents, the newest first, and the moment at which their states are to be told.
    pub async fn list_consents(
        &self,
        ctx: &Context,
        resident: ResidentId,
        request: &PageRequest<(DateTime<Utc>, Uuid)>,
    ) -> Result<(Page<Permitted<Consent>>, DateTime<Utc>), IdentityError> {
        ctx.permit(AllOf(resident))?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = consents::list(&mut tx, resident, request.after(), request.limit()).await?;
        let page = request.page(rows, |last| (last.granted_at, last.id.uuid()))?;
        let entry = Entry::new(&ctx.caller, "identity.consent.list").resident(resident);
        audit::record(&mut tx, page.items.iter().fold(entry, consents::audited)).await?;
        tx.commit().await?;
        Ok((Page { items: ctx.permit_all(page.items)?, next_page_token: page.next_page_token }, self.now()))
    }
}
