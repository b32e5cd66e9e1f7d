//! Table `patients`: a lock per resident.

use sqlx::PgConnection;
use types::ids::ResidentId;

use crate::domain::error::SchedulingError;

/// Keeps other bookings of the same person, by any id of theirs, out until the end of the transaction, so that limits are counted one at
/// a time.
pub async fn lock(conn: &mut PgConnection, resident: ResidentId) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO patients (region, resident_id) \
         SELECT current_setting('anjia.region'), id FROM unnest(one_person($1)) AS id ORDER BY id \
         ON CONFLICT (region, resident_id) DO UPDATE SET resident_id = excluded.resident_id",
    )
    .bind(resident.uuid())
    .execute(conn)
    .await?;
    Ok(())
}
