//! Receipts, and where their hashes stand in the audit.

use chrono::{DateTime, Utc};
use postgres::Error;
use sqlx::PgConnection;
use sqlx::types::Json;
use types::ids::{BillId, ReceiptId, ResidentId};
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

/// The audit entry in which a receipt was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// None until sealed.
    pub sealed: Option<(i64, Vec<u8>)>,
    /// The entry's rows, with the salted digest of the receipt's hash among them.
    pub rows: Vec<postgres::audit::RowDigest>,
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

/// The audit entry that names the receipt, found among those of its resident.
pub async fn evidence(
    conn: &mut PgConnection,
    action: &str,
    id: ReceiptId,
    resident: ResidentId,
) -> Result<Option<Evidence>, Error> {
    type Row = (Option<i64>, Option<Vec<u8>>, Json<Vec<postgres::audit::RowDigest>>);
    let row: Option<Row> = sqlx::query_as(
        "SELECT position, hash, rows FROM audit_entries \
         WHERE resident_id = $1 AND action = $2 AND rows @> jsonb_build_array(jsonb_build_object('table', $3::text, 'id', $4::text)) \
         ORDER BY sequence LIMIT 1",
    )
    .bind(resident.uuid())
    .bind(action)
    .bind(TABLE)
    .bind(id.to_string())
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(position, hash, Json(rows))| Evidence { sealed: position.zip(hash), rows }))
}
