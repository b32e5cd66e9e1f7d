//! Personal accounts (个人账户): the bureau credits them, their holders say for whom of the family they pay.

use chassis::{Context, Guarded, Permitted};
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Scope, aliases};
use serde_json::json;
use types::clock::local_date;
use types::ids::{OrganisationId, ResidentId};
use types::money::Money;
use types::scheme::Scheme;
use uuid::Uuid;

use super::App;
use crate::domain::account::{AccountShare, Credit, Standing};
use crate::domain::error::AdjudicationError;
use crate::store::accounts;

/// What the bureau puts into an account.
#[derive(Debug, Clone)]
pub struct CreditAccount {
    pub holder: ResidentId,
    pub amount: Money,
    pub reference: String,
}

/// For whom an account is to pay.
#[derive(Debug, Clone)]
pub struct ShareAccount {
    pub holder: ResidentId,
    pub member: ResidentId,
    pub until: Option<NaiveDate>,
}

impl Guarded for ShareAccount {
    const NOT_FOUND: &'static str = Standing::NOT_FOUND;

    fn resident(&self) -> Option<ResidentId> {
        Some(self.holder)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        Vec::new()
    }
}

impl Guarded for Standing {
    const NOT_FOUND: &'static str = "RESIDENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.holder)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        Vec::new()
    }
}

impl App {
    /// Credits a personal account. Only employees have one; it opens with its first credit. Answers the entry's id.
    pub async fn credit_account(
        &self,
        ctx: &Context,
        call: &Call<Uuid>,
        asked: CreditAccount,
    ) -> Result<Reply<Uuid>, AdjudicationError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let now = self.clock.now();
        let coverage = self.identity.coverage(ctx.caller.region, asked.holder, local_date(now)).await?;
        if coverage.basic.is_none_or(|basic| basic.scheme != Scheme::Employee) {
            return Err(AdjudicationError::NoPersonalAccount(asked.holder));
        }
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let credit = Credit {
            id: Uuid::now_v7(),
            holder: asked.holder,
            amount: asked.amount,
            reference: asked.reference,
            by: ctx.caller.acting().clone(),
            at: now,
        };
        accounts::credit(&mut tx, ctx.caller.region, &credit).await?;
        let data = json!({ "resident_id": credit.holder });
        let told = NewEvent::new("anjia.adjudication.account.credited.v1", credit.id, data, now);
        events::append(&mut tx, told.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "adjudication.account.credit").resident(credit.holder);
        audit::record(&mut tx, entry.row("account_entries", credit.id)).await?;
        Ok(call.commit(tx, credit.id).await?)
    }

    /// Lets one of the family be paid for from the caller's account, or ends that.
    pub async fn share_account(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Standing>>,
        asked: ShareAccount,
    ) -> Result<Reply<Permitted<Standing>>, AdjudicationError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let asked = ctx.permit(asked)?.into_inner();
        if ctx.caller.acted_for().is_some() {
            return Err(AdjudicationError::ActionNotDelegated);
        }
        let now = self.clock.now();
        // That there is such a person; what else identity says of them is nothing to the caller.
        self.identity.coverage(ctx.caller.region, asked.member, local_date(now)).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        if aliases::one_person(&mut tx, asked.holder).await?.contains(&asked.member) {
            return Err(AdjudicationError::OwnAccount);
        }
        let share = AccountShare {
            id: Uuid::now_v7(),
            holder: asked.holder,
            member: asked.member,
            until: asked.until,
            at: now,
        };
        let row = accounts::share(&mut tx, ctx.caller.region, &share).await?;
        let data = json!({ "resident_id": share.holder, "member_resident_id": share.member });
        let told = NewEvent::new("anjia.adjudication.account.shared.v1", row, data, now);
        events::append(&mut tx, told.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "adjudication.account.share").resident(share.holder);
        audit::record(&mut tx, entry.row("account_shares", row)).await?;
        let standing = ctx.permit(self.standing(&mut tx, asked.holder).await?)?;
        Ok(call.commit(tx, standing).await?)
    }

    /// What stands in a person's accounts.
    pub async fn account(&self, ctx: &Context, holder: ResidentId) -> Result<Permitted<Standing>, AdjudicationError> {
        self.check_view(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let standing = ctx.permit(self.standing(&mut tx, holder).await?)?;
        audit::record(&mut tx, Entry::new(&ctx.caller, "adjudication.account.read").resident(holder)).await?;
        tx.commit().await?;
        Ok(standing)
    }

    async fn standing(
        &self,
        tx: &mut postgres::Transaction,
        holder: ResidentId,
    ) -> Result<Standing, AdjudicationError> {
        let now = self.clock.now();
        let purses = accounts::purses(tx, holder, local_date(now), now).await?;
        Ok(Standing {
            holder,
            balance: accounts::balance(tx, holder).await?,
            free: purses.iter().filter(|purse| purse.is_own).map(|purse| purse.free).sum(),
            shares: accounts::shares(tx, holder).await?,
        })
    }
}
