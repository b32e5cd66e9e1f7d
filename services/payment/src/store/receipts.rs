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
    pub issued_at: DateTime<Utc>,
    pub hash: String,
}

pub async fn insert(conn: &mut PgConnection, region: RegionCode, receipt: &Receipt) -> Result<(), Error> {
    sqlx::query("INSERT INTO receipts (id, region, bill_id, issued_at, hash) VALUES ($1, $2, $3, $4, $5)")
        .bind(receipt.id.uuid())
        .bind(region.as_str())
        .bind(receipt.bill.uuid())
        .bind(receipt.issued_at)
        .bind(&receipt.hash)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, id: ReceiptId) -> Result<Option<Stub>, Error> {
    let row: Option<(Uuid, DateTime<Utc>, String)> =
        sqlx::query_as("SELECT bill_id, issued_at, hash FROM receipts WHERE id = $1")
            .bind(id.uuid())
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|(bill, issued_at, hash)| Stub { bill: BillId::from_uuid(bill), issued_at, hash }))
}
