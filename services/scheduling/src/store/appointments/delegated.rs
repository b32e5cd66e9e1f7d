//! What was booked under a delegation.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::ids::DelegationId;

use super::{Row, select};
use crate::domain::{appointment::Appointment, error::SchedulingError};

/// Locks what a delegate holds or has booked ahead under a delegation. A saga's hold is the saga's, which asks identity itself.
pub async fn lock_ahead(
    conn: &mut PgConnection,
    delegation: DelegationId,
    now: DateTime<Utc>,
) -> Result<Vec<Appointment>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE delegation_id = $1 AND booked_by NOT LIKE 'service:%' \
         AND (state = 'HELD' OR (state = 'CONFIRMED' AND starts_at > $2)) ORDER BY slot_id, pool, id FOR UPDATE"
    ))
    .bind(delegation.uuid())
    .bind(now)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::appointment).collect()
}
