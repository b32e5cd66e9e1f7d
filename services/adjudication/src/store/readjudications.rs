//! `readjudications`: rows of that saga. Whoever works on one has taken it: until its lease ends, under a fence that every write checks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use postgres::gauges::Gauge;
use postgres::{Error, by_state};
use sqlx::postgres::PgQueryResult;
use sqlx::{FromRow, PgConnection};
use types::ids::{ResidentId, SagaId};
use types::region::RegionCode;
use uuid::Uuid;

use super::word;
use crate::domain::change::Cause;
use crate::domain::readjudication::{Readjudication, State};

const TABLE: &str = "readjudications";

/// How many are under way or stuck, and since when.
pub const GAUGES: &[Gauge] = &[
    Gauge {
        name: "anjia.saga.count",
        unit: "{saga}",
        description: "Sagas under way, and those that wait for a person",
        attribute: "anjia.saga.state",
        sql: by_state!("count(found.id)", "readjudications", "{RUNNING,NEEDS_HUMAN}"),
    },
    Gauge {
        name: "anjia.saga.oldest",
        unit: "s",
        description: "Age of the oldest of them; 0 if there is none",
        attribute: "anjia.saga.state",
        sql: by_state!(
            "coalesce(extract(epoch FROM clock_timestamp() - min(found.requested_at)), 0)",
            "readjudications",
            "{RUNNING,NEEDS_HUMAN}"
        ),
    },
];

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    from_year: i32,
    cause: String,
    state: String,
    attempts: i32,
    traceparent: Option<String>,
    requested_at: DateTime<Utc>,
    deadline: DateTime<Utc>,
    fence: i64,
}

impl Row {
    fn readjudication(self) -> Result<Readjudication, Error> {
        Ok(Readjudication {
            id: SagaId::from_uuid(self.id),
            region: word(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            from_year: self.from_year,
            cause: word(TABLE, "cause", self.id, &self.cause)?,
            state: word(TABLE, "state", self.id, &self.state)?,
            attempts: u32::try_from(self.attempts).map_err(|_| Error::row_invalid(TABLE, "attempts", self.id))?,
            traceparent: self.traceparent,
            requested_at: self.requested_at,
            deadline: self.deadline,
            fence: self.fence,
        })
    }
}

/// Writes the intent, due at once: for whichever region, asked in that of the transaction.
pub async fn insert(conn: &mut PgConnection, readjudication: &Readjudication) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO readjudications (id, region, resident_id, from_year, cause, state, traceparent, requested_at, deadline, asked_in) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, current_setting('anjia.region'))",
    )
    .bind(readjudication.id.uuid())
    .bind(readjudication.region.as_str())
    .bind(readjudication.resident.uuid())
    .bind(readjudication.from_year)
    .bind(readjudication.cause.as_str())
    .bind(readjudication.state.as_str())
    .bind(&readjudication.traceparent)
    .bind(readjudication.requested_at)
    .bind(readjudication.deadline)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a region was asked for these years of a person, or more, for the same cause, and has not begun: it waits for this transaction
/// to end.
pub async fn is_asked(
    conn: &mut PgConnection,
    (region, resident): (RegionCode, ResidentId),
    from_year: i32,
    cause: Cause,
) -> Result<bool, Error> {
    let is_asked = sqlx::query_scalar("SELECT is_asked($1, $2, $3, $4)")
        .bind(region.as_str())
        .bind(resident.uuid())
        .bind(from_year)
        .bind(cause.as_str())
        .fetch_one(conn)
        .await?;
    Ok(is_asked)
}

/// Takes up to `max` sagas that are due and nobody holds. As the worker, over all regions.
pub async fn take(conn: &mut PgConnection, lease: Duration, max: i64) -> Result<Vec<Readjudication>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "UPDATE readjudications SET fence = fence + 1, lease_until = clock_timestamp() + $1 * interval '1 millisecond' \
         WHERE id IN (SELECT id FROM readjudications WHERE state = 'RUNNING' AND next_attempt_at <= clock_timestamp() \
                      AND (lease_until IS NULL OR lease_until <= clock_timestamp()) \
                      ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
         RETURNING id, region, resident_id, from_year, cause, state, attempts, traceparent, requested_at, deadline, fence",
    )
    .bind(milliseconds(lease))
    .bind(max)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::readjudication).collect()
}

/// Stores where the saga ended. Refused with [`Error::LeaseLost`] where somebody else has taken it since.
pub async fn end(
    conn: &mut PgConnection,
    readjudication: &Readjudication,
    state: State,
    corrected: usize,
    refusal: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let done = sqlx::query(
        "UPDATE readjudications SET state = $3, corrected = $4, last_refusal = coalesce($5, last_refusal), ended_at = $6, lease_until = NULL \
         WHERE id = $1 AND fence = $2 AND state = 'RUNNING'",
    )
    .bind(readjudication.id.uuid())
    .bind(readjudication.fence)
    .bind(state.as_str())
    .bind(i32::try_from(corrected).unwrap_or(i32::MAX))
    .bind(refusal)
    .bind(now)
    .execute(conn)
    .await?;
    held(&done, readjudication)
}

/// Gives the saga up until `wait` has passed, more or less: sagas that failed together do not come back together.
pub async fn wait(
    conn: &mut PgConnection,
    readjudication: &Readjudication,
    wait: Duration,
    refusal: &str,
) -> Result<(), Error> {
    let done = sqlx::query(
        "UPDATE readjudications SET attempts = attempts + 1, last_refusal = $4, lease_until = NULL, \
         next_attempt_at = clock_timestamp() + $3 * (0.75 + random() / 2) * interval '1 millisecond' \
         WHERE id = $1 AND fence = $2",
    )
    .bind(readjudication.id.uuid())
    .bind(readjudication.fence)
    .bind(milliseconds(wait))
    .bind(refusal)
    .execute(conn)
    .await?;
    held(&done, readjudication)
}

fn held(done: &PgQueryResult, readjudication: &Readjudication) -> Result<(), Error> {
    if done.rows_affected() == 1 {
        return Ok(());
    }
    Err(Error::LeaseLost { name: format!("readjudication {}", readjudication.id) })
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
