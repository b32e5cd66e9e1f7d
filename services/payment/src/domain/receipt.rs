//! Proof that a bill was paid: what a captured bill says, or a corrected one, and a hash of it that stands in the audit.

use chassis::Guarded;
use chrono::{DateTime, Utc};
use types::ids::{BillId, OrganisationId, PayoutId, ReceiptId, ResidentId, SettlementId};
use types::money::Money;

use super::shares::Share;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub id: ReceiptId,
    pub bill: BillId,
    pub resident: ResidentId,
    pub payee: OrganisationId,
    pub total: Money,
    pub shares: Vec<Share>,
    pub settlement: SettlementId,
    /// The receipt that it takes the place of, and by which correction of the bill.
    pub corrects: Option<(ReceiptId, i32)>,
    /// What it is for, where money was given back; none where it is for the bill itself.
    pub payout: Option<PayoutId>,
    pub issued_at: DateTime<Utc>,
    /// Lower-case hex; see `anjia.payment.v1.Receipt.hash`.
    pub hash: String,
}

impl Guarded for Receipt {
    const NOT_FOUND: &'static str = "RECEIPT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.payee]
    }
}
