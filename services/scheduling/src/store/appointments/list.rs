//! Lists of appointments, newest first.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::ids::{AppointmentId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::{Row, select};
use crate::domain::{
    appointment::{Appointment, Filter},
    error::SchedulingError,
};

/// Where a page ended: start of the slot and id.
pub type ListKey = (DateTime<Utc>, AppointmentId);

pub async fn list(
    conn: &mut PgConnection,
    filter: Filter,
    after: Option<&ListKey>,
    limit: i64,
) -> Result<Vec<Appointment>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE ($1::uuid IS NULL OR resident_id = ANY ((SELECT one_person($1))::uuid[])) AND ($2::uuid IS NULL OR organisation_id = $2) \
           AND ($3::timestamptz IS NULL OR starts_at >= $3) AND ($4::timestamptz IS NULL OR starts_at < $4) \
           AND ($5::timestamptz IS NULL OR (starts_at, id) < ($5, $6::uuid)) \
         ORDER BY starts_at DESC, id DESC LIMIT $7"
    ))
    .bind(filter.resident.map(ResidentId::uuid))
    .bind(filter.organisation.map(OrganisationId::uuid))
    .bind(filter.from)
    .bind(filter.until)
    .bind(after.map(|(starts_at, _)| *starts_at))
    .bind(after.map_or(Uuid::nil(), |(_, id)| id.uuid()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::appointment).collect()
}
