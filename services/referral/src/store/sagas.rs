//! `sagas`: how far each acceptance is, and who drives it. Leases go by the clock of the database; a write under an older fence than
//! the row's changes nothing.

mod row;

use std::time::Duration;

use chrono::{DateTime, Utc};
use postgres::{Error, audit::Entry, by_state, gauges::Gauge};
use sqlx::{PgConnection, types::Json};
use types::{
    caller::Party,
    ids::{AppointmentId, ReferralId, SagaId},
    region::RegionCode,
};
use uuid::Uuid;

use crate::domain::{
    acceptance::{Plan, State},
    referral::Referral,
};
use row::{Columns, Row};

const INSERT: &str = "INSERT INTO sagas (id, region, referral_id, accepted_by, slot_id, care_kind, expected_lines, appointment_id, \
    quote_id, bill_id, started_at, deadline, hold_until, traceparent, state, step) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'RUNNING', 'CONSENT')";

const CLAIM: &str = "UPDATE sagas SET lease_owner = $1, lease_until = clock_timestamp() + $2 * interval '1 millisecond', \
    fence = fence + 1 \
    WHERE id IN (SELECT id FROM sagas WHERE state IN ('RUNNING', 'COMPENSATING') AND due_at <= clock_timestamp() \
        AND (lease_until IS NULL OR lease_until <= clock_timestamp()) ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
    RETURNING id, region, referral_id, fence";

const LOAD: &str = "SELECT * FROM sagas WHERE id = $1 AND fence = $2";

const SAVE: &str = "UPDATE sagas SET state = $3, step = $4, place_from = coalesce($5, place_from), \
    place_until = coalesce($6, place_until), priced = priced OR $7, own_share = coalesce($8, own_share), \
    authorised = authorised OR $9, refusal = $10, tries = 0, lease_until = clock_timestamp() + $11 * interval '1 millisecond' \
    WHERE id = $1 AND fence = $2";

const PAUSE: &str = "UPDATE sagas SET state = $3, step = $4, tries = tries + 1, \
    due_at = clock_timestamp() + $5 * interval '1 millisecond', lease_owner = NULL, lease_until = NULL \
    WHERE id = $1 AND fence = $2";

const END: &str = "UPDATE sagas SET state = $3, step = NULL, refusal = $4, ended_at = $5, lease_owner = NULL, lease_until = NULL \
    WHERE id = $1 AND fence = $2 AND ended_at IS NULL";

const IS_RUNNING_FOR: &str = "SELECT EXISTS (SELECT FROM sagas WHERE appointment_id = $1 AND state = 'RUNNING')";

/// An acceptance as it begins.
#[derive(Debug)]
pub struct NewSaga<'a> {
    pub plan: &'a Plan,
    pub accepted_by: &'a Party,
    pub started_at: DateTime<Utc>,
    pub traceparent: Option<String>,
}

/// A saga whose lease one driver holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub saga: SagaId,
    pub region: RegionCode,
    pub referral: ReferralId,
    pub fence: i64,
}

/// A saga as it was left.
#[derive(Debug)]
pub struct Loaded {
    pub plan: Plan,
    pub state: State,
    /// How often its call was made in vain.
    pub tries: u32,
    pub started_at: DateTime<Utc>,
    pub traceparent: Option<String>,
}

pub async fn insert(conn: &mut PgConnection, region: RegionCode, saga: &NewSaga<'_>) -> Result<(), Error> {
    let plan = saga.plan;
    sqlx::query(INSERT)
        .bind(plan.saga.uuid())
        .bind(region.as_str())
        .bind(plan.referral.uuid())
        .bind(saga.accepted_by.to_string())
        .bind(plan.slot.uuid())
        .bind(plan.kind.as_str())
        .bind(Json(&plan.lines))
        .bind(plan.appointment.uuid())
        .bind(plan.quote.uuid())
        .bind(plan.bill.uuid())
        .bind(saga.started_at)
        .bind(plan.deadline)
        .bind(plan.hold_until)
        .bind(saga.traceparent.as_deref())
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes the leases of sagas that are due: new ones, those whose pause is over, those whose driver is gone. As the worker.
pub async fn claim(conn: &mut PgConnection, owner: Uuid, lease: Duration, max: i64) -> Result<Vec<Claim>, Error> {
    let rows: Vec<(Uuid, String, Uuid, i64)> =
        sqlx::query_as(CLAIM).bind(owner).bind(milliseconds(lease)).bind(max).fetch_all(conn).await?;
    let claim = |(id, region, referral, fence): (Uuid, String, Uuid, i64)| {
        Ok(Claim {
            saga: SagaId::from_uuid(id),
            region: region.parse().map_err(|_| Error::row_invalid("sagas", "region", id))?,
            referral: ReferralId::from_uuid(referral),
            fence,
        })
    };
    rows.into_iter().map(claim).collect()
}

/// The saga, if the lease is still held. Its mandate is the referral's.
pub async fn load(conn: &mut PgConnection, claim: Claim, referral: &Referral) -> Result<Option<Loaded>, Error> {
    let row: Option<Row> = sqlx::query_as(LOAD).bind(claim.saga.uuid()).bind(claim.fence).fetch_optional(conn).await?;
    row.map(|row| row.loaded(claim.region, referral)).transpose()
}

/// Stores a step and prolongs the lease; false if somebody else drives the saga now.
pub async fn save(conn: &mut PgConnection, claim: Claim, state: State, lease: Duration) -> Result<bool, Error> {
    let columns = Columns::of(state);
    let saved = sqlx::query(SAVE)
        .bind(claim.saga.uuid())
        .bind(claim.fence)
        .bind(columns.state)
        .bind(columns.step)
        .bind(columns.place.map(|place| place.from))
        .bind(columns.place.map(|place| place.until))
        .bind(columns.priced)
        .bind(columns.own_share)
        .bind(columns.authorised)
        .bind(columns.refusal)
        .bind(milliseconds(lease))
        .execute(conn)
        .await?;
    Ok(saved.rows_affected() == 1)
}

/// Gives the lease up until the pause is over; false if somebody else drives the saga now.
pub async fn pause(conn: &mut PgConnection, claim: Claim, state: State, pause: Duration) -> Result<bool, Error> {
    let columns = Columns::of(state);
    let paused = sqlx::query(PAUSE)
        .bind(claim.saga.uuid())
        .bind(claim.fence)
        .bind(columns.state)
        .bind(columns.step)
        .bind(milliseconds(pause))
        .execute(conn)
        .await?;
    Ok(paused.rows_affected() == 1)
}

/// Stores the end; false if somebody else drives the saga now.
pub async fn end(conn: &mut PgConnection, claim: Claim, state: State, now: DateTime<Utc>) -> Result<bool, Error> {
    let columns = Columns::of(state);
    let ended = sqlx::query(END)
        .bind(claim.saga.uuid())
        .bind(claim.fence)
        .bind(columns.state)
        .bind(columns.refusal)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(ended.rows_affected() == 1)
}

/// Names the row of a saga.
pub fn audited(entry: Entry, saga: SagaId) -> Entry {
    entry.row("sagas", saga)
}

/// Whether an acceptance that chose this appointment may still book it. One that is being undone will not, however long that takes:
/// nobody waits for it.
pub async fn is_running_for(conn: &mut PgConnection, appointment: AppointmentId) -> Result<bool, Error> {
    Ok(sqlx::query_scalar(IS_RUNNING_FOR).bind(appointment.uuid()).fetch_one(conn).await?)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// How many are under way or stuck, and since when.
pub const GAUGES: &[Gauge] = &[
    Gauge {
        name: "anjia.saga.count",
        unit: "{saga}",
        description: "Sagas under way, and those that wait for a person",
        attribute: "anjia.saga.state",
        sql: by_state!("count(found.id)", "sagas", "{RUNNING,COMPENSATING,NEEDS_HUMAN}"),
    },
    Gauge {
        name: "anjia.saga.oldest",
        unit: "s",
        description: "Age of the oldest of them; 0 if there is none",
        attribute: "anjia.saga.state",
        sql: by_state!(
            "coalesce(extract(epoch FROM clock_timestamp() - min(found.started_at)), 0)",
            "sagas",
            "{RUNNING,COMPENSATING,NEEDS_HUMAN}"
        ),
    },
];
