use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::{
    Scope,
    audit::Entry,
    paging::{Page, PageRequest},
};
use types::ids::ReferralId;

use super::{App, Sight, record::record, sight::About};
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
        let sight = ctx.permit(Sight::new(referral, &ctx.caller))?;
        record(&mut tx, Entry::new(&ctx.caller, "referral.referral.read"), &sight.referral).await?;
        tx.commit().await?;
        Ok(sight)
    }

    /// Referrals of a resident or an organisation.
    pub async fn referrals(
        &self,
        ctx: &Context,
        asked: ListReferrals,
    ) -> Result<Page<Permitted<Sight>>, ReferralError> {
        ctx.permit(match asked.whose {
            Whose::Resident(id) => About { resident: Some(id), organisation: None },
            Whose::Organisation(id) => About { resident: None, organisation: Some(id) },
        })?;
        self.check_view(ctx).await?;
        let filter = Filter { whose: asked.whose, state: asked.state, submitted_from: asked.submitted_from };
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = referrals::list(&mut tx, &filter, asked.page.after().copied(), asked.page.limit()).await?;
        let page = asked.page.page(found, |referral| (referral.submitted_at, referral.id.uuid()))?;
        let next_page_token = page.next_page_token;
        let mut items = Vec::with_capacity(page.items.len());
        for referral in page.items {
            let sight = ctx.permit(Sight::new(referral, &ctx.caller))?;
            record(&mut tx, Entry::new(&ctx.caller, "referral.referral.list"), &sight.referral).await?;
            items.push(sight);
        }
        tx.commit().await?;
        Ok(Page { items, next_page_token })
    }
}
