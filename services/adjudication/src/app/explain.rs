//! The explanation of benefits, and what regions owe one another.

use chassis::{Context, Guarded, Permitted};
use chrono::NaiveDate;
use postgres::Scope;
use postgres::audit::{self, Entry};
use types::ids::{OrganisationId, ResidentId, SettlementId};

use super::App;
use crate::domain::benefits::Benefits;
use crate::domain::clearing::Clearing;
use crate::domain::error::AdjudicationError;
use crate::store::{claims, clearing_entries, settlements};

impl Guarded for Benefits {
    const NOT_FOUND: &'static str = "SETTLEMENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.settlement.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.settlement.provider]
    }
}

impl App {
    /// Everything that explains a settlement.
    pub async fn explanation(&self, ctx: &Context, id: SettlementId) -> Result<Permitted<Benefits>, AdjudicationError> {
        self.check_view_or_pay(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let settlement = settlements::find(&mut tx, id).await?.ok_or(AdjudicationError::SettlementNotFound(id))?;
        let settlement = settlement.at(self.clock.now());
        let basis = settlements::basis(&mut tx, id).await?;
        let lines = claims::lines(&mut tx, settlement.claim, settlement.claim_version).await?;
        let released = match &settlement.cover {
            Some(cover) => Some(self.policies.get(&mut tx, cover.policy).await?),
            None => None,
        };
        let policy = released.as_ref().map(|released| &released.content);
        let benefits = ctx.permit(Benefits::of(settlement, lines, &basis, policy))?;
        let entry = Entry::new(&ctx.caller, "adjudication.explanation.read")
            .resident(benefits.settlement.resident)
            .row("settlements", id);
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(benefits)
    }

    /// What is owed for a month between the caller's region and others. Of no person.
    pub async fn clearing(&self, ctx: &Context, month: NaiveDate) -> Result<Clearing, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let owed = clearing_entries::owed(&mut tx, month).await?;
        tx.commit().await?;
        Ok(Clearing::of(ctx.caller.region, month, &owed))
    }
}
