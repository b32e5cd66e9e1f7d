//! Table `slot_pools`: how many places there are and how many are given. `give_places` (`bookings.rs`) and this are all that moves the count.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::{
    care::CareKind,
    ids::{DepartmentId, OrganisationId, SlotId},
};
use uuid::Uuid;

use crate::domain::{error::SchedulingError, pool::Pool};

const ALTERNATIVES_MAX: i64 = 3;

/// Gives places back.
pub async fn give_back(conn: &mut PgConnection, slot: SlotId, pool: Pool, places: i32) -> Result<(), SchedulingError> {
    sqlx::query("UPDATE slot_pools SET taken = taken - $3 WHERE slot_id = $1 AND pool = $2")
        .bind(slot.uuid())
        .bind(pool.as_str())
        .bind(places)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps places from others until the end of the transaction, in the order in which everybody takes them.
pub async fn lock(conn: &mut PgConnection, places: &[(SlotId, Pool)]) -> Result<(), SchedulingError> {
    sqlx::query(
        "SELECT FROM slot_pools JOIN unnest($1::uuid[], $2::text[]) AS wanted (slot_id, pool) USING (slot_id, pool) \
         ORDER BY slot_pools.slot_id, slot_pools.pool FOR NO KEY UPDATE OF slot_pools",
    )
    .bind(places.iter().map(|(slot, _)| slot.uuid()).collect::<Vec<_>>())
    .bind(places.iter().map(|(_, pool)| pool.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// What a full slot is replaced with.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub slot: SlotId,
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub kind: CareKind,
    pub pool: Pool,
    pub starts_at: DateTime<Utc>,
}

/// Up to three slots of the same department with a free place, the nearest in time first.
pub async fn alternatives(
    conn: &mut PgConnection,
    wanted: Wanted,
    now: DateTime<Utc>,
) -> Result<Vec<SlotId>, SchedulingError> {
    let slots: Vec<Uuid> = sqlx::query_scalar(
        "SELECT slots.id FROM sessions \
         JOIN slots ON slots.session_id = sessions.id \
         JOIN slot_pools ON slot_pools.slot_id = slots.id \
         WHERE sessions.organisation_id = $1 AND sessions.department_id IS NOT DISTINCT FROM $2 \
           AND $3 = ANY (sessions.kinds) AND sessions.ends_at > $6 \
           AND slot_pools.pool = $4 AND slot_pools.taken < slot_pools.places \
           AND slots.starts_at > $6 AND slots.id <> $7 \
         ORDER BY greatest(slots.starts_at - $5, $5 - slots.starts_at), slots.id LIMIT $8",
    )
    .bind(wanted.organisation.uuid())
    .bind(wanted.department.map(DepartmentId::uuid))
    .bind(wanted.kind.as_str())
    .bind(wanted.pool.as_str())
    .bind(wanted.starts_at)
    .bind(now)
    .bind(wanted.slot.uuid())
    .bind(ALTERNATIVES_MAX)
    .fetch_all(conn)
    .await?;
    Ok(slots.into_iter().map(SlotId::from_uuid).collect())
}
