//! What payment remembers: one table per file, but the ledger, whose three tables are written together. Never begins or commits.

pub mod bank_orders;
pub mod bill_ids;
pub mod bills;
pub mod captures;
pub mod collections;
pub mod corrections;
pub mod credit_lines;
pub mod delegated;
pub mod gauges;
pub mod ledger;
pub mod obligations;
pub mod payouts;
pub mod receipts;
mod shares;
pub mod withholdings;

use chrono::{DateTime, Utc};
use postgres::Error;
use postgres::personal::PersonalTable;
use rust_decimal::Decimal;
use types::ids::{OrganisationId, ResidentId};
use types::money::Money;
use uuid::Uuid;

/// Whose bills, or whose payouts, are listed: a resident's by every id of theirs, or a payee's.
#[derive(Debug, Clone, Copy)]
pub enum Whose {
    Resident(ResidentId),
    Payee(OrganisationId),
}

/// Where a bill, or a payout, stands in such a list: when it was opened, and its id.
pub type ListKey = (DateTime<Utc>, Uuid);

const OF_BILL: &str = "t.bill_id IN (SELECT id FROM bills WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]))";

const PAYER: &str = "(SELECT b.resident_id FROM bills b WHERE b.id = t.bill_id)";

const BILL_OVER: &str = "(SELECT coalesce(b.captured_at, b.expires_at) FROM bills b WHERE b.id = t.bill_id)";

/// Every table with data about residents, in the order in which a person reads them.
pub const PERSONAL: &[PersonalTable] = &[
    PersonalTable::new("credit_lines", &[], ["信用就医额度", "Credit for care"], "accounting")
        .over("t.valid_until")
        .dated("t.valid_until"),
    // A number is appraised with its bill.
    PersonalTable {
        key: "t.bill_id::text",
        ..PersonalTable::new("bill_ids", &[], ["账单编号", "Numbers of your bills"], "accounting").over(
            // Cancelled before there was a bill.
            "coalesce((SELECT coalesce(b.captured_at, b.expires_at) FROM bills b WHERE b.id = t.bill_id), t.cancelled_at)",
        )
    },
    PersonalTable::new("bills", &[], ["账单", "Your bills"], "accounting").over("coalesce(t.captured_at, t.expires_at)").dated("t.opened_at"),
    PersonalTable {
        of: OF_BILL,
        person: PAYER,
        // Appraised with its bill, too.
        key: "t.bill_id || '/' || lpad(t.line::text, 6, '0')",
        ..PersonalTable::new("bill_shares", &[], ["账单由谁支付", "Who pays your bills"], "accounting").over(BILL_OVER)
    },
    PersonalTable {
        of: OF_BILL,
        person: PAYER,
        ..PersonalTable::new("payouts", &[], ["窗口退款", "What a desk gave back to you"], "accounting").over("t.opened_at").dated("t.opened_at")
    },
    PersonalTable {
        of: OF_BILL,
        person: PAYER,
        ..PersonalTable::new("receipts", &[], ["收据", "Your receipts"], "accounting").over("t.issued_at").dated("t.issued_at")
    },
    PersonalTable {
        of: OF_BILL,
        person: PAYER,
        ..PersonalTable::new("bank_orders", &[], ["银行扣款", "What banks were asked to do"], "accounting").over("t.created_at").dated("t.created_at")
    },
    PersonalTable {
        of: OF_BILL,
        person: PAYER,
        // Appraised with its bill.
        key: "t.bill_id || '/' || lpad(t.number::text, 6, '0')",
        ..PersonalTable::new("bill_corrections", &[], ["账单更正", "How your bills were corrected"], "accounting")
            .over("t.corrected_at")
            .dated("t.corrected_at")
    },
    PersonalTable {
        of: OF_BILL,
        person: PAYER,
        key: "t.bill_id || '/' || lpad(t.number::text, 6, '0') || '/' || lpad(t.line::text, 6, '0')",
        ..PersonalTable::new("corrected_shares", &[], ["更正后由谁支付", "Who pays your corrected bills"], "accounting").over(BILL_OVER)
    },
    PersonalTable {
        of: OF_BILL,
        person: PAYER,
        key: "t.bill_id || '/' || lpad(t.number::text, 6, '0')",
        ..PersonalTable::new("collections", &[], ["补交的欠费", "What you paid later at a desk"], "accounting")
            .over("t.collected_at")
            .dated("t.collected_at")
    },
    PersonalTable {
        of: OF_BILL,
        person: PAYER,
        key: "t.finding_id::text",
        ..PersonalTable::new("withholdings", &[], ["暂扣的医院结算款", "What your providers are not paid of your bills"], "accounting")
            .over("t.told_at")
            .dated("t.told_at")
    },
    PersonalTable {
        of: OF_BILL,
        person: PAYER,
        ..PersonalTable::new("captures", &[], ["账单的结清过程", "How your bills were settled"], "accounting").over("t.ended_at").dated("t.ended_at")
    },
];

/// An amount as a row has it.
fn money(table: &'static str, column: &'static str, row: Uuid, amount: Decimal) -> Result<Money, Error> {
    Money::from_decimal(amount).map_err(|_| Error::row_invalid(table, column, row))
}
