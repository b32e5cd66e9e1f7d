use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{DelegationId, DelegationReceiptId};
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::delegation::receipt::{Receipt, Text};

const TABLE: &str = "delegation_receipts";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    delegation_id: Uuid,
    text_zh: String,
    text_en: String,
    issued_at: DateTime<Utc>,
}

pub async fn insert(conn: &mut PgConnection, region: RegionCode, receipt: &Receipt) -> Result<(), postgres::Error> {
    sqlx::query(
        "INSERT INTO delegation_receipts (id, region, delegation_id, text_zh, text_en, issued_at, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(receipt.id.uuid())
    .bind(region.as_str())
    .bind(receipt.delegation.uuid())
    .bind(&receipt.text.zh)
    .bind(&receipt.text.en)
    .bind(receipt.issued_at)
    .bind(receipt.hash())
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn of(conn: &mut PgConnection, delegation: DelegationId) -> Result<Option<Receipt>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, delegation_id, text_zh, text_en, issued_at FROM delegation_receipts WHERE delegation_id = $1",
    )
    .bind(delegation.uuid())
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Row::receipt))
}

pub fn audited(entry: Entry, receipt: &Receipt) -> Entry {
    entry.row(TABLE, receipt.id)
}

impl Row {
    fn receipt(self) -> Receipt {
        Receipt {
            id: DelegationReceiptId::from_uuid(self.id),
            delegation: DelegationId::from_uuid(self.delegation_id),
            text: Text { zh: self.text_zh, en: self.text_en },
            issued_at: self.issued_at,
        }
    }
}
