//! Tables `resources` and `session_resources`: rooms and equipment, and which session has them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::{
    caller::Party,
    ids::{OrganisationId, ResourceId, SessionId},
};
use uuid::Uuid;

use super::refused;
use crate::domain::{calendar::Resource, error::SchedulingError, session::Session};

pub async fn insert(
    conn: &mut PgConnection,
    resource: &Resource,
    by: &Party,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO resources (id, region, organisation_id, kind, name, registered_by, registered_at) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6)",
    )
    .bind(resource.id.uuid())
    .bind(resource.organisation.uuid())
    .bind(resource.kind.as_str())
    .bind(&resource.name)
    .bind(by.to_string())
    .bind(now)
    .execute(conn)
    .await
    .map_err(|error| {
        refused(error, |constraint| match constraint {
            "resources_pkey" | "resources_name_key" => Some(SchedulingError::ResourceExists),
            _ => None,
        })
    })?;
    Ok(())
}

/// Whether all of them are this provider's.
pub async fn are_of(
    conn: &mut PgConnection,
    organisation: OrganisationId,
    ids: &[ResourceId],
) -> Result<bool, SchedulingError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    Ok(sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM resources WHERE organisation_id = $1 AND id = ANY ($2)) \
             = (SELECT count(DISTINCT asked) FROM unnest($2) AS asked)",
    )
    .bind(organisation.uuid())
    .bind(ids)
    .fetch_one(conn)
    .await?)
}

/// Takes them for the time of a session.
pub async fn take(conn: &mut PgConnection, session: &Session, ids: &[ResourceId]) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO session_resources (session_id, resource_id, region, starts_at, ends_at) \
         SELECT $1, resource_id, current_setting('anjia.region'), $3, $4 FROM unnest($2::uuid[]) AS taken (resource_id)",
    )
    .bind(session.id.uuid())
    .bind(ids.iter().map(|id| id.uuid()).collect::<Vec<_>>())
    .bind(session.starts_at)
    .bind(session.ends_at)
    .execute(conn)
    .await
    .map_err(conflict)?;
    Ok(())
}

/// What a session has, as long as it is not withdrawn.
pub async fn of_session(conn: &mut PgConnection, session: SessionId) -> Result<Vec<ResourceId>, SchedulingError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT resource_id FROM session_resources WHERE session_id = $1 AND withdrawn_at IS NULL ORDER BY resource_id",
    )
    .bind(session.uuid())
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ResourceId::from_uuid).collect())
}

/// Moves them with their session, or gives them back.
pub async fn follow(
    conn: &mut PgConnection,
    session: &Session,
    withdrawn_at: Option<DateTime<Utc>>,
) -> Result<(), SchedulingError> {
    sqlx::query(
        "UPDATE session_resources SET starts_at = $2, ends_at = $3, withdrawn_at = $4 \
         WHERE session_id = $1 AND withdrawn_at IS NULL",
    )
    .bind(session.id.uuid())
    .bind(session.starts_at)
    .bind(session.ends_at)
    .bind(withdrawn_at)
    .execute(conn)
    .await
    .map_err(conflict)?;
    Ok(())
}

fn conflict(error: sqlx::Error) -> SchedulingError {
    refused(error, |constraint| {
        (constraint == "session_resources_conflict").then_some(SchedulingError::ResourceConflict)
    })
}
