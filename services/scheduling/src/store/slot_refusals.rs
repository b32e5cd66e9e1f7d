//! Table `slot_refusals`.

use sqlx::PgConnection;
use types::ids::SlotId;

use crate::domain::error::SchedulingError;

/// Adds what was counted. Slots that do not exist are passed over: anybody can ask for one.
pub async fn add(conn: &mut PgConnection, counted: &[(SlotId, i32)]) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO slot_refusals (slot_id, region, refused) \
         SELECT slots.id, current_setting('anjia.region'), counted.refused \
         FROM unnest($1::uuid[], $2::integer[]) AS counted (slot_id, refused) JOIN slots ON slots.id = counted.slot_id ORDER BY slots.id \
         ON CONFLICT (slot_id) DO UPDATE SET refused = slot_refusals.refused + excluded.refused",
    )
    .bind(counted.iter().map(|(slot, _)| slot.uuid()).collect::<Vec<_>>())
    .bind(counted.iter().map(|(_, refused)| *refused).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
