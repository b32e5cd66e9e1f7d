use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::{
    Scope,
    paging::{Page, PageRequest},
};
use types::ids::ReferralId;

use super::{App, Sight, sight::About};
use crate::{
    domain::{ReferralError, referral::StateName},
    store::referrals::{self, Filter, ListKey},
};

pub use crate::store::referrals::Whose;

/// Which referrals, newest first.
#[derive(Debug, Clone)]
pub struct ListReferrals {
    pub whose: Whose,
    pub state: Option<StateName>,
    pub submitted_from: Option<DateTime<Utc>>,
    pub page: PageRequest<ListKey>,
}

impl App {
    /// One referral.
    pub async fn referral(&self, ctx: &Context, id: ReferralId) -> Result<Permitted<Sight>, ReferralError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let referral = referrals::find(&mut tx, id).await?.ok_or(ReferralError::ReferralNotFound)?;
        tx.commit().await?;
        let sights = self.sights(ctx, vec![referral]).await?;
        let mut seen = self.seen(ctx, sights, "referral.referral.read").await?;
        seen.pop().ok_or(ReferralError::ReferralNotFound)
    }

    /// Referrals of a resident or an organisation.
    pub async fn referrals(
        &self,
        ctx: &Context,
        asked: ListReferrals,
    ) -> Result<Page<Permitted<Sight>>, ReferralError> {
        ctx.permit(match asked.whose {
            Whose::Resident(id) => {
                let opened_to = self.glass(ctx, id).await?.map(|glass| glass.organisation);
                About { resident: Some(id), organisation: None, opened_to }
            }
            Whose::Organisation(id) => About { resident: None, organisation: Some(id), opened_to: None },
        })?;
        self.check_view(ctx).await?;
        let filter = Filter { whose: asked.whose, state: asked.state, submitted_from: asked.submitted_from };
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = referrals::list(&mut tx, &filter, asked.page.after().copied(), asked.page.limit()).await?;
        let page = asked.page.page(found, |referral| (referral.submitted_at, referral.id.uuid()))?;
        tx.commit().await?;
        let sights = self.sights(ctx, page.items).await?;
        let items = self.seen(ctx, sights, "referral.referral.list").await?;
        Ok(Page { items, next_page_token: page.next_page_token })
    }
}
