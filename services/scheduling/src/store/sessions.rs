//! Table `sessions`.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection, types::Json};
use types::{
    caller::Party,
    ids::{DepartmentId, OrganisationId, PractitionerId, ResourceId, SessionId, SurgeId, TemplateId},
    place::Place,
};
use uuid::Uuid;

use super::{
    invalid, refused,
    terms::{SessionTermsColumns, notice_columns},
    word,
};
use crate::domain::{
    error::SchedulingError,
    offer::Provider,
    pool::Pool,
    session::{PoolShare, Session},
};

const TABLE: &str = "sessions";

/// What a session came of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Published,
    Template(TemplateId, NaiveDate),
    Surge(SurgeId),
}

impl Origin {
    fn columns(self) -> (Option<Uuid>, Option<NaiveDate>, Option<Uuid>) {
        match self {
            Self::Published => (None, None, None),
            Self::Template(template, day) => (Some(template.uuid()), Some(day), None),
            Self::Surge(surge) => (None, None, Some(surge.uuid())),
        }
    }
}

/// False if the template has made its session of that day before.
pub async fn insert(
    conn: &mut PgConnection,
    session: &Session,
    origin: Origin,
    published_by: &Party,
    now: DateTime<Utc>,
) -> Result<bool, SchedulingError> {
    let (template, day, surge) = origin.columns();
    let kinds: Vec<&str> = session.kinds.iter().map(|kind| kind.as_str()).collect();
    let (notice_minutes, notice_time) = notice_columns(session.terms.cancel_notice);
    let inserted = sqlx::query(
        "INSERT INTO sessions (id, region, organisation_id, tier, latitude, longitude, department_id, practitioner_id, kinds, \
         starts_at, ends_at, slot_length_minutes, capabilities, published_by, published_at, template_id, day, surge_id, \
         cancel_notice_minutes, cancel_notice_time, expected_lines) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
         ON CONFLICT (template_id, day) WHERE template_id IS NOT NULL DO NOTHING",
    )
    .bind(session.id.uuid())
    .bind(session.organisation.uuid())
    .bind(session.tier.as_str())
    .bind(session.place.latitude)
    .bind(session.place.longitude)
    .bind(session.department.map(DepartmentId::uuid))
    .bind(session.practitioner.map(PractitionerId::uuid))
    .bind(kinds)
    .bind(session.starts_at)
    .bind(session.ends_at)
    .bind(i32::from(session.slot_length_minutes))
    .bind(&session.capabilities)
    .bind(published_by.to_string())
    .bind(now)
    .bind(template)
    .bind(day)
    .bind(surge)
    .bind(notice_minutes)
    .bind(notice_time)
    .bind(Json(&session.terms.expected_lines))
    .execute(conn)
    .await
    .map_err(conflict)?;
    Ok(inserted.rows_affected() == 1)
}

fn conflict(error: sqlx::Error) -> SchedulingError {
    refused(error, |constraint| match constraint {
        "sessions_pkey" => Some(SchedulingError::SessionExists),
        "sessions_doctor_conflict" => Some(SchedulingError::DoctorConflict),
        _ => None,
    })
}

/// Whether the doctor, the rooms and the equipment of a session are free then, but for what the template has made for that day already.
/// Constraints have the last word.
pub async fn is_free(
    conn: &mut PgConnection,
    session: &Session,
    resources: &[ResourceId],
    (template, day): (TemplateId, NaiveDate),
) -> Result<bool, SchedulingError> {
    Ok(sqlx::query_scalar(
        "SELECT NOT EXISTS (SELECT FROM sessions WHERE practitioner_id = $1 AND withdrawn_at IS NULL AND starts_at < $4 AND ends_at > $3 \
                AND (template_id, day) IS DISTINCT FROM ($5, $6)) \
            AND NOT EXISTS (SELECT FROM session_resources had JOIN sessions ON sessions.id = had.session_id \
                WHERE had.resource_id = ANY ($2) AND had.withdrawn_at IS NULL AND had.starts_at < $4 AND had.ends_at > $3 \
                AND (sessions.template_id, sessions.day) IS DISTINCT FROM ($5, $6))",
    )
    .bind(session.practitioner.map(PractitionerId::uuid))
    .bind(resources.iter().map(|id| id.uuid()).collect::<Vec<_>>())
    .bind(session.starts_at)
    .bind(session.ends_at)
    .bind(template.uuid())
    .bind(day)
    .fetch_one(conn)
    .await?)
}

/// Keeps others from changing it until the end of the transaction; refuses one that was withdrawn or is over.
pub async fn lock_open(conn: &mut PgConnection, id: SessionId, now: DateTime<Utc>) -> Result<(), SchedulingError> {
    let row: Option<(Option<DateTime<Utc>>, DateTime<Utc>)> =
        sqlx::query_as("SELECT withdrawn_at, ends_at FROM sessions WHERE id = $1 FOR NO KEY UPDATE")
            .bind(id.uuid())
            .fetch_optional(conn)
            .await?;
    match row.ok_or(SchedulingError::SessionNotFound)? {
        (Some(_), _) => Err(SchedulingError::SessionWithdrawn),
        (None, ends_at) if ends_at <= now => Err(SchedulingError::SessionPast),
        (None, _) => Ok(()),
    }
}

/// Writes what a change may have changed.
pub async fn update(
    conn: &mut PgConnection,
    session: &Session,
    withdrawn_at: Option<DateTime<Utc>>,
) -> Result<(), SchedulingError> {
    sqlx::query(
        "UPDATE sessions SET practitioner_id = $2, kinds = $3, starts_at = $4, ends_at = $5, slot_length_minutes = $6, withdrawn_at = $7 \
         WHERE id = $1",
    )
    .bind(session.id.uuid())
    .bind(session.practitioner.map(PractitionerId::uuid))
    .bind(session.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
    .bind(session.starts_at)
    .bind(session.ends_at)
    .bind(i32::from(session.slot_length_minutes))
    .bind(withdrawn_at)
    .execute(conn)
    .await
    .map_err(conflict)?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    organisation_id: Uuid,
    tier: String,
    latitude: f64,
    longitude: f64,
    department_id: Option<Uuid>,
    practitioner_id: Option<Uuid>,
    kinds: Vec<String>,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    slot_length_minutes: i32,
    capabilities: Vec<String>,
    #[sqlx(flatten)]
    terms: SessionTermsColumns,
    pools: Vec<String>,
    places: Vec<i32>,
}

pub async fn find(conn: &mut PgConnection, id: SessionId) -> Result<Session, SchedulingError> {
    // Every slot of a session has the same pools, but for places that fell back to everybody.
    let row: Option<Row> = sqlx::query_as(
        "SELECT sessions.id, organisation_id, tier, latitude, longitude, department_id, practitioner_id, kinds, starts_at, \
         ends_at, slot_length_minutes, capabilities, cancel_notice_minutes, cancel_notice_time, expected_lines AS session_lines, \
         shares.pools, shares.places \
         FROM sessions CROSS JOIN LATERAL ( \
             SELECT coalesce(array_agg(pool ORDER BY pool), '{}') AS pools, \
                    coalesce(array_agg(places ORDER BY pool), '{}') AS places \
             FROM (SELECT slot_pools.pool, (published + coalesce(sum(moved.places) FILTER (WHERE moved.reason = 'ADDED'), 0) \
                       - coalesce(sum(moved.places) FILTER (WHERE moved.reason = 'WITHDRAWN'), 0))::integer AS places \
                   FROM slot_pools LEFT JOIN pool_moves moved ON moved.slot_id = slot_pools.slot_id \
                       AND slot_pools.pool IN (moved.from_pool, moved.to_pool) \
                   WHERE slot_pools.slot_id = (SELECT id FROM slots WHERE session_id = sessions.id \
                       ORDER BY withdrawn_at IS NOT NULL, starts_at LIMIT 1) \
                   GROUP BY slot_pools.pool, published) AS stated WHERE places > 0 \
         ) shares WHERE sessions.id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.ok_or(SchedulingError::SessionNotFound)?.session()
}

impl Row {
    fn session(self) -> Result<Session, SchedulingError> {
        let id = self.id;
        let share = |(pool, places): (&String, &i32)| {
            Ok(PoolShare {
                pool: Pool::from_word(pool).ok_or_else(|| invalid("slot_pools", "pool", id))?,
                places: u16::try_from(*places).map_err(|_| invalid("slot_pools", "places", id))?,
            })
        };
        Ok(Session {
            id: SessionId::from_uuid(id),
            organisation: OrganisationId::from_uuid(self.organisation_id),
            tier: word(TABLE, "tier", id, &self.tier)?,
            place: Place { latitude: self.latitude, longitude: self.longitude },
            department: self.department_id.map(DepartmentId::from_uuid),
            practitioner: self.practitioner_id.map(PractitionerId::from_uuid),
            kinds: self.kinds.iter().map(|kind| word(TABLE, "kinds", id, kind)).collect::<Result<_, _>>()?,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            slot_length_minutes: u16::try_from(self.slot_length_minutes)
                .map_err(|_| invalid(TABLE, "slot_length_minutes", id))?,
            pools: self.pools.iter().zip(&self.places).map(share).collect::<Result<_, SchedulingError>>()?,
            capabilities: self.capabilities,
            terms: self.terms.terms(TABLE, id)?,
        })
    }
}

/// Every provider of the region with sessions to come, where its latest session says it is.
pub async fn providers(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Provider>, SchedulingError> {
    #[derive(FromRow)]
    struct ProviderRow {
        organisation_id: Uuid,
        tier: String,
        latitude: f64,
        longitude: f64,
        symptoms: Vec<String>,
    }
    let rows: Vec<ProviderRow> = sqlx::query_as(
        "WITH surging AS ( \
             SELECT organisation_id, array_agg(DISTINCT symptom ORDER BY symptom) AS symptoms \
             FROM sessions CROSS JOIN LATERAL unnest(capabilities) AS symptom \
             WHERE region = current_setting('anjia.region') AND ends_at > $1 \
               AND surge_id IS NOT NULL AND closing_at IS NULL AND withdrawn_at IS NULL \
             GROUP BY organisation_id) \
         SELECT DISTINCT ON (organisation_id) organisation_id, tier, latitude, longitude, coalesce(symptoms, '{}') AS symptoms \
         FROM sessions LEFT JOIN surging USING (organisation_id) \
         WHERE region = current_setting('anjia.region') AND ends_at > $1 \
         ORDER BY organisation_id, published_at DESC",
    )
    .bind(now)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Provider {
                organisation: OrganisationId::from_uuid(row.organisation_id),
                tier: word(TABLE, "tier", row.organisation_id, &row.tier)?,
                place: Place { latitude: row.latitude, longitude: row.longitude },
                symptoms: row.symptoms,
            })
        })
        .collect()
}
