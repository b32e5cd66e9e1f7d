//! Between domain and wire.

use proto::anjia::payment::v1 as pb;
use proto::anjia::payment::v1::authorise_bill_request::Basis;
use proto::convert::{self, FieldError, id, money, optional_id, text, timestamp, to_money, to_timestamp};
use types::national_id::NationalId;
use types::redacted::Redacted;

use crate::app::{Authorise, BasisId, Grant, QueryOrders, Refund, Report, Whose};
use crate::domain::bill::{self, Bill};
use crate::domain::correction::RefundReason;
use crate::domain::credit_line::{self, CreditLine};
use crate::domain::error::PaymentError;
use crate::domain::order::{self, BankOrder, Word};
use crate::domain::shares::{Payer, Share};

const PAYERS_MAX: usize = 10;
const ORDERS_DEFAULT: i64 = 50;
const ORDERS_MAX: i32 = 200;
const REFERENCE_LENGTH_MAX: usize = 64;
const NAME_LENGTH_MAX: usize = 100;

pub(super) fn authorise(message: &pb::AuthoriseBillRequest) -> Result<Authorise, FieldError> {
    let basis = match convert::required("basis", message.basis.as_ref())? {
        Basis::QuoteId(quote) => BasisId::Quote(id("quote_id", quote)?),
        Basis::SettlementId(settlement) => BasisId::Settlement(id("settlement_id", settlement)?),
    };
    if message.payers.len() > PAYERS_MAX {
        return Err(FieldError::new("payers", format!("must be {PAYERS_MAX} at most")));
    }
    let mut payers: Vec<Share> = Vec::with_capacity(message.payers.len());
    for (index, share) in message.payers.iter().enumerate() {
        let path = format!("payers[{index}]");
        let share = payer(share).map_err(|error| error.within(&path))?;
        if payers.iter().any(|earlier| earlier.payer == share.payer) {
            return Err(FieldError::new(path, "names a payer twice"));
        }
        payers.push(share);
    }
    Ok(Authorise { bill: optional_id("bill_id", &message.bill_id)?, basis, payers })
}

/// A share of the person; funds pay what the settlement says.
fn payer(share: &pb::Share) -> Result<Share, FieldError> {
    let line = optional_id("credit_line_id", &share.credit_line_id)?;
    let payer = match (pb::Payer::try_from(share.payer), line) {
        (Ok(pb::Payer::Credit), Some(line)) => Payer::Credit(line),
        (Ok(pb::Payer::Credit), None) => return Err(FieldError::new("credit_line_id", "is required for CREDIT")),
        (Ok(pb::Payer::Desk | pb::Payer::Arrears), Some(_)) => {
            return Err(FieldError::new("credit_line_id", "is for CREDIT only"));
        }
        (Ok(pb::Payer::Desk), None) => Payer::Desk,
        (Ok(pb::Payer::Arrears), None) => Payer::Arrears,
        _ => return Err(FieldError::new("payer", "must be CREDIT, DESK or ARREARS")),
    };
    let amount = money("amount", share.amount.as_ref())?;
    if !amount.is_positive() {
        return Err(FieldError::new("amount", "must be more than nothing"));
    }
    Ok(Share { payer, amount })
}

pub(super) fn grant(message: &pb::GrantCreditLineRequest) -> Result<Grant, PaymentError> {
    let limit = money("limit", message.limit.as_ref())?;
    if !limit.is_positive() {
        return Err(PaymentError::field("limit", "must be more than nothing"));
    }
    let agreement = &message.agreement_sha256;
    let is_digest = agreement.len() == 64 && agreement.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_digest {
        return Err(PaymentError::field("agreement_sha256", "must be 64 lower-case hex digits"));
    }
    let number = text("national_id", &message.national_id, 18)?;
    Ok(Grant {
        id: optional_id("credit_line_id", &message.credit_line_id)?,
        national_id: NationalId::parse(&number).map_err(|_| PaymentError::InvalidNationalId)?,
        name: Redacted::new(text("name", &message.name, NAME_LENGTH_MAX)?),
        agreement_sha256: agreement.clone(),
        limit,
        until: timestamp("until", message.until.as_ref())?,
    })
}

pub(super) fn query(message: &pb::QueryOrdersRequest) -> Result<QueryOrders, FieldError> {
    let state = match pb::OrderState::try_from(message.state) {
        Ok(pb::OrderState::Unspecified) => None,
        Ok(pb::OrderState::Intent) => Some(order::State::Intent),
        Ok(pb::OrderState::Sent) => Some(order::State::Sent),
        Ok(pb::OrderState::Unknown) => Some(order::State::Unknown),
        Ok(pb::OrderState::Succeeded) => Some(order::State::Succeeded),
        Ok(pb::OrderState::Failed) => Some(order::State::Failed),
        Err(_) => return Err(FieldError::new("state", "is not a value of this enumeration")),
    };
    let limit = match message.limit {
        0 => ORDERS_DEFAULT,
        limit @ 1..=ORDERS_MAX => limit.into(),
        _ => return Err(FieldError::new("limit", format!("must be 0 to {ORDERS_MAX}"))),
    };
    Ok(QueryOrders { state, after: optional_id("after_order_id", &message.after_order_id)?, limit })
}

pub(super) fn report(message: &pb::ReportOrderRequest) -> Result<Report, FieldError> {
    let reference = convert::optional_text("bank_reference", &message.bank_reference, REFERENCE_LENGTH_MAX)?;
    let word = match pb::OrderState::try_from(message.outcome) {
        Ok(pb::OrderState::Succeeded) => Word::Succeeded {
            amount: money("amount", message.amount.as_ref())?,
            reference: text("bank_reference", &reference, REFERENCE_LENGTH_MAX)?,
        },
        Ok(pb::OrderState::Failed) => {
            Word::Failed { reference: Some(reference).filter(|reference| !reference.is_empty()) }
        }
        Ok(pb::OrderState::Unknown) => Word::Unknown,
        _ => return Err(FieldError::new("outcome", "must be SUCCEEDED, FAILED or UNKNOWN")),
    };
    Ok(Report {
        order: id("order_id", &message.order_id)?,
        word,
        occurred_at: timestamp("occurred_at", message.occurred_at.as_ref())?,
    })
}

pub(super) fn refund(message: &pb::RefundBillRequest) -> Result<Refund, FieldError> {
    let reason = match pb::RefundReason::try_from(message.reason) {
        Ok(pb::RefundReason::ItemsReturned) => RefundReason::ItemsReturned,
        Ok(pb::RefundReason::CareNotGiven) => RefundReason::CareNotGiven,
        Ok(pb::RefundReason::BilledWrong) => RefundReason::BilledWrong,
        Ok(pb::RefundReason::WrongPerson) => RefundReason::WrongPerson,
        _ => return Err(FieldError::new("reason", "must say why the bill is taken back")),
    };
    Ok(Refund { bill: id("bill_id", &message.bill_id)?, reason })
}

/// Whose a list is: a resident's or a payee's, and never of both.
pub(super) fn whose(resident: &str, payee: &str) -> Result<Whose, FieldError> {
    match (optional_id("resident_id", resident)?, optional_id("payee_organisation_id", payee)?) {
        (Some(resident), None) => Ok(Whose::Resident(resident)),
        (None, Some(payee)) => Ok(Whose::Payee(payee)),
        (None, None) => Err(FieldError::new("resident_id", "or payee_organisation_id is required")),
        (Some(_), Some(_)) => Err(FieldError::new("payee_organisation_id", "must be empty beside resident_id")),
    }
}

pub(super) fn bill(bill: &Bill) -> pb::Bill {
    let state = match bill.state {
        _ if bill.is_refunded() => pb::BillState::Refunded,
        bill::State::Authorised => pb::BillState::Authorised,
        bill::State::Capturing => pb::BillState::Capturing,
        bill::State::Captured { .. } => pb::BillState::Captured,
        bill::State::Settled { .. } => pb::BillState::Settled,
        bill::State::Cancelled => pb::BillState::Cancelled,
    };
    let captured = bill.state.captured();
    pb::Bill {
        bill_id: bill.id.to_string(),
        resident_id: bill.resident.to_string(),
        payee_organisation_id: bill.payee.to_string(),
        state: state.into(),
        total: Some(to_money(bill.present_shares().iter().map(|share| share.amount).sum())),
        shares: bill.present_shares().iter().map(crate::app::share_wire).collect(),
        quote_id: optional(bill.quote),
        settlement_id: optional(bill.present_settlement()),
        appointment_id: optional(bill.appointment),
        journey_id: optional(bill.journey),
        expires_at: Some(to_timestamp(bill.expires_at)),
        captured_at: captured.map(|(at, _)| to_timestamp(at)),
        receipt_id: optional(bill.present_receipt()),
        version: bill.version,
        opened_at: Some(to_timestamp(bill.opened_at)),
        correction: bill.correction.as_ref().map_or(0, |correction| correction.number),
        supplementary_due: captured.map(|_| to_money(bill.supplementary_due())),
        desk_refund_due: captured.map(|_| to_money(bill.owed.refund)),
        arrears_due: captured.map(|_| to_money(bill.owed.arrears)),
    }
}

pub(super) fn credit_line(line: &CreditLine, state: credit_line::State) -> pb::CreditLine {
    let state = match state {
        credit_line::State::Active => pb::CreditLineState::Active,
        credit_line::State::Suspended => pb::CreditLineState::Suspended,
        credit_line::State::Expired => pb::CreditLineState::Expired,
    };
    pb::CreditLine {
        credit_line_id: line.id.to_string(),
        bank_organisation_id: line.bank.to_string(),
        resident_id: line.resident.to_string(),
        limit: Some(to_money(line.limit)),
        used: Some(to_money(line.used)),
        held: Some(to_money(line.held)),
        remaining: Some(to_money(line.remaining())),
        until: Some(to_timestamp(line.valid_until)),
        state: state.into(),
    }
}

pub(super) fn order(order: &BankOrder) -> pb::BankOrder {
    let state = match order.state {
        order::State::Intent => pb::OrderState::Intent,
        order::State::Sent => pb::OrderState::Sent,
        order::State::Unknown => pb::OrderState::Unknown,
        order::State::Succeeded => pb::OrderState::Succeeded,
        order::State::Failed => pb::OrderState::Failed,
    };
    let kind = match order.kind {
        order::Kind::Capture => pb::OrderKind::Capture,
        order::Kind::Refund => pb::OrderKind::Refund,
    };
    pb::BankOrder {
        order_id: order.id.to_string(),
        kind: kind.into(),
        state: state.into(),
        credit_line_id: order.credit_line.to_string(),
        bill_id: order.bill.to_string(),
        amount: Some(to_money(order.amount)),
        created_at: Some(to_timestamp(order.created_at)),
        bank_reference: order.bank_reference.clone().unwrap_or_default(),
    }
}

fn optional(id: Option<impl ToString>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}
