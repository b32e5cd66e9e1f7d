//! Tables `pool_moves` and `slot_pools`: places change their pool, are added or withdrawn, and each change is written down. Nothing else changes
//! `places`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::{
    caller::Party,
    ids::{PoolMoveId, SlotId},
};
use uuid::Uuid;

use super::invalid;
use crate::domain::{error::SchedulingError, pool::Pool};

/// A change of how many places there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// They fell back to everybody.
    Released(Pool),
    /// The provider took them back.
    Withdrawn(Pool),
    /// The provider made them.
    Added(Pool),
}

impl Change {
    const fn parts(self) -> (&'static str, Option<Pool>, Option<Pool>) {
        match self {
            Self::Released(from) => ("RELEASED", Some(from), Some(Pool::Public)),
            Self::Withdrawn(from) => ("WITHDRAWN", Some(from), None),
            Self::Added(to) => ("ADDED", None, Some(to)),
        }
    }

    /// The pools whose row it changes.
    pub fn pools(self) -> impl Iterator<Item = Pool> {
        let (_, from, to) = self.parts();
        from.into_iter().chain(to)
    }
}

/// Carries one out. A place that is given cannot leave its pool: the CHECK refuses it.
pub async fn carry_out(
    conn: &mut PgConnection,
    slot: SlotId,
    change: Change,
    places: i32,
    (by, now): (&Party, DateTime<Utc>),
) -> Result<PoolMoveId, SchedulingError> {
    let (reason, from, to) = change.parts();
    if let Some(from) = from {
        sqlx::query("UPDATE slot_pools SET places = places - $3 WHERE slot_id = $1 AND pool = $2")
            .bind(slot.uuid())
            .bind(from.as_str())
            .bind(places)
            .execute(&mut *conn)
            .await?;
    }
    if let Some(to) = to {
        sqlx::query(
            "INSERT INTO slot_pools (slot_id, pool, region, places) VALUES ($1, $2, current_setting('anjia.region'), 0) \
             ON CONFLICT (slot_id, pool) DO NOTHING",
        )
        .bind(slot.uuid())
        .bind(to.as_str())
        .execute(&mut *conn)
        .await?;
        sqlx::query("UPDATE slot_pools SET places = places + $3 WHERE slot_id = $1 AND pool = $2")
            .bind(slot.uuid())
            .bind(to.as_str())
            .bind(places)
            .execute(&mut *conn)
            .await?;
    }
    let id = PoolMoveId::generate();
    sqlx::query(
        "INSERT INTO pool_moves (id, region, slot_id, from_pool, to_pool, places, reason, moved_by, moved_at) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id.uuid())
    .bind(slot.uuid())
    .bind(from.map(Pool::as_str))
    .bind(to.map(Pool::as_str))
    .bind(places)
    .bind(reason)
    .bind(by.to_string())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(id)
}

/// What should have fallen back by now, of these slots. Locks the pools first, so that nothing is given meanwhile.
pub async fn due_in(
    conn: &mut PgConnection,
    slots: &[SlotId],
    now: DateTime<Utc>,
) -> Result<Vec<(SlotId, Pool, i32)>, SchedulingError> {
    let slots: Vec<Uuid> = slots.iter().map(|slot| slot.uuid()).collect();
    sqlx::query("SELECT FROM slot_pools WHERE slot_id = ANY ($1) ORDER BY slot_id, pool FOR NO KEY UPDATE")
        .bind(&slots)
        .execute(&mut *conn)
        .await?;
    let rows: Vec<(Uuid, String, i32)> = sqlx::query_as(
        "SELECT slot, due.pool, due.places FROM unnest($1::uuid[]) AS slot CROSS JOIN LATERAL due_releases(slot, $2) AS due \
         ORDER BY slot, due.pool",
    )
    .bind(slots)
    .bind(now)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(slot, pool, places)| {
            let pool = Pool::from_word(&pool).ok_or_else(|| invalid("release_ladders", "pools", slot))?;
            Ok((SlotId::from_uuid(slot), pool, places))
        })
        .collect()
}
