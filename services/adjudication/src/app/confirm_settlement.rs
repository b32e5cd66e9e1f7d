use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Datelike as _, Utc};
use postgres::audit::{self, Entry};
use postgres::events::NewEvent;
use postgres::{Begun, Call, Reply, Scope, Transaction};
use serde_json::json;
use types::ids::{BillId, OrganisationId, ResidentId, SettlementId};
use uuid::Uuid;

use super::App;
use super::author::Author;
use super::inspect_beside::wait_for_others;
use super::inspect_claim;
use super::readjudicate::ask;
use super::telling::Telling;
use crate::domain::error::AdjudicationError;
use crate::domain::settlement::{Confirmation, Settlement};
use crate::store::{accounts, accumulators, aftermath, clearing_entries, settlements};

impl Guarded for Settlement {
    const NOT_FOUND: &'static str = "SETTLEMENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.provider]
    }
}

impl App {
    /// Confirms a division for a bill: the person's year moves on. Refused if it moved since the division.
    pub async fn confirm_settlement(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Settlement>>,
        id: SettlementId,
        bill: BillId,
    ) -> Result<Reply<Permitted<Settlement>>, AdjudicationError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let now = self.clock.now();
        let may_have_missed = wait_for_others(&mut tx, id, now).await?;
        let not_found = AdjudicationError::SettlementNotFound;
        let found = settlements::find(&mut tx, id).await?.ok_or_else(|| not_found(id))?;
        // Running totals before settlements, as everywhere: whoever judges the year anew holds the totals and wants this settlement.
        let account_version = match &found.cover {
            Some(cover) => {
                let standing = accumulators::lock(&mut tx, &cover.account).await?;
                Some(standing.version_for(&found.adjudication))
            }
            None => None,
        };
        let settlement = match found.confirm(bill, account_version, now)? {
            Confirmation::Already(settlement) => settlement,
            Confirmation::New(settlement) if settlements::confirm(&mut tx, id, now, bill).await? => {
                self.settle(&mut tx, ctx, &settlement, (bill, now), may_have_missed).await?;
                settlement
            }
            // It was no division any more: somebody was faster.
            Confirmation::New(_) => {
                let found = settlements::lock(&mut tx, id).await?.ok_or_else(|| not_found(id))?;
                match found.confirm(bill, account_version, now)? {
                    Confirmation::Already(settlement) => settlement,
                    Confirmation::New(_) => return Err(AdjudicationError::YearMoved),
                }
            }
        };
        let settlement = ctx.permit(settlement)?;
        Ok(call.commit(tx, settlement).await?)
    }

    /// What follows from a confirmation that was just written.
    async fn settle(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        settlement: &Settlement,
        (bill, now): (BillId, DateTime<Utc>),
        may_have_missed: bool,
    ) -> Result<(), AdjudicationError> {
        if let Some(cover) = &settlement.cover {
            accumulators::advance(tx, &cover.account, &settlement.adjudication).await?;
        }
        let taken = take(tx, settlement, now).await?;
        let mut telling = Telling::by(Author::of(ctx));
        if may_have_missed {
            self.look_again(tx, settlement, now, &mut telling).await?;
        }
        tell(tx, settlement, bill, (now, taken), &mut telling).await?;
        telling.write(tx).await?;
        Ok(())
    }

    /// One settlement with its explanation.
    pub async fn settlement(
        &self,
        ctx: &Context,
        id: SettlementId,
    ) -> Result<Permitted<Settlement>, AdjudicationError> {
        self.check_view_or_pay(ctx).await?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let settlement = settlements::find(&mut tx, id).await?.ok_or(AdjudicationError::SettlementNotFound(id))?;
        let settlement = ctx.permit(settlement.at(self.clock.now()))?;
        let entry = Entry::new(&ctx.caller, "adjudication.settlement.read")
            .resident(settlement.resident)
            .row("settlements", id);
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(settlement)
    }
}

/// What the division was promised of accounts. Where clocks differ it may have lapsed for another, who was promised the same.
async fn take(
    tx: &mut Transaction,
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, AdjudicationError> {
    accounts::lock(tx, settlement.takes().map(|(holder, _)| holder)).await?;
    let taken = accounts::take(tx, settlement, now).await?;
    taken.ok_or(AdjudicationError::StaleDivision(settlement.id))
}

async fn tell(
    tx: &mut Transaction,
    settlement: &Settlement,
    bill: BillId,
    (now, taken): (DateTime<Utc>, Vec<Uuid>),
    telling: &mut Telling<'_>,
) -> Result<(), AdjudicationError> {
    let data = json!({
        "resident_id": settlement.resident,
        "claim_id": settlement.claim,
        "bill_id": bill,
        "journey_id": settlement.journey,
    });
    telling.event(NewEvent::new("anjia.adjudication.settlement.confirmed.v1", settlement.id, data, now));
    let mut entry = telling
        .begin("adjudication.settlement.confirm")
        .resident(settlement.resident)
        .row("settlements", settlement.id);
    entry = taken.into_iter().fold(entry, |entry, taken| entry.row("account_entries", taken));
    let aftermath = aftermath::of(tx, settlement).await?;
    let fund = settlement.adjudication.shares.fund();
    if aftermath.is_owed
        && let Some(booked) = clearing_entries::settle(tx, settlement.id, fund, now).await?
    {
        entry = entry.row("clearing_entries", booked);
    }
    if let Some(cause) = aftermath.anew {
        let year =
            settlement.cover.as_ref().map_or(settlement.adjudication.judged_date.year(), |cover| cover.account.year);
        entry = ask(tx, settlement.resident, year, cause, now, telling.traceparent(), entry).await?;
    }
    telling.entry(entry);
    if aftermath.is_suspect {
        inspect_claim::raise(tx, settlement.id, (Some(bill), now), telling).await?;
    }
    Ok(())
}
