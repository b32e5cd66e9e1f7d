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
        "INSERT INTO calendar_exceptions (id, region, scope, subject_id, since, until, reason, declared_by, declared_at) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(exception.id.uuid())
    .bind(scope)
    .bind(subject)
    .bind(exception.span.0)
    .bind(exception.span.1)
    .bind(&exception.reason)
    .bind(by.to_string())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Those that stand against something in that time.
pub async fn within(conn: &mut PgConnection, (from, until): Span) -> Result<Vec<Exception>, SchedulingError> {
    #[derive(FromRow)]
    struct Row {
        id: Uuid,
        scope: String,
        subject_id: Option<Uuid>,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        reason: String,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, scope, subject_id, since, until, reason FROM calendar_exceptions WHERE since < $2 AND until > $1 ORDER BY id",
    )
    .bind(from)
    .bind(until)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let scope = match (row.scope.as_str(), row.subject_id) {
                ("TEMPLATE", Some(id)) => Scope::Template(TemplateId::from_uuid(id)),
                ("PRACTITIONER", Some(id)) => Scope::Practitioner(PractitionerId::from_uuid(id)),
                ("ORGANISATION", Some(id)) => Scope::Organisation(OrganisationId::from_uuid(id)),
                ("REGION", None) => Scope::Region,
                _ => return Err(invalid(TABLE, "scope", row.id)),
            };
            let id = ExceptionId::from_uuid(row.id);
            Ok(Exception { id, scope, span: (row.since, row.until), reason: row.reason })
        })
        .collect()
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
