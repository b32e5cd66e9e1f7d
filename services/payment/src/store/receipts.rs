//! Receipts: what they have beside their bills.

use chrono::{DateTime, Utc};
use postgres::Error;
use sqlx::PgConnection;
use types::ids::{BillId, ReceiptId};
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
    pub issued_at: DateTime<Utc>,
    pub hash: String,
}

pub async fn insert(conn: &mut PgConnection, region: RegionCode, receipt: &Receipt) -> Result<(), Error> {
    sqlx::query("INSERT INTO receipts (id, region, bill_id, issued_at, hash, corrects_id, correction) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(receipt.id.uuid())
        .bind(region.as_str())
        .bind(receipt.bill.uuid())
        .bind(receipt.issued_at)
        .bind(&receipt.hash)
        .bind(receipt.corrects.map(|(former, _)| former.uuid()))
        .bind(receipt.corrects.map_or(0, |(_, correction)| correction))
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, id: ReceiptId) -> Result<Option<Stub>, Error> {
    type Row = (Uuid, DateTime<Utc>, String, Option<Uuid>, i32);
    let row: Option<Row> =
        sqlx::query_as("SELECT bill_id, issued_at, hash, corrects_id, correction FROM receipts WHERE id = $1")
            .bind(id.uuid())
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|(bill, issued_at, hash, former, correction)| Stub {
        bill: BillId::from_uuid(bill),
        corrects: former.map(|former| (ReceiptId::from_uuid(former), correction)),
        issued_at,
        hash,
    }))
}
