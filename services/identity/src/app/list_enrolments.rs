use chassis::{Context, Permitted};
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use types::ids::ResidentId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::enrolment::{Believed, Enrolment, PageKey};
use crate::store::enrolments;

impl App {
    /// A resident's enrolments, by first day.
    pub async fn list_enrolments(
        &self,
        ctx: &Context,
        resident: ResidentId,
        believed: Believed,
        request: &PageRequest<PageKey>,
    ) -> Result<Page<Permitted<Enrolment>>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = enrolments::list(&mut tx, resident, believed, request.after(), request.limit()).await?;
        let page = request.page(rows, |last| (last.terms.from, last.id.uuid(), last.version))?;
        let items = ctx.permit_all(page.items)?;
        let entry = Entry::new(&ctx.caller, "identity.enrolment.list").resident(resident);
        let entry = items.iter().fold(entry, |entry, enrolment| enrolments::audited(entry, enrolment));
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(Page { items, next_page_token: page.next_page_token })
    }
}
