//! What every change leaves behind in its transaction: an event for others, an audit entry for whoever asks later.

use chassis::telemetry;
use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use postgres::events::{self, NewEvent};
use postgres::{Error, Transaction};
use serde_json::json;
use types::caller::Caller;

use crate::domain::bill::Bill;
use crate::domain::capture::Capture;
use crate::domain::credit_line::CreditLine;
use crate::domain::desk::Payout;
use crate::domain::order::BankOrder;

/// The service in audit entries of work that nobody asked for.
pub(super) const SERVICE: &str = "payment";

pub(super) const BILL_AUTHORISED: &str = "anjia.payment.bill.authorised.v1";
pub(super) const BILL_CAPTURED: &str = "anjia.payment.bill.captured.v1";
pub(super) const BILL_SETTLED: &str = "anjia.payment.bill.settled.v1";
pub(super) const BILL_CORRECTED: &str = "anjia.payment.bill.corrected.v1";
pub(super) const BILL_REFUNDED: &str = "anjia.payment.bill.refunded.v1";
pub(super) const BILL_COLLECTED: &str = "anjia.payment.bill.collected.v1";
const PAYOUT_PAID: &str = "anjia.payment.payout.paid.v1";
pub(super) const BILL_CANCELLED: &str = "anjia.payment.bill.cancelled.v1";
const CREDIT_LINE_GRANTED: &str = "anjia.payment.credit_line.granted.v1";
const ORDER_RESOLVED: &str = "anjia.payment.order.resolved.v1";

/// Tells that a bill changed, and telemetry which journey that belongs to.
pub(super) async fn tell_bill(
    tx: &mut Transaction,
    kind: &'static str,
    bill: &Bill,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if let Some(journey) = bill.journey {
        telemetry::journey(journey);
    }
    let data = json!({
        "resident_id": bill.resident.to_string(),
        "payee_organisation_id": bill.payee.to_string(),
        "settlement_id": bill.present_settlement().map(|id| id.to_string()).unwrap_or_default(),
        "appointment_id": bill.appointment.map(|id| id.to_string()).unwrap_or_default(),
        "authorised_by": bill.word.as_ref().map(|word| word.by.to_string()).unwrap_or_default(),
        "delegation_id": bill.word.as_ref().and_then(|word| word.delegation).map(|id| id.to_string()).unwrap_or_default(),
    });
    tell(tx, NewEvent::new(kind, bill.id, data, now)).await
}

pub(super) async fn tell_paid(tx: &mut Transaction, payout: &Payout, now: DateTime<Utc>) -> Result<(), Error> {
    let data = json!({
        "resident_id": payout.resident.to_string(),
        "payee_organisation_id": payout.payee.to_string(),
        "bill_id": payout.bill.to_string(),
    });
    tell(tx, NewEvent::new(PAYOUT_PAID, payout.id, data, now)).await
}

pub(super) async fn tell_granted(tx: &mut Transaction, line: &CreditLine, now: DateTime<Utc>) -> Result<(), Error> {
    let data = json!({
        "resident_id": line.resident.to_string(),
        "bank_organisation_id": line.bank.to_string(),
    });
    tell(tx, NewEvent::new(CREDIT_LINE_GRANTED, line.id, data, now)).await
}

pub(super) async fn tell_resolved(tx: &mut Transaction, order: &BankOrder, now: DateTime<Utc>) -> Result<(), Error> {
    let data = json!({ "bill_id": order.bill.to_string(), "outcome": order.state.as_str() });
    tell(tx, NewEvent::new(ORDER_RESOLVED, order.id, data, now)).await
}

async fn tell(tx: &mut Transaction, event: NewEvent) -> Result<(), Error> {
    events::append(tx, event.traceparent(telemetry::current_traceparent())).await?;
    Ok(())
}

/// An entry about a resident's rows.
pub(super) fn entry(caller: &Caller, action: &'static str, bill: &Bill) -> Entry {
    with_bill(Entry::new(caller, action).resident(bill.resident), bill)
}

pub(super) fn with_bill(entry: Entry, bill: &Bill) -> Entry {
    entry.row("bills", bill.id)
}

/// The line as it was granted; `used` and `held` follow from bills and are not digested.
pub(super) fn with_line(entry: Entry, line: &CreditLine) -> Entry {
    entry.row("credit_lines", line.id)
}

/// How far a capture is; who drives it is not digested.
pub(super) fn with_capture(entry: Entry, capture: &Capture) -> Entry {
    entry.row("captures", capture.id)
}

pub(super) fn with_order(entry: Entry, order: &BankOrder) -> Entry {
    entry.row("bank_orders", order.id)
}
