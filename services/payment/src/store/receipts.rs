//! Receipts: what they have beside their bills.

use chrono::{DateTime, Utc};
use postgres::Error;
use sqlx::PgConnection;
use types::ids::{BillId, PayoutId, ReceiptId};
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::receipt::Receipt;

pub const TABLE: &str = "receipts";

/// What a receipt has beside its bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    pub bill: BillId,
    /// The receipt that it takes the place of, and by which correction of the bill.
    pub corrects: Option<(ReceiptId, i32)>,
    pub payout: Option<PayoutId>,
    pub issued_at: DateTime<Utc>,
    pub hash: String,
}

pub async fn insert(conn: &mut PgConnection, region: RegionCode, receipt: &Receipt) -> Result<(), Error> {
    sqlx::query("INSERT INTO receipts (id, region, bill_id, issued_at, hash, corrects_id, correction, payout_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(receipt.id.uuid())
        .bind(region.as_str())
        .bind(receipt.bill.uuid())
        .bind(receipt.issued_at)
        .bind(&receipt.hash)
        .bind(receipt.corrects.map(|(former, _)| former.uuid()))
        .bind(receipt.corrects.map_or(0, |(_, correction)| correction))
        .bind(receipt.payout.map(PayoutId::uuid))
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, id: ReceiptId) -> Result<Option<Stub>, Error> {
    type Row = (Uuid, DateTime<Utc>, String, Option<Uuid>, i32, Option<Uuid>);
    let row: Option<Row> = sqlx::query_as(
        "SELECT bill_id, issued_at, hash, corrects_id, correction, payout_id FROM receipts WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(bill, issued_at, hash, former, correction, payout)| Stub {
        bill: BillId::from_uuid(bill),
        corrects: former.map(|former| (ReceiptId::from_uuid(former), correction)),
        payout: payout.map(PayoutId::from_uuid),
        issued_at,
        hash,
    }))
}
