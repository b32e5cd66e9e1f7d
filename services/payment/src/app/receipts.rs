//! Receipts: what their hash is taken over, and whether one that somebody holds is the one that was issued.

use chassis::Context;
use postgres::audit::{self, Entry};
use postgres::{Scope, Transaction};
use prost::Message as _;
use proto::anjia::payment::v1 as pb;
use proto::convert::{to_money, to_timestamp};
use sha2::{Digest as _, Sha256};
use types::ids::ReceiptId;

use super::App;
use crate::domain::bill::Bill;
use crate::domain::correction::Correction;
use crate::domain::desk::{Payout, PayoutState};
use crate::domain::error::PaymentError;
use crate::domain::receipt::Receipt;
use crate::domain::shares::{Payer, Share};
use crate::store::receipts::{self, TABLE};
use crate::store::{bills, corrections, payouts};

/// The audit entry in which a receipt's hash stands.
pub(super) const ISSUED: &str = "payment.receipt.issue";

/// Where the hash of a receipt stands in the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub audit_position: i64,
    pub audit_hash: Vec<u8>,
}

impl App {
    /// Whether `held` is the receipt that stands in the sealed audit. Anybody who holds it whole may ask.
    pub async fn verify_receipt(
        &self,
        ctx: &Context,
        id: ReceiptId,
        held: &pb::Receipt,
    ) -> Result<Proof, PaymentError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let stub = receipts::find(&mut tx, id).await?.ok_or(PaymentError::ReceiptNotFound)?;
        let bill = bills::find(&mut tx, stub.bill).await?.ok_or(PaymentError::ReceiptNotFound)?;
        let hash = hash(held);
        if hash != stub.hash || held.hash != hash {
            return Err(PaymentError::ReceiptDiffers);
        }
        // The audit is what counts: a row of receipts that was edited together with the holder's copy is found here.
        let told = audit::told(&mut tx, bill.resident, TABLE, &id.to_string()).await?;
        let told = told.filter(|told| told.stands).ok_or(PaymentError::ReceiptDiffers)?;
        let (audit_position, audit_hash) = told.sealed.ok_or(PaymentError::ReceiptNotSealed)?;
        audit::record(&mut tx, Entry::new(&ctx.caller, "payment.receipt.verify").resident(bill.resident)).await?;
        tx.commit().await?;
        Ok(Proof { audit_position, audit_hash })
    }
}

/// The receipt of a bill as it was captured.
pub(super) fn issue(bill: &Bill) -> Option<Receipt> {
    let (issued_at, id) = bill.state.captured()?;
    let receipt = Receipt {
        id,
        bill: bill.id,
        resident: bill.resident,
        payee: bill.payee,
        total: bill.total(),
        shares: bill.shares.clone(),
        settlement: bill.settlement?,
        corrects: None,
        payout: None,
        issued_at,
        hash: String::new(),
    };
    Some(Receipt { hash: hash(&wire(&receipt)), ..receipt })
}

/// The receipt of a bill as a correction left it: it takes the place of the former one, which stays what it was.
pub(super) fn correct(bill: &Bill, former: ReceiptId, correction: &Correction) -> Receipt {
    let receipt = Receipt {
        id: correction.receipt,
        bill: bill.id,
        resident: bill.resident,
        payee: bill.payee,
        total: correction.shares.iter().map(|share| share.amount).sum(),
        shares: correction.shares.clone(),
        settlement: correction.settlement,
        corrects: Some((former, correction.number)),
        payout: None,
        issued_at: correction.at,
        hash: String::new(),
    };
    Receipt { hash: hash(&wire(&receipt)), ..receipt }
}

/// The receipt of what a desk gave back; none until it was witnessed.
pub(super) fn pay_out(bill: &Bill, payout: &Payout) -> Option<Receipt> {
    let PayoutState::Paid { at, receipt, .. } = &payout.state else { return None };
    let receipt = Receipt {
        id: *receipt,
        bill: bill.id,
        resident: bill.resident,
        payee: bill.payee,
        total: payout.given.amount,
        shares: vec![],
        settlement: bill.settlement?,
        corrects: None,
        payout: Some(payout.id),
        issued_at: *at,
        hash: String::new(),
    };
    Some(Receipt { hash: hash(&wire(&receipt)), ..receipt })
}

pub(super) async fn load(tx: &mut Transaction, id: ReceiptId) -> Result<Receipt, PaymentError> {
    let stub = receipts::find(tx, id).await?.ok_or(PaymentError::ReceiptNotFound)?;
    let bill = bills::find(tx, stub.bill).await?.ok_or(PaymentError::ReceiptNotFound)?;
    let payout = match stub.payout {
        Some(payout) => payouts::find(tx, payout).await?,
        None => None,
    };
    let receipt = match (stub.corrects, payout) {
        (_, Some(payout)) => pay_out(&bill, &payout).ok_or(PaymentError::ReceiptNotFound)?,
        (None, None) => issue(&bill).ok_or(PaymentError::ReceiptNotFound)?,
        (Some((former, number)), None) => correct(&bill, former, &corrections::get(tx, bill.id, number).await?),
    };
    Ok(Receipt { issued_at: stub.issued_at, hash: stub.hash, ..receipt })
}

pub(super) fn with_hash(entry: Entry, receipt: &Receipt) -> Entry {
    entry.row(TABLE, receipt.id)
}

/// SHA-256 over the message without its hash, in lower-case hex. Protobuf writes fields in their order.
fn hash(receipt: &pb::Receipt) -> String {
    let bare = pb::Receipt { hash: String::new(), ..receipt.clone() };
    hex::encode(Sha256::digest(bare.encode_to_vec()))
}

/// The receipt as it is handed out and hashed.
pub fn wire(receipt: &Receipt) -> pb::Receipt {
    pb::Receipt {
        receipt_id: receipt.id.to_string(),
        bill_id: receipt.bill.to_string(),
        resident_id: receipt.resident.to_string(),
        payee_organisation_id: receipt.payee.to_string(),
        total: Some(to_money(receipt.total)),
        shares: receipt.shares.iter().map(share_wire).collect(),
        settlement_id: receipt.settlement.to_string(),
        issued_at: Some(to_timestamp(receipt.issued_at)),
        corrects_receipt_id: receipt.corrects.map(|(former, _)| former.to_string()).unwrap_or_default(),
        payout_id: receipt.payout.map(|payout| payout.to_string()).unwrap_or_default(),
        hash: receipt.hash.clone(),
    }
}

/// A share as bills and receipts show it.
pub fn share_wire(share: &Share) -> pb::Share {
    let payer = match share.payer {
        Payer::PooledFund => pb::Payer::PooledFund,
        Payer::LargeAmountFund => pb::Payer::LargeAmountFund,
        Payer::CriticalIllnessFund => pb::Payer::CriticalIllnessFund,
        Payer::AssistanceFund => pb::Payer::AssistanceFund,
        Payer::TopUp => pb::Payer::TopUp,
        Payer::Voucher => pb::Payer::Voucher,
        Payer::PersonalAccount => pb::Payer::PersonalAccount,
        Payer::MutualAid => pb::Payer::MutualAid,
        Payer::Credit(_) => pb::Payer::Credit,
        Payer::Desk => pb::Payer::Desk,
        Payer::Arrears => pb::Payer::Arrears,
    };
    pb::Share {
        payer: payer.into(),
        amount: Some(to_money(share.amount)),
        credit_line_id: share.payer.credit_line().map(|id| id.to_string()).unwrap_or_default(),
    }
}
