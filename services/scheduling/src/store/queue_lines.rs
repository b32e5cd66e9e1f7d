//! Table `queue_lines`, and what of `sessions` and `slots` says when a line begins and how fast it goes.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::{OrganisationId, PractitionerId, SessionId};
use uuid::Uuid;

use crate::domain::{
    error::SchedulingError,
    queue::{Line, LineId},
};

/// How long one takes where nothing says.
const USUAL: TimeDelta = TimeDelta::minutes(10);

/// Makes the line if nobody checked in to it before; answers whether it did.
pub async fn open(conn: &mut PgConnection, line: &Line) -> Result<bool, SchedulingError> {
    let opened = sqlx::query(
        "INSERT INTO queue_lines (id, region, organisation_id, practitioner_id) VALUES ($1, current_setting('anjia.region'), $2, $3) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(line.id.0)
    .bind(line.organisation.uuid())
    .bind(line.practitioner.map(PractitionerId::uuid))
    .execute(conn)
    .await?;
    Ok(opened.rows_affected() > 0)
}

pub async fn update(conn: &mut PgConnection, line: &Line) -> Result<(), SchedulingError> {
    sqlx::query("UPDATE queue_lines SET practitioner_id = $2, room = $3, called_with = $4 WHERE id = $1")
        .bind(line.id.0)
        .bind(line.practitioner.map(PractitionerId::uuid))
        .bind(&line.room)
        .bind(line.called_with.map(|with| with.0))
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    organisation_id: Uuid,
    practitioner_id: Option<Uuid>,
    room: String,
    called_with: Option<Uuid>,
}

/// The line that is called for this one: itself, or that it was moved to.
pub async fn leading(conn: &mut PgConnection, id: LineId) -> Result<Line, SchedulingError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, organisation_id, practitioner_id, room, called_with FROM queue_lines \
         WHERE id = coalesce((SELECT own.called_with FROM queue_lines own WHERE own.id = $1), $1)",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    row.map(Row::line).ok_or(SchedulingError::QueueNotFound)
}

/// One line as it is, kept from others until the end of the transaction: nobody else calls from it meanwhile.
pub async fn lock(conn: &mut PgConnection, id: LineId) -> Result<Line, SchedulingError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, organisation_id, practitioner_id, room, called_with FROM queue_lines WHERE id = $1 FOR NO KEY UPDATE",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    row.map(Row::line).ok_or(SchedulingError::QueueNotFound)
}

/// Lines that are called with this one.
pub async fn following(conn: &mut PgConnection, id: LineId) -> Result<Vec<Line>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, organisation_id, practitioner_id, room, called_with FROM queue_lines WHERE called_with = $1 ORDER BY id \
         FOR NO KEY UPDATE",
    )
    .bind(id.0)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Row::line).collect())
}

impl Row {
    fn line(self) -> Line {
        Line {
            id: LineId(self.id),
            organisation: OrganisationId::from_uuid(self.organisation_id),
            practitioner: self.practitioner_id.map(PractitionerId::from_uuid),
            room: self.room,
            called_with: self.called_with.map(LineId),
        }
    }
}

/// What the session of a line plans; a provider's own line has no plan.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub begins_at: Option<DateTime<Utc>>,
    /// How long one takes.
    pub usual: TimeDelta,
}

pub async fn plan(conn: &mut PgConnection, id: LineId) -> Result<Plan, SchedulingError> {
    let planned: Option<(DateTime<Utc>, i32, Option<i64>)> = sqlx::query_as(
        "SELECT starts_at, slot_length_minutes, \
             (SELECT sum(places) FROM slot_pools WHERE slot_id = (SELECT id FROM slots WHERE session_id = sessions.id ORDER BY starts_at LIMIT 1)) \
         FROM sessions WHERE id = $1",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    let Some((begins_at, minutes, places)) = planned else { return Ok(Plan { begins_at: None, usual: USUAL }) };
    let places = places.and_then(|places| i32::try_from(places).ok()).unwrap_or(1).max(1);
    Ok(Plan { begins_at: Some(begins_at), usual: TimeDelta::minutes(minutes.into()) / places })
}

/// Whose a session is, and who works in it.
pub async fn of_session(
    conn: &mut PgConnection,
    id: SessionId,
) -> Result<(OrganisationId, Option<PractitionerId>), SchedulingError> {
    let found: Option<(Uuid, Option<Uuid>)> =
        sqlx::query_as("SELECT organisation_id, practitioner_id FROM sessions WHERE id = $1")
            .bind(id.uuid())
            .fetch_optional(conn)
            .await?;
    let (organisation, practitioner) = found.ok_or(SchedulingError::SessionNotFound)?;
    Ok((OrganisationId::from_uuid(organisation), practitioner.map(PractitionerId::from_uuid)))
}
