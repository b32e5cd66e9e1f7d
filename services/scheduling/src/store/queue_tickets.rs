//! Table `queue_tickets`.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::{OrganisationId, ResidentId, VisitId};
use uuid::Uuid;

use super::{invalid, word};
use crate::domain::{
    error::SchedulingError,
    queue::{Called, Class, LineId, State, Ticket},
};

const TABLE: &str = "queue_tickets";
/// As many as a line of a day can have.
const LINE_MAX: i64 = 2_000;

/// Somebody who was not called yet. Its number is given by the database.
pub async fn insert(conn: &mut PgConnection, ticket: &Ticket) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO queue_tickets (id, region, resident_id, organisation_id, line_id, class, due_at, joined_at, turn_at, state, ended_at) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(ticket.visit.uuid())
    .bind(ticket.resident.uuid())
    .bind(ticket.organisation.uuid())
    .bind(ticket.line.0)
    .bind(ticket.class.as_str())
    .bind(ticket.due_at)
    .bind(ticket.joined_at)
    .bind(ticket.turn_at)
    .bind(ticket.state.as_str())
    .bind(ticket.state.ended_at())
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn update(conn: &mut PgConnection, ticket: &Ticket) -> Result<(), SchedulingError> {
    let called = ticket.state.called();
    sqlx::query(
        "UPDATE queue_tickets SET turn_at = $2, state = $3, calls = $4, passes = $5, called_at = $6, called_by = $7, ended_at = $8 \
         WHERE id = $1",
    )
    .bind(ticket.visit.uuid())
    .bind(ticket.turn_at)
    .bind(ticket.state.as_str())
    .bind(ticket.calls)
    .bind(ticket.passes)
    .bind(called.map(|called| called.at))
    .bind(called.map(|called| called.by.to_string()))
    .bind(ticket.state.ended_at())
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    number: i64,
    resident_id: Uuid,
    organisation_id: Uuid,
    line_id: Uuid,
    class: String,
    due_at: Option<DateTime<Utc>>,
    joined_at: DateTime<Utc>,
    turn_at: DateTime<Utc>,
    state: String,
    calls: i32,
    passes: i32,
    called_at: Option<DateTime<Utc>>,
    called_by: Option<String>,
    ended_at: Option<DateTime<Utc>>,
}

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, number, resident_id, organisation_id, line_id, class, due_at, joined_at, turn_at, state, calls, passes, ",
            "called_at, called_by, ended_at FROM queue_tickets ",
            $rest
        )
    };
}

pub async fn find(conn: &mut PgConnection, visit: VisitId) -> Result<Option<Ticket>, SchedulingError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(visit.uuid()).fetch_optional(conn).await?;
    row.map(Row::ticket).transpose()
}

/// The same, kept from others until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, visit: VisitId) -> Result<Option<Ticket>, SchedulingError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR NO KEY UPDATE")).bind(visit.uuid()).fetch_optional(conn).await?;
    row.map(Row::ticket).transpose()
}

/// Everybody who joined a line, or one that is called with it, since a moment.
pub async fn of_line(
    conn: &mut PgConnection,
    line: LineId,
    since: DateTime<Utc>,
) -> Result<Vec<Ticket>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE line_id IN (SELECT line.id FROM queue_lines line WHERE line.id = $1 OR line.called_with = $1) AND joined_at > $2 \
         ORDER BY number LIMIT $3"
    ))
    .bind(line.0)
    .bind(since)
    .bind(LINE_MAX)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::ticket).collect()
}

impl Row {
    fn ticket(self) -> Result<Ticket, SchedulingError> {
        let id = self.id;
        let called = match (self.called_at, self.called_by) {
            (Some(at), Some(by)) => Some(Called { at, by: word(TABLE, "called_by", id, &by)? }),
            _ => None,
        };
        let state = match (self.state.as_str(), called, self.ended_at) {
            ("WAITING", None, None) => State::Waiting,
            ("CALLED", Some(called), None) => State::Called(called),
            ("SERVED", called, Some(at)) => State::Served(called, at),
            ("LEFT", called, Some(at)) => State::Left(called, at),
            _ => return Err(invalid(TABLE, "state", id)),
        };
        Ok(Ticket {
            visit: VisitId::from_uuid(id),
            number: self.number,
            resident: ResidentId::from_uuid(self.resident_id),
            organisation: OrganisationId::from_uuid(self.organisation_id),
            line: LineId(self.line_id),
            class: Class::from_word(&self.class).ok_or_else(|| invalid(TABLE, "class", id))?,
            due_at: self.due_at,
            joined_at: self.joined_at,
            turn_at: self.turn_at,
            calls: self.calls,
            passes: self.passes,
            state,
        })
    }
}
