//! Table `release_ladders`, and the slots in which something should have fallen back.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::{
    caller::Party,
    ids::{DepartmentId, LadderId, OrganisationId, SlotId},
    region::RegionCode,
};
use uuid::Uuid;

use super::{invalid, word};
use crate::domain::{
    error::SchedulingError,
    ladder::{Ladder, Step},
    pool::Pool,
};

const TABLE: &str = "release_ladders";

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

#[derive(FromRow)]
struct Row {
    id: Uuid,
    organisation_id: Uuid,
    department_id: Option<Uuid>,
    pools: Vec<String>,
    hours_before: Vec<i32>,
    keep_percents: Vec<i32>,
}

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, organisation_id, department_id, pools, hours_before, keep_percents FROM release_ladders ",
            $rest
        )
    };
}

/// None where nothing was set.
pub async fn find(
    conn: &mut PgConnection,
    organisation: OrganisationId,
    department: Option<DepartmentId>,
) -> Result<Option<Ladder>, SchedulingError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE organisation_id = $1 AND department_id IS NOT DISTINCT FROM $2"))
            .bind(organisation.uuid())
            .bind(department.map(DepartmentId::uuid))
            .fetch_optional(conn)
            .await?;
    row.map(Row::ladder).transpose()
}

/// Those of a provider, in the order in which they were first set.
pub async fn list(
    conn: &mut PgConnection,
    organisation: OrganisationId,
    after: Option<&LadderId>,
    limit: i64,
) -> Result<Vec<Ladder>, SchedulingError> {
    let rows: Vec<Row> =
        sqlx::query_as(select!("WHERE organisation_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3"))
            .bind(organisation.uuid())
            .bind(after.map(|id| id.uuid()))
            .bind(limit)
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(Row::ladder).collect()
}

impl Row {
    fn ladder(self) -> Result<Ladder, SchedulingError> {
        let id = self.id;
        let number = |column, number: i32| u32::try_from(number).map_err(|_| invalid(TABLE, column, id));
        let numbers = self.hours_before.iter().zip(&self.keep_percents);
        let steps = self.pools.iter().zip(numbers).map(|(pool, (hours_before, keep_percent))| {
            Ok(Step {
                pool: Pool::from_word(pool).ok_or_else(|| invalid(TABLE, "pools", id))?,
                hours_before: number("hours_before", *hours_before)?,
                keep_percent: number("keep_percents", *keep_percent)?,
            })
        });
        Ok(Ladder {
            id: LadderId::from_uuid(id),
            organisation: OrganisationId::from_uuid(self.organisation_id),
            department: self.department_id.map(DepartmentId::from_uuid),
            steps: steps.collect::<Result<_, SchedulingError>>()?,
        })
    }
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
    regions.iter().map(|region| word(TABLE, "region", Uuid::nil(), region)).collect()
}
