//! Table `surges`, and the sessions of each.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::{
    caller::Party,
    care::CareKind,
    ids::{OrganisationId, SessionId, SlotId, SurgeId},
    region::RegionCode,
};
use uuid::Uuid;

use super::{refused, word};
use crate::domain::{
    error::SchedulingError,
    session::Slot,
    surge::{Became, Clinic, Surge},
};

const TABLE: &str = "surges";

pub async fn insert(conn: &mut PgConnection, surge: &Surge, by: &Party) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO surges (id, region, name, kind, symptoms, opened_by, opened_at) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6)",
    )
    .bind(surge.id.uuid())
    .bind(&surge.name)
    .bind(surge.kind.as_str())
    .bind(&surge.symptoms)
    .bind(by.to_string())
    .bind(surge.opened_at)
    .execute(conn)
    .await
    .map_err(|error| {
        refused(error, |constraint| (constraint == "surges_open").then_some(SchedulingError::SurgeOpen))
    })?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    name: String,
    kind: String,
    symptoms: Vec<String>,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct ClinicRow {
    organisation_id: Uuid,
    id: Uuid,
    is_open: bool,
    places: i64,
    taken: i64,
    closed_kept: Option<i32>,
    closed_moved: Option<i32>,
    closed_displaced: Option<i32>,
    displaced_until: Option<DateTime<Utc>>,
}

/// With its clinics.
pub async fn find(conn: &mut PgConnection, id: SurgeId, now: DateTime<Utc>) -> Result<Surge, SchedulingError> {
    let row: Option<Row> =
        sqlx::query_as("SELECT id, name, kind, symptoms, opened_at, closed_at FROM surges WHERE id = $1")
            .bind(id.uuid())
            .fetch_optional(&mut *conn)
            .await?;
    let surge = row.ok_or(SchedulingError::SurgeNotFound)?.surge()?;
    Ok(Surge { clinics: clinics(conn, id, now).await?, ..surge })
}

async fn clinics(conn: &mut PgConnection, id: SurgeId, now: DateTime<Utc>) -> Result<Vec<Clinic>, SchedulingError> {
    let rows: Vec<ClinicRow> = sqlx::query_as(
        "SELECT sessions.organisation_id, sessions.id, \
             sessions.closing_at IS NULL AND sessions.withdrawn_at IS NULL AND sessions.ends_at > $2 AS is_open, \
             coalesce(sum(slot_pools.places), 0) AS places, coalesce(sum(slot_pools.taken), 0) AS taken, \
             closed_kept, closed_moved, closed_displaced, displaced_until \
         FROM sessions LEFT JOIN slots ON slots.session_id = sessions.id AND slots.withdrawn_at IS NULL AND slots.starts_at > $2 \
         LEFT JOIN slot_pools ON slot_pools.slot_id = slots.id \
         WHERE sessions.surge_id = $1 GROUP BY sessions.id ORDER BY sessions.organisation_id, sessions.id",
    )
    .bind(id.uuid())
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(ClinicRow::clinic).collect())
}

/// Those of the region that are open, without their clinics.
pub async fn open(conn: &mut PgConnection) -> Result<Vec<Surge>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, name, kind, symptoms, opened_at, closed_at FROM surges \
         WHERE region = current_setting('anjia.region') AND closed_at IS NULL ORDER BY id",
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::surge).collect()
}

/// Slots of a surge with free places, the earliest first.
pub async fn free(
    conn: &mut PgConnection,
    id: SurgeId,
    now: DateTime<Utc>,
    count_max: i64,
) -> Result<Vec<Slot>, SchedulingError> {
    let rows: Vec<(Uuid, Uuid, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
        "SELECT slots.id, slots.session_id, slots.starts_at, slots.ends_at FROM sessions \
         JOIN slots ON slots.session_id = sessions.id AND slots.starts_at > $2 \
         JOIN slot_pools ON slot_pools.slot_id = slots.id AND slot_pools.pool = 'PUBLIC' AND slot_pools.taken < slot_pools.places \
         WHERE sessions.surge_id = $1 AND sessions.closing_at IS NULL ORDER BY slots.starts_at, slots.id LIMIT $3",
    )
    .bind(id.uuid())
    .bind(now)
    .bind(count_max)
    .fetch_all(conn)
    .await?;
    let slot = |(id, session, starts_at, ends_at)| Slot {
        id: SlotId::from_uuid(id),
        session: SessionId::from_uuid(session),
        starts_at,
        ends_at,
    };
    Ok(rows.into_iter().map(slot).collect())
}

/// How clinics are closed.
#[derive(Debug, Clone)]
pub struct Closing {
    /// None for all.
    pub organisations: Vec<OrganisationId>,
    pub honours: bool,
    pub reason: String,
}

/// Nothing new is booked in these clinics from now on; answers their sessions. Those that close already go on as they do.
pub async fn close(
    conn: &mut PgConnection,
    id: SurgeId,
    closing: &Closing,
    now: DateTime<Utc>,
) -> Result<Vec<SessionId>, SchedulingError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "UPDATE sessions SET closing_at = $3, closing_reason = $4, closing_honours = $5 \
         WHERE surge_id = $1 AND closing_at IS NULL AND (cardinality($2::uuid[]) = 0 OR organisation_id = ANY ($2)) RETURNING id",
    )
    .bind(id.uuid())
    .bind(closing.organisations.iter().map(|id| id.uuid()).collect::<Vec<_>>())
    .bind(now)
    .bind(&closing.reason)
    .bind(closing.honours)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

/// Ends a surge of which no clinic is open any more; false if one is, or it has ended.
pub async fn end(conn: &mut PgConnection, id: SurgeId, now: DateTime<Utc>) -> Result<bool, SchedulingError> {
    let ended = sqlx::query(
        "UPDATE surges SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL \
         AND NOT EXISTS (SELECT FROM sessions WHERE surge_id = $1 AND closing_at IS NULL)",
    )
    .bind(id.uuid())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// A session that closes, locked: whether who is booked is seen, and why it closes.
#[derive(Debug, Clone)]
pub struct ClosingSession {
    pub id: SessionId,
    pub surge: Option<SurgeId>,
    pub honours: bool,
    pub reason: String,
}

pub async fn next_closing(conn: &mut PgConnection) -> Result<Option<ClosingSession>, SchedulingError> {
    let row: Option<(Uuid, Option<Uuid>, bool, String)> = sqlx::query_as(
        "SELECT id, surge_id, closing_honours, closing_reason FROM sessions \
         WHERE region = current_setting('anjia.region') AND closing_at IS NOT NULL AND closed_at IS NULL \
         ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(id, surge, honours, reason)| ClosingSession {
        id: SessionId::from_uuid(id),
        surge: surge.map(SurgeId::from_uuid),
        honours,
        reason,
    }))
}

/// How many bookings take a place in these slots.
pub async fn bookings(conn: &mut PgConnection, slots: &[SlotId]) -> Result<i32, SchedulingError> {
    Ok(sqlx::query_scalar(
        "SELECT count(*)::integer FROM appointments \
         WHERE (slot_id = ANY ($1) OR more_slot_ids && $1) AND state IN ('HELD', 'CONFIRMED', 'DISPLACED')",
    )
    .bind(slots.iter().map(|slot| slot.uuid()).collect::<Vec<_>>())
    .fetch_one(conn)
    .await?)
}

pub async fn set_closed(
    conn: &mut PgConnection,
    id: SessionId,
    became: Became,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    sqlx::query(
        "UPDATE sessions SET closed_at = $2, closed_kept = $3, closed_moved = $4, closed_displaced = $5, displaced_until = $6 WHERE id = $1",
    )
    .bind(id.uuid())
    .bind(now)
    .bind(became.kept)
    .bind(became.moved)
    .bind(became.displaced)
    .bind(became.displaced_until)
    .execute(conn)
    .await?;
    Ok(())
}

/// Where sessions close. For the worker role.
pub async fn regions(conn: &mut PgConnection) -> Result<Vec<RegionCode>, SchedulingError> {
    let regions: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT region FROM sessions WHERE closing_at IS NOT NULL AND closed_at IS NULL ORDER BY region",
    )
    .fetch_all(conn)
    .await?;
    regions.iter().map(|region| word(TABLE, "region", Uuid::nil(), region)).collect()
}

impl ClinicRow {
    fn clinic(self) -> Clinic {
        let became =
            |((kept, moved), displaced)| Became { kept, moved, displaced, displaced_until: self.displaced_until };
        Clinic {
            organisation: OrganisationId::from_uuid(self.organisation_id),
            session: SessionId::from_uuid(self.id),
            places: self.places,
            taken: self.taken,
            is_open: self.is_open,
            became: self.closed_kept.zip(self.closed_moved).zip(self.closed_displaced).map(became),
        }
    }
}

impl Row {
    fn surge(self) -> Result<Surge, SchedulingError> {
        let kind: CareKind = word(TABLE, "kind", self.id, &self.kind)?;
        Ok(Surge {
            id: SurgeId::from_uuid(self.id),
            name: self.name,
            kind,
            symptoms: self.symptoms,
            opened_at: self.opened_at,
            closed_at: self.closed_at,
            clinics: vec![],
        })
    }
}
