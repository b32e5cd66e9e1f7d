//! What banks ask for and say: their open orders, and what became of one.

use chassis::{Context, Permitted};
use chrono::{DateTime, TimeDelta, Utc};
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Scope, Transaction};
use types::ids::{OrderId, TransferId};

use super::{App, record};
use crate::domain::bill::Bill;
use crate::domain::error::PaymentError;
use crate::domain::journal::{self, JournalEntry, Purpose};
use crate::domain::order::{BankOrder, Kind, State, Word};
use crate::store::ledger::{Posted, Posting};
use crate::store::{bank_orders, bills, credit_lines, ledger};

/// How far a bank's clock may be ahead of ours.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Which orders.
#[derive(Debug, Clone, Copy)]
pub struct QueryOrders {
    /// None: those that await the bank's word.
    pub state: Option<State>,
    /// The last one that the bank was answered.
    pub after: Option<OrderId>,
    pub limit: i64,
}

#[derive(Debug, Clone)]
pub struct Report {
    pub order: OrderId,
    pub word: Word,
    pub occurred_at: DateTime<Utc>,
}

impl App {
    /// Orders of the calling bank, oldest first. From now on the bank has seen them.
    pub async fn query_orders(
        &self,
        ctx: &Context,
        asked: QueryOrders,
    ) -> Result<Vec<Permitted<BankOrder>>, PaymentError> {
        let bank = ctx.caller.organisation.ok_or(PaymentError::OutsideScope)?;
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let orders = bank_orders::hand_out(&mut tx, bank, asked.state, asked.after, asked.limit).await?;
        let orders = ctx.permit_all(orders)?;
        if !orders.is_empty() {
            let entry = Entry::new(&ctx.caller, "payment.order.query");
            let entry = orders.iter().fold(entry, |entry, order| record::with_order(entry, order));
            audit::record(&mut tx, entry).await?;
        }
        tx.commit().await?;
        Ok(orders)
    }

    /// Takes the bank's word about an order. It is posted, and settles the bill where no bank is to pay any of it any more, and nothing is
    /// owed that one declined.
    pub async fn report(
        &self,
        ctx: &Context,
        call: &Call<Permitted<BankOrder>>,
        asked: Report,
    ) -> Result<Reply<Permitted<BankOrder>>, PaymentError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let now = self.now();
        if asked.occurred_at > now + CLOCK_SKEW {
            return Err(PaymentError::field("occurred_at", "must not be in the future"));
        }
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let order = bank_orders::find(&mut tx, asked.order).await?.ok_or(PaymentError::OrderNotFound)?;
        let bill_id = ctx.permit(order)?.bill;
        // The bill first: locks are always taken in this order.
        let bill = bills::lock(&mut tx, bill_id).await?.ok_or(PaymentError::BillNotFound)?;
        let order = bank_orders::lock(&mut tx, asked.order).await?.ok_or(PaymentError::OrderNotFound)?;
        // What was never handed out the bank cannot have carried out.
        if !bank_orders::is_due(&mut tx, order.id).await? {
            return Err(PaymentError::OrderNotFound);
        }
        let Some(told) = order.clone().report(&asked.word, asked.occurred_at)? else {
            return Ok(call.commit(tx, ctx.permit(order)?).await?);
        };
        bank_orders::update(&mut tx, &told).await?;
        let Resolved { bill, withdrawn, posted } = resolve(&mut tx, &told, bill, now).await?;

        let entry = Entry::new(&ctx.caller, "payment.order.report").resident(bill.resident);
        let entry = record::with_bill(record::with_order(entry, &told), &bill);
        let entry = withdrawn.iter().fold(entry, record::with_order);
        audit::record(&mut tx, posted.iter().fold(entry, ledger::audited)).await?;
        Ok(call.commit(tx, ctx.permit(told)?).await?)
    }
}

/// What a bank's word changed.
struct Resolved {
    bill: Bill,
    /// Refunds that are of no use any more.
    withdrawn: Vec<BankOrder>,
    posted: Vec<Posted>,
}

/// What the bank's word does to the books and to the bill.
async fn resolve(
    tx: &mut Transaction,
    order: &BankOrder,
    bill: Bill,
    now: DateTime<Utc>,
) -> Result<Resolved, PaymentError> {
    let mut resolved = Resolved { bill, withdrawn: vec![], posted: vec![] };
    if order.state.is_open() {
        return Ok(resolved);
    }
    record::tell_resolved(tx, order, now).await?;
    match (order.kind, order.state) {
        (Kind::Capture, State::Succeeded) => {
            let entry = journal::bank_cleared(order.bank, order.amount)?;
            resolved.posted.push(post(tx, Purpose::BankCleared, order, &entry, now).await?);
            resolved.bill = settle(tx, resolved.bill, now).await?;
        }
        (Kind::Capture, _) => {
            credit_lines::give_back(tx, order.credit_line, order.amount).await?;
            let entry = journal::bank_declined(order.bank, resolved.bill.resident, order.amount)?;
            resolved.posted.push(post(tx, Purpose::BankDeclined, order, &entry, now).await?);
            withdraw_refunds(tx, order, &mut resolved, now).await?;
            // A correction may have let fall away what it was to pay.
            resolved.bill = settle(tx, resolved.bill, now).await?;
        }
        (Kind::Refund, State::Succeeded) => {
            credit_lines::give_back(tx, order.credit_line, order.amount).await?;
            let entry = journal::refund_cleared(order.bank, order.amount)?;
            resolved.posted.push(post(tx, Purpose::RefundCleared, order, &entry, now).await?);
        }
        (Kind::Refund, _) => {
            let entry = journal::refund_declined(order.bank, resolved.bill.resident, order.amount, true)?;
            resolved.posted.push(post(tx, Purpose::RefundDeclined, order, &entry, now).await?);
        }
    }
    Ok(resolved)
}

/// Settles a locked bill of which no bank is to pay anything any more and nothing is owed that one declined ([`Bill::settled`]); otherwise it
/// stays as it is.
pub(super) async fn settle(tx: &mut Transaction, bill: Bill, now: DateTime<Utc>) -> Result<Bill, PaymentError> {
    let orders = bank_orders::of_bill(tx, bill.id).await?;
    let Some(settled) = bill.settled(&orders) else { return Ok(bill) };
    bills::update(tx, &settled).await?;
    record::tell_bill(tx, record::BILL_SETTLED, &settled, now).await?;
    Ok(settled)
}

/// What the bank never paid it cannot put back: the resident owes that much less of what it declined.
async fn withdraw_refunds(
    tx: &mut Transaction,
    declined: &BankOrder,
    resolved: &mut Resolved,
    now: DateTime<Utc>,
) -> Result<(), PaymentError> {
    for order in bank_orders::of_bill(tx, declined.bill).await? {
        if order.kind == Kind::Refund && order.credit_line == declined.credit_line && order.state.is_open() {
            let order = order.withdraw();
            bank_orders::update(tx, &order).await?;
            record::tell_resolved(tx, &order, now).await?;
            let entry = journal::refund_declined(order.bank, resolved.bill.resident, order.amount, false)?;
            resolved.posted.push(post(tx, Purpose::RefundDeclined, &order, &entry, now).await?);
            resolved.withdrawn.push(order);
        }
    }
    Ok(())
}

async fn post(
    tx: &mut Transaction,
    purpose: Purpose,
    order: &BankOrder,
    entry: &JournalEntry,
    now: DateTime<Utc>,
) -> Result<Posted, PaymentError> {
    let posting = Posting {
        id: TransferId::generate(),
        region: tx.region()?,
        purpose,
        number: 0,
        bill: order.bill,
        order: Some(order.id),
        mandate: None,
        posted_at: now,
    };
    Ok(ledger::post(tx, posting, entry).await?)
}
