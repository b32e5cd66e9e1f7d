//! Reading the catalogue and claims.

use chassis::{Context, Guarded, Permitted};
use chrono::NaiveDate;
use postgres::Scope;
use postgres::audit::{self, Entry};
use postgres::paging::{Page, PageRequest};
use types::ids::{ClaimId, OrganisationId, ResidentId};

use super::App;
use crate::domain::claim::{Claim, Item};
use crate::domain::error::AdjudicationError;
use crate::store::{catalogue, claims};

/// A resident's claims, newest first.
#[derive(Debug)]
pub struct ListClaims {
    pub resident: ResidentId,
    pub page: PageRequest<ClaimId>,
}

impl Guarded for Claim {
    const NOT_FOUND: &'static str = "CLAIM_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.provider]
    }
}

/// Whose claims are listed: as a whole it is permitted, or not.
#[derive(Debug, Clone, Copy)]
struct Whose {
    resident: ResidentId,
    provider: Option<OrganisationId>,
}

impl Guarded for Whose {
    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.provider.into_iter().collect()
    }
}

impl App {
    /// What the catalogue of the caller's region says of an item on a day.
    pub async fn catalogue_item(&self, ctx: &Context, code: &str, on: NaiveDate) -> Result<Item, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let mut found = catalogue::find(&mut tx, ctx.caller.region, &[code.to_owned()], on).await?;
        tx.commit().await?;
        found.remove(code).ok_or_else(|| AdjudicationError::ItemNotFound(code.to_owned()))
    }

    /// One claim.
    pub async fn claim(&self, ctx: &Context, id: ClaimId) -> Result<Permitted<Claim>, AdjudicationError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let claim = claims::find(&mut tx, id).await?.ok_or(AdjudicationError::ClaimNotFound(id))?;
        let claim = ctx.permit(claim)?;
        audit::record(&mut tx, read_entry(ctx, claim.resident, std::slice::from_ref(&claim))).await?;
        tx.commit().await?;
        Ok(claim)
    }

    /// A page of a resident's claims, of those the caller may see.
    pub async fn claims(&self, ctx: &Context, list: ListClaims) -> Result<Page<Permitted<Claim>>, AdjudicationError> {
        // A provider sees the claims it made; the resident, and who acts for them, all. Nobody else learns whether there are any.
        let provider = if ctx.caller.is(list.resident) { None } else { ctx.caller.organisation };
        ctx.permit(Whose { resident: list.resident, provider })?;
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let rows =
            claims::list(&mut tx, list.resident, provider, list.page.after().copied(), list.page.limit()).await?;
        let page = list.page.page(rows, |claim| claim.id)?;
        let claims = ctx.permit_all(page.items)?;
        audit::record(&mut tx, read_entry(ctx, list.resident, &claims)).await?;
        tx.commit().await?;
        Ok(Page { items: claims, next_page_token: page.next_page_token })
    }
}

fn read_entry(ctx: &Context, resident: ResidentId, claims: &[Permitted<Claim>]) -> Entry {
    let entry = Entry::new(&ctx.caller, "adjudication.claim.read").resident(resident);
    claims.iter().fold(entry, |entry, claim| claims::audited(entry, claim))
}
