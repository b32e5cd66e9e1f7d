//! Table `slot_pools`: how many places there are and how many are given. `give_places` (`bookings.rs`) and this are all that moves the count.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::{
    care::CareKind,
    ids::{DepartmentId, OrganisationId, SlotId},
    region::RegionCode,
};
use uuid::Uuid;

use super::{invalid, word};
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

/// Sets a public place that is free aside for those who wait.
pub async fn set_aside(conn: &mut PgConnection, slot: SlotId) -> Result<(), SchedulingError> {
    sqlx::query(
        "UPDATE slot_pools SET taken = taken + 1, set_aside = set_aside + 1 WHERE slot_id = $1 AND pool = 'PUBLIC'",
    )
    .bind(slot.uuid())
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives one back that was set aside; false if there is none.
pub async fn take_aside(conn: &mut PgConnection, slot: SlotId) -> Result<bool, SchedulingError> {
    let taken = sqlx::query(
        "UPDATE slot_pools SET taken = taken - 1, set_aside = set_aside - 1 WHERE slot_id = $1 AND pool = 'PUBLIC' AND set_aside > 0",
    )
    .bind(slot.uuid())
    .execute(conn)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Gives everything back that is set aside in these slots, which are locked.
pub async fn free_aside(conn: &mut PgConnection, slots: &[SlotId]) -> Result<(), SchedulingError> {
    sqlx::query(
        "UPDATE slot_pools SET taken = taken - set_aside, set_aside = 0 WHERE slot_id = ANY ($1) AND set_aside > 0",
    )
    .bind(slots.iter().map(|slot| slot.uuid()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Slots of all regions in which something is set aside, in any order: none waits behind the same others each time. For the worker role.
pub async fn aside(conn: &mut PgConnection, count_max: i64) -> Result<Vec<(SlotId, RegionCode)>, SchedulingError> {
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as("SELECT slot_id, region FROM slot_pools WHERE set_aside > 0 ORDER BY random() LIMIT $1")
            .bind(count_max)
            .fetch_all(conn)
            .await?;
    rows.into_iter()
        .map(|(id, region)| Ok((SlotId::from_uuid(id), word("slot_pools", "region", id, &region)?)))
        .collect()
}

/// What is free in these slots and can be given to nobody, since their clinic closes or they were withdrawn.
pub async fn leftover(conn: &mut PgConnection, slots: &[SlotId]) -> Result<Vec<(SlotId, Pool, i32)>, SchedulingError> {
    let rows: Vec<(Uuid, String, i32)> = sqlx::query_as(
        "SELECT slots.id, slot_pools.pool, slot_pools.places - slot_pools.taken \
         FROM slots JOIN sessions ON sessions.id = slots.session_id JOIN slot_pools ON slot_pools.slot_id = slots.id \
         WHERE slots.id = ANY ($1) AND (sessions.closing_at IS NOT NULL OR slots.withdrawn_at IS NOT NULL) AND slot_pools.taken < slot_pools.places \
         ORDER BY slots.id, slot_pools.pool",
    )
    .bind(slots.iter().map(|slot| slot.uuid()).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    let left = |(id, pool, places): (Uuid, String, i32)| {
        let pool = Pool::from_word(&pool).ok_or_else(|| invalid("slot_pools", "pool", id))?;
        Ok((SlotId::from_uuid(id), pool, places))
    };
    rows.into_iter().map(left).collect()
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

/// Up to three slots of the same department with a free place, the nearest in time first; among people with symptoms only for who wanted to be there.
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
           AND $3 = ANY (sessions.kinds) AND sessions.ends_at > $6 AND sessions.closing_at IS NULL \
           AND slot_pools.pool = $4 AND slot_pools.taken < slot_pools.places \
           AND slots.starts_at > $6 AND slots.id <> $7 \
           AND (sessions.surge_id IS NULL OR cardinality(sessions.capabilities) = 0 OR sessions.surge_id = ( \
               SELECT own.surge_id FROM slots wanted JOIN sessions own ON own.id = wanted.session_id WHERE wanted.id = $7)) \
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
