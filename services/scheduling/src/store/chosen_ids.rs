//! Table `chosen_appointment_ids`: where a hold and a cancel of one id meet. `give_places` (`bookings.rs`) writes the holds'.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::ids::{AppointmentId, ResidentId};

use crate::domain::error::SchedulingError;

/// Remembers the cancel of an id that is not known; false if a hold has taken the id after all. Waits for a hold under way.
pub async fn remember_cancel(
    conn: &mut PgConnection,
    id: AppointmentId,
    resident: ResidentId,
    now: DateTime<Utc>,
) -> Result<bool, SchedulingError> {
    if insert(conn, id, resident, now).await? {
        return Ok(true);
    }
    let is_cancelled: Option<bool> = sqlx::query_scalar(
        "SELECT is_cancelled FROM chosen_appointment_ids WHERE id = $1 AND resident_id = ANY ((SELECT one_person($2))::uuid[])",
    )
    .bind(id.uuid())
    .bind(resident.uuid())
    .fetch_optional(conn)
    .await?;
    Ok(is_cancelled == Some(true))
}

async fn insert(
    conn: &mut PgConnection,
    id: AppointmentId,
    resident: ResidentId,
    now: DateTime<Utc>,
) -> Result<bool, SchedulingError> {
    let inserted = sqlx::query(
        "INSERT INTO chosen_appointment_ids (id, region, resident_id, is_cancelled, claimed_at) \
         VALUES ($1, current_setting('anjia.region'), $2, true, $3) ON CONFLICT DO NOTHING",
    )
    .bind(id.uuid())
    .bind(resident.uuid())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
