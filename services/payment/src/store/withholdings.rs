//! `withholdings`: what findings withhold of what providers are paid, one row a finding.

use chrono::{DateTime, Utc};
use postgres::Error;
use postgres::audit::Entry;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use types::ids::{BillId, FindingId};
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use super::money;
use crate::domain::shares::{Payer, Share};
use crate::domain::withholding::{Withheld, Withholding};

const TABLE: &str = "withholdings";

/// Remembers what was told at a position of adjudication's feed; false where the same or later was told before. The caller holds the
/// lock of the bill.
pub async fn put(
    conn: &mut PgConnection,
    region: RegionCode,
    bill: BillId,
    told: &Withholding,
    (position, told_at): (i64, DateTime<Utc>),
) -> Result<bool, Error> {
    let put = sqlx::query(
        "INSERT INTO withholdings AS known (finding_id, region, bill_id, settlement_id, state, amount, position, told_at, line) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (finding_id) DO UPDATE \
         SET settlement_id = excluded.settlement_id, line = excluded.line, state = excluded.state, amount = excluded.amount, position = excluded.position, \
             told_at = excluded.told_at \
         WHERE known.bill_id = excluded.bill_id AND known.position < excluded.position",
    )
    .bind(told.finding.uuid())
    .bind(region.as_str())
    .bind(bill.uuid())
    .bind(told.settlement.uuid())
    .bind(told.state.as_str())
    .bind(told.amount.decimal())
    .bind(position)
    .bind(told_at)
    .bind(told.line.unwrap_or(0))
    .execute(conn)
    .await?;
    Ok(put.rows_affected() == 1)
}

pub fn audited(entry: Entry, finding: FindingId) -> Entry {
    entry.row(TABLE, finding)
}

/// What the findings of a bill withhold, and what of that is cut.
pub async fn told(conn: &mut PgConnection, bill: BillId) -> Result<(Money, Money), Error> {
    let told: Option<(Decimal, Decimal)> =
        sqlx::query_as("SELECT withheld, cut FROM withheld_by_bill WHERE bill_id = $1")
            .bind(bill.uuid())
            .fetch_optional(conn)
            .await?;
    let (withheld, cut) = told.unwrap_or_default();
    Ok((money(TABLE, "amount", bill.uuid(), withheld)?, money(TABLE, "amount", bill.uuid(), cut)?))
}

/// What is withheld of a bill by the ledger, and how often that changed.
pub async fn posted(conn: &mut PgConnection, bill: BillId) -> Result<(Withheld, i32), Error> {
    let rows: Vec<(String, Decimal)> = sqlx::query_as(
        "SELECT account.kind, -sum(entry.amount) FROM transfers transfer JOIN entries entry ON entry.transfer_id = transfer.id \
         JOIN accounts account ON account.id = entry.account_id \
         WHERE transfer.bill_id = $1 AND transfer.purpose = 'PROVIDER_WITHHELD' AND account.kind <> 'PROVIDER_PAID' \
         GROUP BY account.kind HAVING sum(entry.amount) <> 0 ORDER BY account.kind",
    )
    .bind(bill.uuid())
    .fetch_all(&mut *conn)
    .await?;
    let mut withheld = Withheld::default();
    for (kind, amount) in rows {
        let amount = money("entries", "amount", bill.uuid(), amount)?;
        match kind.as_str() {
            "PROVIDER_WITHHELD" => withheld.questioned = amount,
            fund => withheld.cut.push(Share { payer: fund_of(fund, bill.uuid())?, amount }),
        }
    }
    let times: i64 =
        sqlx::query_scalar("SELECT count(*) FROM transfers WHERE bill_id = $1 AND purpose = 'PROVIDER_WITHHELD'")
            .bind(bill.uuid())
            .fetch_one(conn)
            .await?;
    Ok((withheld, i32::try_from(times).map_err(|_| Error::row_invalid("transfers", "number", bill))?))
}

fn fund_of(kind: &str, bill: Uuid) -> Result<Payer, Error> {
    super::shares::payer_of(kind, None)
        .filter(|payer| payer.is_insurers_fund())
        .ok_or_else(|| Error::row_invalid("accounts", "kind", bill))
}
