//! Reserves the shares of a bill: opens it, or re-bases it from its quote to the settlement. Calls no bank.

use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::{Begun, Call, Reply, Transaction, aliases, audit};
use types::ids::{BillId, CreditLineId, QuoteId, ResidentId, SettlementId};
use types::money::Money;

use super::authority::Ground;
use super::{App, record};
use crate::domain::bill::{Basis, Bill};
use crate::domain::error::PaymentError;
use crate::domain::shares::{Share, credit_changes};
use crate::store::bill_ids::Claim;
use crate::store::{bill_ids, bills, credit_lines};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Authorise {
    /// That of an authorised bill re-bases it; none: one is chosen.
    pub bill: Option<BillId>,
    pub basis: BasisId,
    /// Who pays the person's share; nobody named: the desk collects it.
    pub payers: Vec<Share>,
}

#[derive(Debug, Clone, Copy)]
pub enum BasisId {
    Quote(QuoteId),
    Settlement(SettlementId),
}

impl App {
    pub async fn authorise(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Bill>>,
        asked: Authorise,
    ) -> Result<Reply<Permitted<Bill>>, PaymentError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let basis = match asked.basis {
            BasisId::Quote(id) => self.adjudication.quote(ctx, id).await?,
            BasisId::Settlement(id) => self.adjudication.settlement(ctx, id).await?,
        };
        let basis = ctx.permit(basis)?.into_inner();
        let ground = self.may_name_payers(ctx, &basis, &asked.payers).await?;
        ground.check_reach(basis.payee)?;
        let shares = basis.due.divide(&asked.payers)?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let (now, region) = (self.now(), tx.region()?);
        let id = asked.bill.unwrap_or_else(BillId::generate);
        let (bill, shares_before) = match bill_ids::claim(&mut tx, region, id, basis.resident, None).await? {
            Claim::Ours => self.open(&mut tx, id, &basis, (shares, &ground), now).await?,
            Claim::Opened => self.rebase(&mut tx, id, &basis, (shares, &ground), now).await?,
            Claim::Cancelled => return Err(PaymentError::BillCancelled),
            Claim::Elsewhere => return Err(PaymentError::BillNotFound),
        };
        record::tell_bill(&mut tx, record::BILL_AUTHORISED, &bill, now).await?;
        let entry = record::entry(&ctx.caller, "payment.bill.authorise", &bill).row("bill_ids", bill.id);
        audit::record(&mut tx, bills::shares_audited(entry, &bill, shares_before)).await?;
        Ok(call.commit(tx, ctx.permit(bill)?).await?)
    }

    /// The bill, and how many shares it had before: none.
    async fn open(
        &self,
        tx: &mut Transaction,
        id: BillId,
        basis: &Basis,
        (shares, ground): (Vec<Share>, &Ground),
        now: DateTime<Utc>,
    ) -> Result<(Bill, usize), PaymentError> {
        let bill = Bill::open(id, basis, (shares, ground.word.clone()), now, self.expiry(basis, now));
        let bill = Bill { mandate: ground.mandate, ..bill };
        ground.check_amount(tx, &bill).await?;
        reserve(tx, basis.resident, &credit_changes(&[], &bill.shares), now).await?;
        let region = tx.region()?;
        bills::insert(tx, region, &bill).await.map_err(billed_before)?;
        Ok((bill, 0))
    }

    /// The bill, and how many shares it had before.
    async fn rebase(
        &self,
        tx: &mut Transaction,
        id: BillId,
        basis: &Basis,
        (shares, ground): (Vec<Share>, &Ground),
        now: DateTime<Utc>,
    ) -> Result<(Bill, usize), PaymentError> {
        let before = bills::lock(tx, id).await?.ok_or(PaymentError::BillNotFound)?;
        ground.check_arranged(&before)?;
        let reserved = before.shares.clone();
        let basis = &theirs(tx, basis, before.resident).await?;
        let bill = before.rebase(basis, (shares, ground.word.clone()), now, self.expiry(basis, now))?;
        ground.check_amount(tx, &bill).await?;
        reserve(tx, basis.resident, &credit_changes(&reserved, &bill.shares), now).await?;
        let region = tx.region()?;
        let shares_before = bills::rebase(tx, region, &bill).await.map_err(billed_before)?;
        Ok((bill, shares_before))
    }

    fn expiry(&self, basis: &Basis, now: DateTime<Utc>) -> DateTime<Utc> {
        basis.not_before.max(now) + self.durations.reservation
    }
}

/// Holds more or less on each line, in the order of lines.
async fn reserve(
    tx: &mut Transaction,
    resident: ResidentId,
    changes: &[(CreditLineId, Money)],
    now: DateTime<Utc>,
) -> Result<(), PaymentError> {
    for &(line, change) in changes {
        if change.is_negative() {
            credit_lines::release(tx, line, -change).await?;
        } else if !credit_lines::hold(tx, line, resident, change, now).await? {
            let line = credit_lines::find(tx, line).await?.ok_or(PaymentError::CreditLineNotFound)?;
            // A line that was granted under another id of theirs is theirs.
            let holder = if aliases::same(tx, line.resident, resident).await? { line.resident } else { resident };
            return Err(line.refusal(holder, now));
        }
    }
    Ok(())
}

/// What a bill of the resident's is re-based to: of the same person, it goes by the bill's id.
async fn theirs(tx: &mut Transaction, basis: &Basis, resident: ResidentId) -> Result<Basis, PaymentError> {
    let is_same = aliases::same(tx, basis.resident, resident).await?;
    Ok(if is_same { Basis { resident, ..basis.clone() } } else { basis.clone() })
}

fn billed_before(error: postgres::Error) -> PaymentError {
    match error.constraint() {
        Some("bills_quote_key") => PaymentError::QuoteBilled,
        Some("bills_mandate_key") => PaymentError::MandateBilled,
        Some("bills_settlement_key") => PaymentError::SettlementBilled,
        _ => error.into(),
    }
}
