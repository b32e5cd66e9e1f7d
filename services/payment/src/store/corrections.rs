//! `bill_corrections` and `corrected_shares`: what corrections left of captured bills. Written together, and never changed.

use chrono::{DateTime, Utc};
use postgres::Error;
use postgres::audit::{self, Entry};
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::ids::{BillId, ReceiptId, SettlementId};
use types::region::RegionCode;
use uuid::Uuid;

use super::{money, shares};
use crate::domain::correction::{Correction, Kind};

const TABLE: &str = "bill_corrections";
const SHARES: &str = "corrected_shares";

#[derive(FromRow)]
struct Row {
    kind: String,
    settlement_id: Uuid,
    claim_version: i32,
    collected: Decimal,
    receipt_id: Uuid,
    corrected_at: DateTime<Utc>,
    payers: Vec<String>,
    amounts: Vec<Decimal>,
    credit_line_ids: Vec<Option<Uuid>>,
}

/// A correction that the bill says it has.
pub async fn get(conn: &mut PgConnection, bill: BillId, number: i32) -> Result<Correction, Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT kind, settlement_id, claim_version, collected, receipt_id, corrected_at, \
         ARRAY(SELECT payer FROM corrected_shares WHERE bill_id = $1 AND number = $2 ORDER BY line) AS payers, \
         ARRAY(SELECT amount FROM corrected_shares WHERE bill_id = $1 AND number = $2 ORDER BY line) AS amounts, \
         ARRAY(SELECT credit_line_id FROM corrected_shares WHERE bill_id = $1 AND number = $2 ORDER BY line) AS credit_line_ids \
         FROM bill_corrections WHERE bill_id = $1 AND number = $2",
    )
    .bind(bill.uuid())
    .bind(number)
    .fetch_optional(conn)
    .await?;
    let row = row.ok_or_else(|| Error::row_invalid("bills", "correction", bill))?;
    let shares = shares::read(SHARES, bill.uuid(), (row.payers, row.amounts, row.credit_line_ids))?;
    Ok(Correction {
        number,
        kind: Kind::parse(&row.kind).ok_or_else(|| Error::row_invalid(TABLE, "kind", bill))?,
        settlement: SettlementId::from_uuid(row.settlement_id),
        claim_version: row.claim_version,
        shares,
        collected: money(TABLE, "collected", bill.uuid(), row.collected)?,
        receipt: ReceiptId::from_uuid(row.receipt_id),
        at: row.corrected_at,
    })
}

/// Writes what a correction left. The caller holds the lock of the bill.
pub async fn insert(
    conn: &mut PgConnection,
    region: RegionCode,
    bill: BillId,
    correction: &Correction,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO bill_corrections (bill_id, number, region, kind, settlement_id, claim_version, receipt_id, corrected_at, collected) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(bill.uuid())
    .bind(correction.number)
    .bind(region.as_str())
    .bind(correction.kind.as_str())
    .bind(correction.settlement.uuid())
    .bind(correction.claim_version)
    .bind(correction.receipt.uuid())
    .bind(correction.at)
    .bind(correction.collected.decimal())
    .execute(&mut *conn)
    .await?;
    let (payers, amounts, lines) = shares::columns(&correction.shares);
    sqlx::query(
        "INSERT INTO corrected_shares (bill_id, number, line, region, payer, amount, credit_line_id) \
         SELECT $1, $2, share.line, $3, share.payer, share.amount, share.credit_line_id \
         FROM unnest($4::text[], $5::numeric[], $6::uuid[]) WITH ORDINALITY AS share (payer, amount, credit_line_id, line)",
    )
    .bind(bill.uuid())
    .bind(correction.number)
    .bind(region.as_str())
    .bind(payers)
    .bind(amounts)
    .bind(lines)
    .execute(conn)
    .await?;
    Ok(())
}

/// Names the rows of a correction.
pub fn audited(entry: Entry, bill: BillId, correction: &Correction) -> Entry {
    let number = correction.number;
    let entry = entry.row(TABLE, audit::id(&[&bill, &number]));
    let lines = 1..=correction.shares.len();
    lines.fold(entry, |entry, line| entry.row(SHARES, audit::id(&[&bill, &number, &line])))
}
