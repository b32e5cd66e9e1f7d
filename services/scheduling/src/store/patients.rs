//! Table `patients`: a lock per resident.

use sqlx::PgConnection;
use types::ids::ResidentId;

use crate::domain::error::SchedulingError;

/// Keeps other bookings of the same resident out until the end of the transaction, so that limits are counted one at a time.
pub async fn lock(conn: &mut PgConnection, resident: ResidentId) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO patients (region, resident_id) VALUES (current_setting('anjia.region'), $1) \
         ON CONFLICT (region, resident_id) DO UPDATE SET resident_id = excluded.resident_id",
    )
    .bind(resident.uuid())
    .execute(conn)
    .await?;
    Ok(())
}
