use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use postgres::{Scope, Transaction};
use types::ids::{OrganisationId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::break_glass::BreakGlass;
use crate::domain::delegation::Action;
use crate::store::break_glasses::{self, ListKey};

pub use crate::store::break_glasses::Whose;

/// Openings and the moment at which their states are to be told.
pub(super) type Listed = (Page<Permitted<BreakGlass>>, DateTime<Utc>);

impl Guarded for Whose {
    fn resident(&self) -> Option<ResidentId> {
        match self {
            Self::Resident(id) => Some(*id),
            Self::Organisation(_) => None,
        }
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        match self {
            Self::Resident(_) => vec![],
            Self::Organisation(id) => vec![*id],
        }
    }
}

impl App {
    /// Openings of one person's records, or by one organisation; the newest first.
    pub async fn list_break_glass(
        &self,
        ctx: &Context,
        whose: Whose,
        request: &PageRequest<ListKey>,
    ) -> Result<Listed, IdentityError> {
        let whose = ctx.permit(whose)?.into_inner();
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        if let Whose::Resident(resident) = whose {
            self.check_may(&mut tx, ctx, resident, Action::View).await?;
        }
        let rows = break_glasses::list(&mut tx, &self.vault, whose, request.after(), request.limit()).await?;
        self.listed(tx, ctx, rows, request).await
    }

    /// What awaits review, the oldest first.
    pub async fn list_unreviewed_break_glass(
        &self,
        ctx: &Context,
        request: &PageRequest<ListKey>,
    ) -> Result<Listed, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows = break_glasses::unreviewed(&mut tx, &self.vault, request.after(), request.limit()).await?;
        self.listed(tx, ctx, rows, request).await
    }

    async fn listed(
        &self,
        mut tx: Transaction,
        ctx: &Context,
        rows: Vec<BreakGlass>,
        request: &PageRequest<ListKey>,
    ) -> Result<Listed, IdentityError> {
        let page = request.page(rows, |last| (last.opened_at, last.id.uuid()))?;
        for opened in &page.items {
            let entry = Entry::new(&ctx.caller, "identity.break_glass.list");
            audit::record(&mut tx, break_glasses::audited(entry, opened)).await?;
        }
        tx.commit().await?;
        Ok((Page { items: ctx.permit_all(page.items)?, next_page_token: page.next_page_token }, self.now()))
    }
}
