use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::events::NewEvent;
use postgres::{Begun, Call, Reply, Transaction};
use serde_json::json;
use types::ids::{BillId, SettlementId};

use super::App;
use super::author::Author;
use super::inspect_claim::drop_findings;
use super::readjudicate::ask;
use super::replacing::book_cuts;
use super::telling::Telling;
use crate::domain::change::{Cause, Reason};
use crate::domain::error::AdjudicationError;
use crate::domain::settlement::{Reversal, Settlement};
use crate::store::{accounts, accumulators, claims, clearing_entries, settlements};

impl App {
    /// Takes a confirmed settlement back from its bill: the person's year moves back, and later care of the year is judged anew.
    pub async fn reverse_settlement(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Settlement>>,
        id: SettlementId,
        bill: BillId,
        reason: Reason,
    ) -> Result<Reply<Permitted<Settlement>>, AdjudicationError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let not_found = AdjudicationError::SettlementNotFound;
        let found = settlements::find(&mut tx, id).await?.ok_or_else(|| not_found(id))?;
        claims::lock_person(&mut tx, found.resident).await?;
        if let Some(cover) = &found.cover {
            accumulators::lock(&mut tx, &cover.account).await?;
        }
        let settlement = settlements::lock(&mut tx, id).await?.ok_or_else(|| not_found(id))?;
        let now = self.clock.now();
        let settlement = match settlement.reverse(bill, reason, now)? {
            Reversal::Already(settlement) => settlement,
            Reversal::New(settlement) => {
                let mut telling = Telling::by(Author::of(ctx));
                let was_owed = take_back(&mut tx, ctx, &settlement, now, &mut telling).await?;
                drop_findings(&mut tx, &settlement, now, &mut telling).await?;
                if was_owed {
                    book_cuts(&mut tx, &settlement, &[settlement.id], now, &mut telling).await?;
                }
                telling.write(&mut tx).await?;
                settlement
            }
        };
        let settlement = ctx.permit(settlement)?;
        Ok(call.commit(tx, settlement).await?)
    }
}

/// Answers whether another region owed it.
async fn take_back(
    tx: &mut Transaction,
    ctx: &Context,
    settlement: &Settlement,
    now: DateTime<Utc>,
    telling: &mut Telling<'_>,
) -> Result<bool, AdjudicationError> {
    settlements::end(tx, settlement).await?;
    let booked = clearing_entries::take_back(tx, settlement.id, now).await?;
    let was_owed = booked.is_some();
    let entry = telling
        .begin("adjudication.settlement.reverse")
        .resident(settlement.resident)
        .row("settlements", settlement.id);
    let mut entry = booked.into_iter().fold(entry, |entry, booked| entry.row("clearing_entries", booked));
    accounts::lock(tx, settlement.takes().map(|(holder, _)| holder)).await?;
    for returned in accounts::give_back(tx, settlement, now).await? {
        entry = entry.row("account_entries", returned);
    }
    if let Some(cover) = &settlement.cover {
        let judged = &settlement.adjudication;
        accumulators::take_back(tx, &cover.account, judged).await?;
        entry =
            ask(tx, settlement.resident, cover.account.year, Cause::Reversal, now, ctx.traceparent(), entry).await?;
    }
    let data = json!({
        "resident_id": settlement.resident,
        "claim_id": settlement.claim,
        "provider_organisation_id": settlement.provider,
        "bill_id": settlement.state.bill(),
        "reason": settlement.change.reason.map(Reason::as_str),
        "journey_id": settlement.journey,
    });
    let told = NewEvent::new("anjia.adjudication.settlement.reversed.v1", settlement.id, data, now);
    telling.event(told);
    telling.entry(entry);
    Ok(was_owed)
}
