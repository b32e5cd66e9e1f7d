//! Table `release_ladders`, and the slots in which something should have fallen back.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::{
    caller::Party,
    ids::{DepartmentId, LadderId, SlotId},
    region::RegionCode,
};
use uuid::Uuid;

use super::word;
use crate::domain::{error::SchedulingError, ladder::Ladder};

/// Sets the steps of a department, in place of those that were set; answers the id that its ladder has.
pub async fn set(
    conn: &mut PgConnection,
    ladder: &Ladder,
    by: &Party,
    now: DateTime<Utc>,
) -> Result<LadderId, SchedulingError> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let id: Uuid = sqlx::query_scalar(
        "INSERT INTO release_ladders AS known (id, region, organisation_id, department_id, pools, hours_before, keep_percents, set_by, set_at) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT ON CONSTRAINT release_ladders_once DO UPDATE SET pools = excluded.pools, hours_before = excluded.hours_before, \
             keep_percents = excluded.keep_percents, set_by = excluded.set_by, set_at = excluded.set_at \
         RETURNING known.id",
    )
    .bind(ladder.id.uuid())
    .bind(ladder.organisation.uuid())
    .bind(ladder.department.map(DepartmentId::uuid))
    .bind(ladder.steps.iter().map(|step| step.pool.as_str()).collect::<Vec<_>>())
    .bind(ladder.steps.iter().map(|step| number(step.hours_before)).collect::<Vec<_>>())
    .bind(ladder.steps.iter().map(|step| number(step.keep_percent)).collect::<Vec<_>>())
    .bind(by.to_string())
    .bind(now)
    .fetch_one(conn)
    .await?;
    Ok(LadderId::from_uuid(id))
}

/// Slots of the region in which something is due, the next to begin first.
pub async fn due(conn: &mut PgConnection, now: DateTime<Utc>, count_max: i64) -> Result<Vec<SlotId>, SchedulingError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT slots.id FROM release_ladders ladder \
         JOIN sessions ON sessions.organisation_id = ladder.organisation_id \
             AND sessions.department_id IS NOT DISTINCT FROM ladder.department_id AND sessions.withdrawn_at IS NULL AND sessions.ends_at > $1 \
         JOIN slots ON slots.session_id = sessions.id AND slots.starts_at > $1 \
             AND slots.starts_at <= $1 + (SELECT max(hours) FROM unnest(ladder.hours_before) AS hours) * interval '1 hour' \
         WHERE ladder.region = current_setting('anjia.region') AND EXISTS (SELECT FROM due_releases(slots.id, $1)) \
         ORDER BY slots.starts_at, slots.id LIMIT $2",
    )
    .bind(now)
    .bind(count_max)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(SlotId::from_uuid).collect())
}

/// Where there are ladders. For the worker role.
pub async fn regions(conn: &mut PgConnection) -> Result<Vec<RegionCode>, SchedulingError> {
    let regions: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT region FROM release_ladders ORDER BY region").fetch_all(conn).await?;
    regions.iter().map(|region| word("release_ladders", "region", Uuid::nil(), region)).collect()
}
