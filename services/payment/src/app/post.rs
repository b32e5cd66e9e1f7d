//! The two ways a capture ends by itself: its shares are posted, or the bill is authorised again. Each is one transaction with the
//! saga's last state.

use std::collections::BTreeMap;

use postgres::audit::{self, Entry};
use postgres::{Scope, Transaction};
use types::caller::Caller;
use types::ids::{CreditLineId, OrderId, OrganisationId, ReceiptId, TransferId};
use types::money::Money;

use super::orders::settle;
use super::{App, receipts, record};
use crate::domain::bill::Bill;
use crate::domain::capture::{Capture, Event, State};
use crate::domain::error::PaymentError;
use crate::domain::journal::{self, JournalEntry, Parties, Purpose};
use crate::domain::order::BankOrder;
use crate::domain::shares::Share;
use crate::store::ledger::{Posted, Posting};
use crate::store::{bank_orders, bills, captures, credit_lines, ledger};

impl App {
    /// Draws the credit, posts the shares, pays the provider, orders the banks and issues the receipt.
    pub(super) async fn post_shares(&self, capture: &Capture) -> Result<(), PaymentError> {
        let now = self.now();
        let mut tx = self.db.begin(Scope::Region(capture.region)).await?;
        let (state, _) = capture.step(Event::SharesPosted, now);
        captures::advance(&mut tx, capture, state, None, now).await?;
        let mandate = captures::mandate(&mut tx, capture.id).await?;
        let bill = bills::lock(&mut tx, capture.bill).await?.ok_or(PaymentError::BillNotFound)?;

        let banks = draw(&mut tx, &bill.shares).await?;
        let mut orders = Vec::new();
        for share in &bill.shares {
            if let Some(line) = share.payer.credit_line()
                && let Some(&bank) = banks.get(&line)
            {
                let order = BankOrder::intent(OrderId::generate(), bank, bill.id, line, share.amount, now);
                bank_orders::insert(&mut tx, capture.region, &order).await?;
                orders.push(order);
            }
        }
        let bill = bill.capture(now, ReceiptId::generate())?;
        bills::update(&mut tx, &bill).await?;
        let posted = post_legs(&mut tx, (capture, &mandate), &bill, &banks, now).await?;
        let receipt = receipts::issue(&bill).ok_or(PaymentError::ReceiptNotFound)?;
        crate::store::receipts::insert(&mut tx, capture.region, &receipt).await?;

        record::tell_bill(&mut tx, record::BILL_CAPTURED, &bill, now).await?;
        // At once, where no bank has to pay.
        let bill = settle(&mut tx, bill, now).await?;
        let entry = record::entry(&mandate, receipts::ISSUED, &bill);
        let entry = orders.iter().fold(record::with_capture(entry, capture), record::with_order);
        let entry = posted.iter().fold(entry, ledger::audited);
        audit::record(&mut tx, receipts::with_hash(entry, &receipt)).await?;
        Ok(tx.commit().await?)
    }

    /// The settlement was not confirmed: nothing happened, and the reservation stands again.
    pub(super) async fn release_bill(
        &self,
        capture: &Capture,
        state: State,
        refusal: &str,
    ) -> Result<(), PaymentError> {
        let now = self.now();
        let mut tx = self.db.begin(Scope::Region(capture.region)).await?;
        captures::advance(&mut tx, capture, state, Some(refusal), now).await?;
        let bill = bills::lock(&mut tx, capture.bill).await?.ok_or(PaymentError::BillNotFound)?;
        let bill = bill.fall_back(now + self.durations.reservation)?;
        bills::update(&mut tx, &bill).await?;
        record::tell_bill(&mut tx, record::BILL_AUTHORISED, &bill, now).await?;
        let entry = Entry::by_service(record::SERVICE, "payment.bill.fall_back").resident(bill.resident);
        audit::record(&mut tx, record::with_capture(record::with_bill(entry, &bill), capture)).await?;
        Ok(tx.commit().await?)
    }
}

/// Turns what is held on the bill's lines into what is drawn, in the order of lines; answers the bank of each.
async fn draw(tx: &mut Transaction, shares: &[Share]) -> Result<BTreeMap<CreditLineId, OrganisationId>, PaymentError> {
    let mut amounts: BTreeMap<CreditLineId, Money> = BTreeMap::new();
    for share in shares {
        if let Some(line) = share.payer.credit_line() {
            *amounts.entry(line).or_default() += share.amount;
        }
    }
    let mut banks = BTreeMap::new();
    for (line, amount) in amounts {
        credit_lines::draw(tx, line, amount).await?;
        let found = credit_lines::find(tx, line).await?.ok_or(PaymentError::CreditLineNotFound)?;
        banks.insert(line, found.bank);
    }
    Ok(banks)
}

async fn post_legs(
    tx: &mut Transaction,
    (capture, mandate): (&Capture, &Caller),
    bill: &Bill,
    banks: &BTreeMap<CreditLineId, OrganisationId>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Vec<Posted>, PaymentError> {
    if bill.total().is_zero() {
        return Ok(vec![]);
    }
    let parties = Parties { region: capture.region, resident: bill.resident, payee: bill.payee };
    let bank_of = |share: &Share| share.payer.credit_line().and_then(|line| banks.get(&line).copied());
    let entries: [(Purpose, JournalEntry); 2] = [
        (Purpose::BillCaptured, journal::bill_captured(parties, &bill.shares, bank_of)?),
        (Purpose::ProviderSettled, journal::provider_settled(parties, &bill.shares)?),
    ];
    let mut posted = Vec::with_capacity(entries.len());
    for (purpose, entry) in entries {
        let posting = Posting {
            id: TransferId::generate(),
            region: capture.region,
            purpose,
            number: 0,
            bill: bill.id,
            order: None,
            mandate: Some(mandate),
            posted_at: now,
        };
        posted.push(ledger::post(tx, posting, &entry).await?);
    }
    Ok(posted)
}
