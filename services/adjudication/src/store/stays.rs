//! `stays`: inpatient stays, as scheduling tells of them.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::Error;
use sqlx::PgConnection;
use types::ids::{ResidentId, VisitId};
use types::region::RegionCode;

/// Writes that a stay began.
pub async fn open(
    conn: &mut PgConnection,
    region: RegionCode,
    visit: VisitId,
    resident: ResidentId,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO stays (visit_id, region, resident_id, opened_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(visit.uuid())
    .bind(region.as_str())
    .bind(resident.uuid())
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes that it ended. Answers whether it is known.
pub async fn end(conn: &mut PgConnection, visit: VisitId, at: DateTime<Utc>) -> Result<bool, Error> {
    let ended = sqlx::query("UPDATE stays SET ended_at = $2 WHERE visit_id = $1 AND ended_at IS NULL")
        .bind(visit.uuid())
        .bind(at)
        .execute(conn)
        .await?;
    Ok(ended.rows_affected() == 1)
}

/// Whether a stay of the person is open, in whichever region, that began on this local day or before.
pub async fn is_any_open(conn: &mut PgConnection, resident: ResidentId, day: NaiveDate) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("SELECT has_open_stay($1, $2)").bind(resident.uuid()).bind(day).fetch_one(conn).await?)
}
