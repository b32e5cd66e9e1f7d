//! Ids that bills have or might have had.

use chrono::{DateTime, Utc};
use postgres::Error;
use sqlx::PgConnection;
use types::ids::{BillId, ResidentId};
use types::region::RegionCode;

/// What an id is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It was free and is ours now, from this transaction on.
    Ours,
    /// A bill was opened under it.
    Opened,
    /// It was cancelled before a bill was opened.
    Cancelled,
    /// Another region has it.
    Elsewhere,
}

/// Takes an id for a bill, or, with `cancelled_at`, so that no bill can be opened under it. Waits for another transaction that
/// takes the same: of a cancel and an authorisation that race, one comes first.
pub async fn claim(
    conn: &mut PgConnection,
    region: RegionCode,
    id: BillId,
    resident: ResidentId,
    cancelled_at: Option<DateTime<Utc>>,
) -> Result<Claim, Error> {
    let inserted = sqlx::query(
        "INSERT INTO bill_ids (bill_id, region, resident_id, cancelled_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(id.uuid())
    .bind(region.as_str())
    .bind(resident.uuid())
    .bind(cancelled_at)
    .execute(&mut *conn)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Claim::Ours);
    }
    let taken: Option<(bool,)> = sqlx::query_as("SELECT cancelled_at IS NOT NULL FROM bill_ids WHERE bill_id = $1")
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(match taken {
        Some((true,)) => Claim::Cancelled,
        Some((false,)) => Claim::Opened,
        None => Claim::Elsewhere,
    })
}
