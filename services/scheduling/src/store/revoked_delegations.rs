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
