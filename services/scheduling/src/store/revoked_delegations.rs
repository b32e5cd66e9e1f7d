//! Table `revoked_delegations`: those that identity told were taken back. Written and read under the lock of their resident.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::ids::DelegationId;

use crate::domain::error::SchedulingError;

/// False if it was known.
pub async fn insert(conn: &mut PgConnection, id: DelegationId, at: DateTime<Utc>) -> Result<bool, SchedulingError> {
    let learned = sqlx::query(
        "INSERT INTO revoked_delegations (delegation_id, region, revoked_at) \
         VALUES ($1, current_setting('anjia.region'), $2) ON CONFLICT DO NOTHING",
    )
    .bind(id.uuid())
    .bind(at)
    .execute(conn)
    .await?;
    Ok(learned.rows_affected() == 1)
}

pub async fn contains(conn: &mut PgConnection, id: DelegationId) -> Result<bool, SchedulingError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM revoked_delegations WHERE delegation_id = $1)")
        .bind(id.uuid())
        .fetch_one(conn)
        .await?)
}
