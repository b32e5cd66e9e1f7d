//! Table `calendar_exceptions`, and the slots that stand in one.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::{
    caller::Party,
    ids::{ExceptionId, OrganisationId, PractitionerId, SessionId, SlotId, TemplateId},
    region::RegionCode,
};
use uuid::Uuid;

use super::{invalid, word};
use crate::domain::{
    calendar::{Exception, Scope},
    error::SchedulingError,
    notice::Closed,
    session::Span,
};

const TABLE: &str = "calendar_exceptions";

pub async fn insert(
    conn: &mut PgConnection,
    exception: &Exception,
    by: &Party,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    let (scope, subject) = match exception.scope {
        Scope::Template(id) => ("TEMPLATE", Some(id.uuid())),
        Scope::Practitioner(id) => ("PRACTITIONER", Some(id.uuid())),
        Scope::Organisation(id) => ("ORGANISATION", Some(id.uuid())),
        Scope::Region => ("REGION", None),
    };
    sqlx::query(
        "INSERT INTO calendar_exceptions (id, region, scope, subject_id, since, until, reason, declared_by, declared_at, organisation_id) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(exception.id.uuid())
    .bind(scope)
    .bind(subject)
    .bind(exception.span.0)
    .bind(exception.span.1)
    .bind(&exception.reason)
    .bind(by.to_string())
    .bind(now)
    .bind(exception.organisation.map(OrganisationId::uuid))
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    scope: String,
    subject_id: Option<Uuid>,
    organisation_id: Option<Uuid>,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    reason: String,
}

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, scope, subject_id, organisation_id, since, until, reason FROM calendar_exceptions ", $rest)
    };
}

impl Row {
    fn exception(self) -> Result<Exception, SchedulingError> {
        let scope = match (self.scope.as_str(), self.subject_id) {
            ("TEMPLATE", Some(id)) => Scope::Template(TemplateId::from_uuid(id)),
            ("PRACTITIONER", Some(id)) => Scope::Practitioner(PractitionerId::from_uuid(id)),
            ("ORGANISATION", Some(id)) => Scope::Organisation(OrganisationId::from_uuid(id)),
            ("REGION", None) => Scope::Region,
            _ => return Err(invalid(TABLE, "scope", self.id)),
        };
        Ok(Exception {
            id: ExceptionId::from_uuid(self.id),
            scope,
            organisation: self.organisation_id.map(OrganisationId::from_uuid),
            span: (self.since, self.until),
            reason: self.reason,
        })
    }
}

pub async fn find(conn: &mut PgConnection, id: ExceptionId) -> Result<Exception, SchedulingError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.ok_or(SchedulingError::ExceptionNotFound)?.exception()
}

/// Those that stand against something in that time.
pub async fn within(conn: &mut PgConnection, (from, until): Span) -> Result<Vec<Exception>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE since < $2 AND until > $1 ORDER BY id"))
        .bind(from)
        .bind(until)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Row::exception).collect()
}

/// When the whole region rests in that time; of no time nothing is read.
pub async fn closed(conn: &mut PgConnection, within: Option<Span>) -> Result<Closed, SchedulingError> {
    let Some((from, until)) = within else { return Ok(Closed::default()) };
    let spans: Vec<Span> = sqlx::query_as(
        "SELECT since, until FROM calendar_exceptions WHERE scope = 'REGION' AND since < $2 AND until > $1",
    )
    .bind(from)
    .bind(until)
    .fetch_all(conn)
    .await?;
    Ok(Closed::of(spans))
}

/// Those that stand against the calendar of a provider in that time, in the order in which they were declared.
pub async fn list(
    conn: &mut PgConnection,
    organisation: OrganisationId,
    (from, until): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    after: Option<&ExceptionId>,
    limit: i64,
) -> Result<Vec<Exception>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE (organisation_id = $1 OR scope = 'REGION') AND ($2::timestamptz IS NULL OR until > $2) \
            AND ($3::timestamptz IS NULL OR since < $3) AND ($4::uuid IS NULL OR id > $4) ORDER BY id LIMIT $5"
    ))
    .bind(organisation.uuid())
    .bind(from)
    .bind(until)
    .bind(after.map(|id| id.uuid()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::exception).collect()
}

/// A session with slots to come that stand in an exception, and why they may not; none if all is as it should be.
pub async fn standing(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Option<(SessionId, Vec<SlotId>, String)>, SchedulingError> {
    let row: Option<(Uuid, Vec<Uuid>, String)> = sqlx::query_as(
        "SELECT session_id, array_agg(id ORDER BY id), min(reason) FROM ( \
             SELECT slots.session_id, slots.id, min(against.reason) AS reason \
             FROM calendar_exceptions against \
             JOIN slots ON slots.starts_at < against.until AND slots.ends_at > against.since \
                 AND slots.starts_at > $1 AND slots.withdrawn_at IS NULL \
             JOIN sessions ON sessions.id = slots.session_id AND sessions.withdrawn_at IS NULL AND sessions.surge_id IS NULL \
                 AND CASE against.scope WHEN 'TEMPLATE' THEN sessions.template_id = against.subject_id \
                     WHEN 'PRACTITIONER' THEN sessions.practitioner_id = against.subject_id \
                     WHEN 'ORGANISATION' THEN sessions.organisation_id = against.subject_id ELSE true END \
             WHERE against.region = current_setting('anjia.region') AND against.until > $1 \
             GROUP BY slots.session_id, slots.id) AS found \
         GROUP BY session_id ORDER BY session_id LIMIT 1",
    )
    .bind(now)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(session, slots, reason)| {
        (SessionId::from_uuid(session), slots.into_iter().map(SlotId::from_uuid).collect(), reason)
    }))
}

/// Where there are exceptions. For the worker role.
pub async fn regions(conn: &mut PgConnection) -> Result<Vec<RegionCode>, SchedulingError> {
    let regions: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT region FROM calendar_exceptions ORDER BY region").fetch_all(conn).await?;
    regions.iter().map(|region| word(TABLE, "region", Uuid::nil(), region)).collect()
}
