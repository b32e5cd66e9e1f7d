//! What a provider's desk takes and gives after a bill was captured. The word of its staff counts: money has changed hands.

use chassis::{Context, Permitted};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Transaction};
use types::ids::{BillId, CreditLineId, PayoutId, ReceiptId};
use types::money::Money;

use super::follow_settlement::post;
use super::orders::settle;
use super::{App, receipts, record};
use crate::domain::bill::Bill;
use crate::domain::desk::{Payout, PayoutState, Taken};
use crate::domain::error::PaymentError;
use crate::domain::journal::{self, Parties, Purpose};
use crate::domain::order;
use crate::store::{bank_orders, bills, collections, corrections, ledger, payouts};

#[derive(Debug, Clone)]
pub struct Collect {
    pub bill: BillId,
    pub taken: Taken,
}

#[derive(Debug, Clone)]
pub struct OpenPayout {
    /// None: have one chosen.
    pub id: Option<PayoutId>,
    pub bill: BillId,
    pub given: Taken,
}

#[derive(Debug, Clone, Copy)]
pub struct Witness {
    pub payout: PayoutId,
    pub seen: Money,
}

impl App {
    /// Takes arrears: the bill's shares, its receipt and the ledger follow in one transaction.
    pub async fn collect_arrears(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Bill>>,
        asked: Collect,
    ) -> Result<Reply<Permitted<Bill>>, PaymentError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let now = self.now();
        let bill = ctx.permit(bills::lock(&mut tx, asked.bill).await?.ok_or(PaymentError::BillNotFound)?)?.into_inner();
        let former = bill.present_receipt();
        let declined = declined(&mut tx, bill.id).await?;
        let correction = bill.collect(asked.taken.amount, &declined, ReceiptId::generate(), now)?;
        let former = former.ok_or(PaymentError::ReceiptNotFound)?;

        let region = tx.region()?;
        let entry = journal::arrears_collected(parties(&tx, &bill)?, asked.taken.amount)?;
        let posted =
            post(&mut tx, Some(&ctx.caller), &bill, (Purpose::ArrearsCollected, correction.number), &entry, now)
                .await?;
        corrections::insert(&mut tx, region, bill.id, &correction).await?;
        collections::insert(&mut tx, region, bill.id, &correction, (&asked.taken, ctx.caller.acting())).await?;
        let receipt = receipts::correct(&bill, former, &correction);
        crate::store::receipts::insert(&mut tx, region, &receipt).await?;
        let bill = bill.corrected(correction.clone());
        bills::update(&mut tx, &bill).await?;

        record::tell_bill(&mut tx, record::BILL_COLLECTED, &bill, now).await?;
        let bill = settle(&mut tx, bill, now).await?;
        let entry = record::entry(&ctx.caller, "payment.bill.collect", &bill);
        let entry = corrections::audited(entry, bill.id, &correction);
        let entry = collections::audited(entry, bill.id, correction.number);
        audit::record(&mut tx, ledger::audited(receipts::with_hash(entry, &receipt), &posted)).await?;
        // As the ledger has it now.
        let bill = bills::find(&mut tx, bill.id).await?.ok_or(PaymentError::BillNotFound)?;
        let bill = ctx.permit(bill)?;
        Ok(call.commit(tx, bill).await?)
    }

    /// Opens a payout. Nothing moves yet.
    pub async fn open_payout(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Payout>>,
        asked: OpenPayout,
    ) -> Result<Reply<Permitted<Payout>>, PaymentError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let bill = ctx.permit(bills::lock(&mut tx, asked.bill).await?.ok_or(PaymentError::BillNotFound)?)?;
        bill.check_refund(asked.given.amount)?;
        let payout = Payout {
            id: asked.id.unwrap_or_else(PayoutId::generate),
            bill: bill.id,
            resident: bill.resident,
            payee: bill.payee,
            given: asked.given,
            opened_by: ctx.caller.acting().clone(),
            opened_at: self.now(),
            state: PayoutState::Open,
        };
        let replaced = payouts::replace_open(&mut tx, bill.id).await?;
        let region = tx.region()?;
        payouts::insert(&mut tx, region, &payout).await.map_err(|error| match error.constraint() {
            Some("payouts_pkey") => PaymentError::PayoutExists,
            _ => error.into(),
        })?;
        let entry = Entry::new(&ctx.caller, "payment.payout.open").resident(payout.resident);
        let entry = replaced.into_iter().fold(entry, payouts::audited);
        audit::record(&mut tx, payouts::audited(entry, payout.id)).await?;
        let payout = ctx.permit(payout)?;
        Ok(call.commit(tx, payout).await?)
    }

    /// Witnesses a payout: the money has moved.
    pub async fn witness_payout(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Payout>>,
        asked: Witness,
    ) -> Result<Reply<Permitted<Payout>>, PaymentError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let payout = payouts::find(&mut tx, asked.payout).await?.ok_or(PaymentError::PayoutNotFound)?;
        let bill = bills::lock(&mut tx, ctx.permit(payout)?.bill).await?.ok_or(PaymentError::BillNotFound)?;
        // Read again: it may have been witnessed, or replaced, while the bill was being locked.
        let payout = payouts::find(&mut tx, asked.payout).await?.ok_or(PaymentError::PayoutNotFound)?;
        if matches!(payout.state, PayoutState::Paid { .. }) {
            let payout = ctx.permit(payout)?;
            return Ok(call.commit(tx, payout).await?);
        }
        let now = self.now();
        let number = payouts::paid(&mut tx, bill.id).await? + 1;
        let paid = payout.witnessed(ctx.caller.acting(), asked.seen, (ReceiptId::generate(), number), now)?;
        bill.check_refund(paid.given.amount)?;

        let region = tx.region()?;
        let entry = journal::desk_refunded(parties(&tx, &bill)?, bill.owed, paid.given.amount)?;
        let posted = post(&mut tx, Some(&ctx.caller), &bill, (Purpose::DeskRefunded, number), &entry, now).await?;
        payouts::pay(&mut tx, &paid).await?;
        let receipt = receipts::pay_out(&bill, &paid).ok_or(PaymentError::ReceiptNotFound)?;
        crate::store::receipts::insert(&mut tx, region, &receipt).await?;

        record::tell_paid(&mut tx, &paid, now).await?;
        let entry = Entry::new(&ctx.caller, "payment.payout.witness").resident(paid.resident);
        let entry = receipts::with_hash(payouts::audited(entry, paid.id), &receipt);
        audit::record(&mut tx, ledger::audited(entry, &posted)).await?;
        let paid = ctx.permit(paid)?;
        Ok(call.commit(tx, paid).await?)
    }
}

fn parties(tx: &Transaction, bill: &Bill) -> Result<Parties, PaymentError> {
    Ok(Parties { region: tx.region()?, resident: bill.resident, payee: bill.payee })
}

/// The lines that a bank declined to pay for this bill.
async fn declined(tx: &mut Transaction, bill: BillId) -> Result<Vec<CreditLineId>, PaymentError> {
    let orders = bank_orders::of_bill(tx, bill).await?;
    let declined =
        orders.into_iter().filter(|order| order.kind == order::Kind::Capture && order.state == order::State::Failed);
    Ok(declined.map(|order| order.credit_line).collect())
}
