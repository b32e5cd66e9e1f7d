//! Table `wait_list_entries`.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::{AppointmentId, DelegationId, DepartmentId, OrganisationId, ResidentId, SlotId, WaitListEntryId};
use uuid::Uuid;

use super::{invalid, refused, word};
use crate::domain::{
    error::SchedulingError,
    wait_list::{Entry, State},
};

const TABLE: &str = "wait_list_entries";
const LISTED_MAX: i64 = 50;

pub async fn insert(conn: &mut PgConnection, entry: &Entry) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO wait_list_entries (id, region, resident_id, organisation_id, department_id, kind, since, until, joined_by, \
         delegation_id, joined_at, state) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8, $9, $10, 'WAITING')",
    )
    .bind(entry.id.uuid())
    .bind(entry.resident.uuid())
    .bind(entry.organisation.uuid())
    .bind(entry.department.map(DepartmentId::uuid))
    .bind(entry.kind.as_str())
    .bind(entry.span.0)
    .bind(entry.span.1)
    .bind(entry.joined_by.to_string())
    .bind(entry.delegation.map(DelegationId::uuid))
    .bind(entry.joined_at)
    .execute(conn)
    .await
    .map_err(|error| {
        refused(error, |constraint| (constraint == "wait_list_entries_once").then_some(SchedulingError::AlreadyWaiting))
    })?;
    Ok(())
}

/// Puts somebody before those who only wait; who waits in that line already goes forward in it. Answers the id that their entry has.
pub async fn insert_first(conn: &mut PgConnection, entry: &Entry) -> Result<WaitListEntryId, SchedulingError> {
    let id: Uuid = sqlx::query_scalar(
        "INSERT INTO wait_list_entries AS known (id, region, resident_id, organisation_id, department_id, kind, since, until, joined_by, \
         delegation_id, joined_at, state, priority) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8, $9, $10, 'WAITING', 1) \
         ON CONFLICT (resident_id, organisation_id, department_id, kind) WHERE state = 'WAITING' DO UPDATE SET priority = 1, \
             since = least(known.since, excluded.since), until = greatest(known.until, excluded.until) \
         RETURNING known.id",
    )
    .bind(entry.id.uuid())
    .bind(entry.resident.uuid())
    .bind(entry.organisation.uuid())
    .bind(entry.department.map(DepartmentId::uuid))
    .bind(entry.kind.as_str())
    .bind(entry.span.0)
    .bind(entry.span.1)
    .bind(entry.joined_by.to_string())
    .bind(entry.delegation.map(DelegationId::uuid))
    .bind(entry.joined_at)
    .fetch_one(conn)
    .await?;
    Ok(WaitListEntryId::from_uuid(id))
}

pub async fn update(conn: &mut PgConnection, id: WaitListEntryId, state: State) -> Result<(), SchedulingError> {
    let offer = match state {
        State::Offered(appointment) => Some(appointment.uuid()),
        State::Waiting | State::Left => None,
    };
    sqlx::query("UPDATE wait_list_entries SET state = $2, appointment_id = $3 WHERE id = $1")
        .bind(id.uuid())
        .bind(state.as_str())
        .bind(offer)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many lines a person stands in.
pub async fn lines(conn: &mut PgConnection, resident: ResidentId, now: DateTime<Utc>) -> Result<i64, SchedulingError> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM wait_list_entries WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND state = 'WAITING' AND until > $2",
    )
    .bind(resident.uuid())
    .bind(now)
    .fetch_one(conn)
    .await?)
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    resident_id: Uuid,
    organisation_id: Uuid,
    department_id: Option<Uuid>,
    kind: String,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    joined_by: String,
    delegation_id: Option<Uuid>,
    joined_at: DateTime<Utc>,
    state: String,
    appointment_id: Option<Uuid>,
    before: i64,
}

/// Every column a [`Row`] has; before somebody are those who joined the same line earlier for a time that overlaps, and still wait.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, resident_id, organisation_id, department_id, kind, since, until, joined_by, delegation_id, joined_at, state, ",
            "appointment_id, (SELECT count(*) FROM wait_list_entries earlier WHERE earlier.organisation_id = entry.organisation_id ",
            "AND earlier.department_id IS NOT DISTINCT FROM entry.department_id AND earlier.kind = entry.kind ",
            "AND earlier.state = 'WAITING' AND earlier.until > now() AND (-earlier.priority, earlier.number) < (-entry.priority, entry.number) ",
            "AND earlier.since < entry.until AND earlier.until > entry.since) AS before ",
            "FROM wait_list_entries entry ",
            $rest
        )
    };
}

pub async fn find(conn: &mut PgConnection, id: WaitListEntryId) -> Result<Entry, SchedulingError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.ok_or(SchedulingError::WaitListEntryNotFound)?.entry()
}

/// The same, kept from others until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: WaitListEntryId) -> Result<Entry, SchedulingError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR UPDATE")).bind(id.uuid()).fetch_optional(conn).await?;
    row.ok_or(SchedulingError::WaitListEntryNotFound)?.entry()
}

/// The last joined first.
pub async fn of_resident(conn: &mut PgConnection, resident: ResidentId) -> Result<Vec<Entry>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) ORDER BY number DESC LIMIT $2"
    ))
    .bind(resident.uuid())
    .bind(LISTED_MAX)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::entry).collect()
}

/// Who waits for a place like that of a slot, the first in the line first; those that somebody else offers a place to are left to them.
pub async fn line(conn: &mut PgConnection, slot: SlotId, count_max: i64) -> Result<Vec<Entry>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT entry.id, resident_id, entry.organisation_id, entry.department_id, entry.kind, since, until, joined_by, delegation_id, joined_at, \
             state, appointment_id, 0::bigint AS before \
         FROM slots JOIN sessions ON sessions.id = slots.session_id \
         JOIN wait_list_entries entry ON entry.organisation_id = sessions.organisation_id \
         WHERE slots.id = $1 AND entry.state = 'WAITING' AND entry.department_id IS NOT DISTINCT FROM sessions.department_id \
           AND entry.kind = ANY (sessions.kinds) AND entry.since <= slots.starts_at AND entry.until > slots.starts_at \
         ORDER BY entry.priority DESC, entry.number LIMIT $2 FOR UPDATE OF entry SKIP LOCKED",
    )
    .bind(slot.uuid())
    .bind(count_max)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::entry).collect()
}

impl Row {
    fn entry(self) -> Result<Entry, SchedulingError> {
        let id = self.id;
        let state = match (self.state.as_str(), self.appointment_id) {
            ("WAITING", None) => State::Waiting,
            ("OFFERED", Some(appointment)) => State::Offered(AppointmentId::from_uuid(appointment)),
            ("LEFT", None) => State::Left,
            _ => return Err(invalid(TABLE, "state", id)),
        };
        Ok(Entry {
            id: WaitListEntryId::from_uuid(id),
            resident: ResidentId::from_uuid(self.resident_id),
            organisation: OrganisationId::from_uuid(self.organisation_id),
            department: self.department_id.map(DepartmentId::from_uuid),
            kind: word(TABLE, "kind", id, &self.kind)?,
            span: (self.since, self.until),
            joined_by: word(TABLE, "joined_by", id, &self.joined_by)?,
            delegation: self.delegation_id.map(DelegationId::from_uuid),
            joined_at: self.joined_at,
            state,
            before: self.before,
        })
    }
}
