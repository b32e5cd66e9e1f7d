//! What the funds of a region received and paid.

use chassis::Context;
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Scope};
use types::money::Money;
use types::region::RegionCode;
use types::scheme::Scheme;
use uuid::Uuid;

use super::App;
use crate::domain::error::AdjudicationError;
use crate::domain::fund::{FundMonth, Income, with_balances};
use crate::store::funds;

/// An income to record.
#[derive(Debug, Clone)]
pub struct RecordIncome {
    pub scheme: Scheme,
    pub kind: &'static str,
    pub on: NaiveDate,
    pub amount: Money,
    pub reference: String,
}

/// The funds of a region.
#[derive(Debug)]
pub struct Funds {
    pub region: RegionCode,
    pub months: Vec<FundMonth>,
}

impl App {
    /// Records what the fund of a scheme received; answers the entry's id.
    pub async fn record_income(
        &self,
        ctx: &Context,
        call: &Call<Uuid>,
        recorded: RecordIncome,
    ) -> Result<Reply<Uuid>, AdjudicationError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let income = Income {
            id: Uuid::now_v7(),
            scheme: recorded.scheme,
            kind: recorded.kind,
            on: recorded.on,
            amount: recorded.amount,
            reference: recorded.reference,
            by: ctx.caller.acting().clone(),
            at: self.clock.now(),
        };
        funds::receive(&mut tx, ctx.caller.region, &income).await?;
        let entry = Entry::new(&ctx.caller, "adjudication.fund.receive").row("fund_incomes", income.id);
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, income.id).await?)
    }

    /// The months from–until, by their first days, with balances that rest on everything before.
    pub async fn fund(&self, ctx: &Context, from: NaiveDate, until: NaiveDate) -> Result<Funds, AdjudicationError> {
        let region = ctx.caller.region;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let months = funds::months(&mut tx, region, until).await?;
        tx.commit().await?;
        let months = with_balances(months).ok_or(AdjudicationError::FundTooLarge)?;
        Ok(Funds { region, months: months.into_iter().filter(|month| month.month >= from).collect() })
    }
}
