//! Table `slot_refusals`, and whose the slots in it are.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::{DepartmentId, OrganisationId, SlotId};
use uuid::Uuid;

use crate::domain::error::SchedulingError;

/// A slot that somebody asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub slot: SlotId,
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub starts_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    organisation_id: Uuid,
    department_id: Option<Uuid>,
    starts_at: DateTime<Utc>,
}

/// Of these slots those that exist.
pub async fn asked(conn: &mut PgConnection, slots: &[SlotId]) -> Result<Vec<Asked>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT slots.id, sessions.organisation_id, sessions.department_id, slots.starts_at \
         FROM slots JOIN sessions ON sessions.id = slots.session_id WHERE slots.id = ANY ($1)",
    )
    .bind(slots.iter().map(|slot| slot.uuid()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let asked = |row: Row| Asked {
        slot: SlotId::from_uuid(row.id),
        organisation: OrganisationId::from_uuid(row.organisation_id),
        department: row.department_id.map(DepartmentId::from_uuid),
        starts_at: row.starts_at,
    };
    Ok(rows.into_iter().map(asked).collect())
}

/// Adds what was counted.
pub async fn add(conn: &mut PgConnection, counted: &[(SlotId, i32)]) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO slot_refusals (slot_id, region, refused) \
         SELECT counted.slot_id, current_setting('anjia.region'), counted.refused \
         FROM unnest($1::uuid[], $2::integer[]) AS counted (slot_id, refused) ORDER BY counted.slot_id \
         ON CONFLICT (slot_id) DO UPDATE SET refused = slot_refusals.refused + excluded.refused",
    )
    .bind(counted.iter().map(|(slot, _)| slot.uuid()).collect::<Vec<_>>())
    .bind(counted.iter().map(|(_, refused)| *refused).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}
