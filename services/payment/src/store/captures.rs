//! Rows of the capture saga. Whoever works on one has taken it: until its lease ends, under a fence that every write checks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use postgres::Error;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::caller::Caller;
use types::ids::{BillId, JourneyId, SagaId, SettlementId};
use uuid::Uuid;

use crate::domain::capture::{Capture, State};

const TABLE: &str = "captures";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    bill_id: Uuid,
    settlement_id: Uuid,
    state: String,
    attempts: i32,
    traceparent: Option<String>,
    journey_id: Option<Uuid>,
    begun_at: DateTime<Utc>,
    deadline: DateTime<Utc>,
    fence: i64,
}

impl TryFrom<Row> for Capture {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: SagaId::from_uuid(row.id),
            region: row.region.parse().map_err(|_| Error::row_invalid(TABLE, "region", row.id))?,
            bill: BillId::from_uuid(row.bill_id),
            settlement: SettlementId::from_uuid(row.settlement_id),
            state: State::parse(&row.state).ok_or_else(|| Error::row_invalid(TABLE, "state", row.id))?,
            attempts: u32::try_from(row.attempts).map_err(|_| Error::row_invalid(TABLE, "attempts", row.id))?,
            traceparent: row.traceparent,
            journey: row.journey_id.map(JourneyId::from_uuid),
            begun_at: row.begun_at,
            deadline: row.deadline,
            fence: row.fence,
        })
    }
}

/// Writes the intent, due at once, with who asked for it.
pub async fn insert(conn: &mut PgConnection, capture: &Capture, caller: &Caller) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO captures (id, region, bill_id, settlement_id, state, mandate, traceparent, journey_id, begun_at, deadline) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(capture.id.uuid())
    .bind(capture.region.as_str())
    .bind(capture.bill.uuid())
    .bind(capture.settlement.uuid())
    .bind(capture.state.as_str())
    .bind(Json(caller))
    .bind(&capture.traceparent)
    .bind(capture.journey.map(JourneyId::uuid))
    .bind(capture.begun_at)
    .bind(capture.deadline)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes up to `max` sagas that are due and nobody holds. As the worker, over all regions.
pub async fn take(conn: &mut PgConnection, lease: Duration, max: i64) -> Result<Vec<Capture>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "UPDATE captures SET fence = fence + 1, lease_until = clock_timestamp() + $1 * interval '1 millisecond' \
         WHERE id IN (SELECT id FROM captures WHERE state IN ('CONFIRMING', 'CONFIRMED') \
                      AND next_attempt_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until <= clock_timestamp()) \
                      ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
         RETURNING id, region, bill_id, settlement_id, state, attempts, traceparent, journey_id, begun_at, deadline, fence",
    )
    .bind(milliseconds(lease))
    .bind(max)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Capture::try_from).collect()
}

/// Whether a capture of the bill goes on by itself.
pub async fn is_under_way(conn: &mut PgConnection, bill: BillId) -> Result<bool, Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM captures WHERE bill_id = $1 AND state IN ('CONFIRMING', 'CONFIRMED'))",
    )
    .bind(bill.uuid())
    .fetch_one(conn)
    .await?)
}

/// Who asked for the capture, as their token said.
pub async fn mandate(conn: &mut PgConnection, id: SagaId) -> Result<Caller, Error> {
    let Json(caller): Json<Caller> =
        sqlx::query_scalar("SELECT mandate FROM captures WHERE id = $1").bind(id.uuid()).fetch_one(conn).await?;
    Ok(caller)
}

/// Stores where the saga stands. Refused with [`Error::LeaseLost`] where somebody else has taken it since.
pub async fn advance(
    conn: &mut PgConnection,
    capture: &Capture,
    state: State,
    refusal: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let done = sqlx::query(
        "UPDATE captures SET state = $3, last_refusal = coalesce($4, last_refusal), ended_at = $5 \
         WHERE id = $1 AND fence = $2",
    )
    .bind(capture.id.uuid())
    .bind(capture.fence)
    .bind(state.as_str())
    .bind(refusal)
    .bind(state.has_ended().then_some(now))
    .execute(conn)
    .await?;
    held(&done, capture)
}

/// Gives the saga up until `wait` has passed, more or less: sagas that failed together do not come back together.
pub async fn wait(conn: &mut PgConnection, capture: &Capture, wait: Duration, refusal: &str) -> Result<(), Error> {
    let done = sqlx::query(
        "UPDATE captures SET attempts = attempts + 1, last_refusal = $4, lease_until = NULL, \
         next_attempt_at = clock_timestamp() + $3 * (0.75 + random() / 2) * interval '1 millisecond' \
         WHERE id = $1 AND fence = $2",
    )
    .bind(capture.id.uuid())
    .bind(capture.fence)
    .bind(milliseconds(wait))
    .bind(refusal)
    .execute(conn)
    .await?;
    held(&done, capture)
}

fn held(done: &sqlx::postgres::PgQueryResult, capture: &Capture) -> Result<(), Error> {
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::LeaseLost { name: format!("capture {}", capture.id) }) }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
