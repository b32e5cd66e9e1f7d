//! Follows what becomes of a settlement after its bill was captured: corrected or taken back. What was posted is taken back and posted
//! anew, what was paid too much goes back, what is owed more is due later. No bank is called here, and nobody is charged.

use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::consumer::{Advanced, Failure, Inbox};
use postgres::{Scope, Transaction};
use types::caller::Caller;
use types::ids::{BillId, OrderId, ReceiptId, SettlementId, TransferId};
use types::region::RegionCode;

use super::{App, receipts, record};
use crate::domain::bill::{Bill, State};
use crate::domain::correction::{Correction, GivenBack, Kind, Way, paid_back};
use crate::domain::error::PaymentError;
use crate::domain::journal::{self, JournalEntry, Parties, Purpose};
use crate::domain::order::{self, BankOrder};
use crate::domain::shares::{Payer, Share};
use crate::store::ledger::{Posted, Posting};
use crate::store::{bank_orders, bills, captures, corrections, ledger};

impl App {
    /// Corrects the bill that a settlement is for. Told again, or too late, it has no effect.
    pub async fn follow_settlement(
        &self,
        inbox: Inbox,
        region: RegionCode,
        (kind, settlement): (Kind, SettlementId),
        bill: BillId,
    ) -> Result<Advanced, Failure> {
        let own = self.credentials.own_in(region).await.map_err(|status| Failure::not_now(status.code()))?;
        let verdict = self.adjudication.verdict(&own, settlement, kind).await.map_err(failure)?;
        let mut tx = inbox.begin(Scope::Region(region)).await?;
        let Some(bill) = captured(&mut tx, bill).await? else {
            tracing::warn!(%settlement, "a settlement that is for no bill of ours");
            return Ok(inbox.commit(tx).await?);
        };
        let now = self.now();
        if let Some(correction) = bill.follow(&verdict, ReceiptId::generate(), now).map_err(failure)? {
            correct(&mut tx, bill, correction, now).await.map_err(failure)?;
        }
        Ok(inbox.commit(tx).await?)
    }
}

/// The bill, locked; none if there is none. While its capture is under way its time has not come.
pub(super) async fn captured(tx: &mut Transaction, id: BillId) -> Result<Option<Bill>, Failure> {
    let Some(bill) = bills::lock(tx, id).await? else { return Ok(None) };
    match bill.state {
        State::Capturing if captures::is_under_way(tx, id).await? => {
            Err(Failure::not_now("the bill is being captured"))
        }
        State::Captured { .. } | State::Settled { .. } => Ok(Some(bill)),
        State::Authorised | State::Capturing | State::Cancelled => Err(Failure::refused(PaymentError::BillNotCaptured)),
    }
}

/// What an error means to a consumer.
pub(super) fn failure(error: PaymentError) -> Failure {
    match error {
        PaymentError::Storage(cause) => cause.into(),
        error @ PaymentError::PeerUnavailable { .. } => Failure::not_now(error),
        error => Failure::refused(error),
    }
}

async fn correct(
    tx: &mut Transaction,
    bill: Bill,
    correction: Correction,
    now: DateTime<Utc>,
) -> Result<(), PaymentError> {
    let region = tx.region()?;
    let former = bill.present_receipt().ok_or(PaymentError::ReceiptNotFound)?;
    let before = bill.present_shares().to_vec();
    let orders = bank_orders::of_bill(tx, bill.id).await?;
    let back = ways_back(&before, &correction.shares, &orders)?;
    let posted = post_legs(tx, &bill, (&before, &correction), &back, &orders, now).await?;

    let refunds = refunds(&back, &orders, correction.number, now);
    for refund in &refunds {
        bank_orders::insert(tx, region, refund).await?;
    }
    corrections::insert(tx, region, bill.id, &correction).await?;
    let receipt = receipts::correct(&bill, former, &correction);
    crate::store::receipts::insert(tx, region, &receipt).await?;
    let bill = bill.corrected(correction.clone());
    bills::update(tx, &bill).await?;
    let withheld = super::withhold::follow(tx, &bill, now).await?;

    let kind = if bill.is_refunded() { record::BILL_REFUNDED } else { record::BILL_CORRECTED };
    record::tell_bill(tx, kind, &bill, now).await?;
    // What a bank had declined may have fallen away.
    let bill = super::orders::settle(tx, bill, now).await?;
    let entry = Entry::by_service(record::SERVICE, "payment.bill.correct").resident(bill.resident);
    let entry = corrections::audited(record::with_bill(entry, &bill), bill.id, &correction);
    let entry = refunds.iter().fold(receipts::with_hash(entry, &receipt), record::with_order);
    audit::record(tx, posted.iter().chain(&withheld).fold(entry, ledger::audited)).await?;
    Ok(())
}

/// The order by which a line was asked to pay.
fn capture_of(orders: &[BankOrder], payer: Payer) -> Option<&BankOrder> {
    orders.iter().find(|order| order.kind == order::Kind::Capture && Some(order.credit_line) == payer.credit_line())
}

/// How what was paid too much goes back: the way it came.
fn ways_back(before: &[Share], after: &[Share], orders: &[BankOrder]) -> Result<Vec<GivenBack>, PaymentError> {
    let way = |share: Share| -> Result<GivenBack, PaymentError> {
        let way = match (share.payer, capture_of(orders, share.payer)) {
            (Payer::Credit(_), Some(order)) if order.state == order::State::Failed => {
                Way::Declined { bank: order.bank }
            }
            (Payer::Credit(line), Some(order)) => Way::Line { line, bank: order.bank },
            (Payer::Credit(_), None) => return Err(PaymentError::OrderNotFound),
            _ => Way::Desk,
        };
        Ok(GivenBack { amount: share.amount, way })
    };
    paid_back(before, after).into_iter().map(way).collect()
}

/// What banks are asked to put back onto their lines.
fn refunds(back: &[GivenBack], orders: &[BankOrder], correction: i32, now: DateTime<Utc>) -> Vec<BankOrder> {
    let asked = back.iter().filter_map(|back| match back.way {
        Way::Line { line, .. } => {
            let order = capture_of(orders, Payer::Credit(line))?;
            Some(order.refund(OrderId::generate(), correction, back.amount, now))
        }
        Way::Declined { .. } | Way::Desk => None,
    });
    asked.collect()
}

async fn post_legs(
    tx: &mut Transaction,
    bill: &Bill,
    (before, correction): (&[Share], &Correction),
    back: &[GivenBack],
    orders: &[BankOrder],
    now: DateTime<Utc>,
) -> Result<Vec<Posted>, PaymentError> {
    let parties = Parties { region: tx.region()?, resident: bill.resident, payee: bill.payee };
    let bank_of = |share: &Share| capture_of(orders, share.payer).map(|order| order.bank);
    let entries: [(Purpose, Option<JournalEntry>); 2] = [
        (Purpose::BillReversed, journal::bill_reversed(parties, before, bank_of)?),
        (Purpose::BillCorrected, journal::bill_corrected(parties, &correction.shares, back, bank_of)?),
    ];
    let mut posted = Vec::with_capacity(entries.len());
    for (purpose, entry) in entries {
        if let Some(entry) = entry {
            posted.push(post(tx, None, bill, (purpose, correction.number), &entry, now).await?);
        }
    }
    Ok(posted)
}

/// Posts what is of a bill and of no order: at the word of a desk's staff, or of nobody where it follows from adjudication's.
pub(super) async fn post(
    tx: &mut Transaction,
    mandate: Option<&Caller>,
    bill: &Bill,
    (purpose, number): (Purpose, i32),
    entry: &JournalEntry,
    now: DateTime<Utc>,
) -> Result<Posted, PaymentError> {
    let posting = Posting {
        id: TransferId::generate(),
        region: tx.region()?,
        purpose,
        number,
        bill: bill.id,
        order: None,
        mandate,
        posted_at: now,
    };
    Ok(ledger::post(tx, posting, entry).await?)
}
