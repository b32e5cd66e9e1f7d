//! Table `wait_list_entries`.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::{AppointmentId, DelegationId, DepartmentId, OrganisationId, ResidentId, SlotId, WaitListEntryId};
use uuid::Uuid;

use super::{invalid, refused, word};
use crate::domain::{
    error::SchedulingError,
    session::Session,
    wait_list::{Entry, State},
};

const TABLE: &str = "wait_list_entries";
const LISTED_MAX: i64 = 50;

pub async fn insert(conn: &mut PgConnection, entry: &Entry) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO wait_list_entries (id, region, resident_id, organisation_id, department_id, kind, since, until, joined_by, \
         delegation_id, joined_at, uses_max, state) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'WAITING')",
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
    .bind(stored_uses(entry)?)
    .execute(conn)
    .await
    .map_err(|error| {
        refused(error, |constraint| (constraint == "wait_list_entries_once").then_some(SchedulingError::AlreadyWaiting))
    })?;
    Ok(())
}

/// Puts somebody before those who only wait; who waits in that line already goes forward in it. Answers the id that their entry has. Of a
/// delegation's uses those that were taken back come back, and no more: one for this entry, and one for each that was put first before it.
pub async fn insert_first(conn: &mut PgConnection, entry: &Entry) -> Result<WaitListEntryId, SchedulingError> {
    let id: Uuid = sqlx::query_scalar(
        "INSERT INTO wait_list_entries AS known (id, region, resident_id, organisation_id, department_id, kind, since, until, joined_by, \
         delegation_id, joined_at, uses_max, state, priority) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8, $9::uuid, $10, CASE WHEN $9::uuid IS NOT NULL THEN 1 \
             + (SELECT count(*) FROM appointments used WHERE used.delegation_id = $9 AND (used.state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW', 'DISPLACED') \
                 OR used.state = 'CANCELLED' AND used.cancelled_by = 'PATIENT' AND used.confirmed_at IS NOT NULL)) \
             + (SELECT count(*) FROM wait_list_entries other WHERE other.resident_id = $2 AND other.delegation_id = $9 AND other.state = 'WAITING' \
                 AND other.priority > 0) END, 'WAITING', 1) \
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
        State::Waiting | State::Left | State::Lapsed => None,
    };
    sqlx::query("UPDATE wait_list_entries SET state = $2, appointment_id = $3 WHERE id = $1")
        .bind(id.uuid())
        .bind(state.as_str())
        .bind(offer)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends what a person has waited for in vain, in every line whose time is over; answers which.
pub async fn lapse(
    conn: &mut PgConnection,
    resident: ResidentId,
    now: DateTime<Utc>,
) -> Result<Vec<WaitListEntryId>, SchedulingError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "UPDATE wait_list_entries SET state = 'LAPSED' \
         WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND state = 'WAITING' AND until <= $2 RETURNING id",
    )
    .bind(resident.uuid())
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(WaitListEntryId::from_uuid).collect())
}

fn stored_uses(entry: &Entry) -> Result<Option<i32>, SchedulingError> {
    let stored = |uses: u32| i32::try_from(uses).map_err(|_| invalid(TABLE, "uses_max", entry.id.uuid()));
    entry.uses_max.map(stored).transpose()
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
    uses_max: Option<i32>,
    before: i64,
}

/// Every column a [`Row`] has; before somebody are those who joined the same line earlier for a time that overlaps, and still wait.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, resident_id, organisation_id, department_id, kind, since, until, joined_by, delegation_id, joined_at, ",
            "CASE WHEN state = 'WAITING' AND until <= now() THEN 'LAPSED' ELSE state END AS state, ",
            "appointment_id, uses_max, (SELECT count(*) FROM wait_list_entries earlier WHERE earlier.organisation_id = entry.organisation_id ",
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

/// Where somebody stands in every line.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    priority: i32,
    number: i64,
}

/// Which part of the line for a place is meant.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Only those who stand behind that.
    pub behind: Option<Standing>,
    /// Only those whose own place was taken back.
    pub is_first_only: bool,
    pub count_max: usize,
}

#[derive(FromRow)]
struct InLine {
    #[sqlx(flatten)]
    row: Row,
    priority: i32,
    number: i64,
}

/// Who waits for a place like that of a slot, the first in the line first. Nobody waits for a place in a clinic that closes, nor for one
/// among people with symptoms that they have not said they have.
pub async fn line(
    conn: &mut PgConnection,
    slot: SlotId,
    part: Part,
) -> Result<Vec<(Entry, Standing)>, SchedulingError> {
    let rows: Vec<InLine> = sqlx::query_as(
        "SELECT entry.id, resident_id, entry.organisation_id, entry.department_id, entry.kind, since, until, joined_by, delegation_id, joined_at, \
             state, appointment_id, uses_max, 0::bigint AS before, entry.priority, entry.number \
         FROM slots JOIN sessions ON sessions.id = slots.session_id \
         JOIN wait_list_entries entry ON entry.organisation_id = sessions.organisation_id \
         WHERE slots.id = $1 AND slots.withdrawn_at IS NULL AND sessions.closing_at IS NULL \
           AND (sessions.surge_id IS NULL OR cardinality(sessions.capabilities) = 0) \
           AND entry.state = 'WAITING' AND entry.department_id IS NOT DISTINCT FROM sessions.department_id \
           AND entry.kind = ANY (sessions.kinds) AND entry.since <= slots.starts_at AND entry.until > slots.starts_at \
           AND ($2::integer IS NULL OR (-entry.priority, entry.number) > (-($2::integer), $3::bigint)) AND (entry.priority > 0 OR NOT $4) \
         ORDER BY entry.priority DESC, entry.number LIMIT $5",
    )
    .bind(slot.uuid())
    .bind(part.behind.map(|standing| standing.priority))
    .bind(part.behind.map(|standing| standing.number))
    .bind(part.is_first_only)
    .bind(i64::try_from(part.count_max).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await?;
    let standing = |InLine { row, priority, number }| Ok((row.entry()?, Standing { priority, number }));
    rows.into_iter().map(standing).collect()
}

/// Whether somebody whose own place was taken back waits for one in a session like this.
pub async fn is_first_waited_for(conn: &mut PgConnection, session: &Session) -> Result<bool, SchedulingError> {
    let found = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM wait_list_entries WHERE organisation_id = $1 AND department_id IS NOT DISTINCT FROM $2 \
         AND kind = ANY ($3) AND state = 'WAITING' AND priority > 0 AND since < $5 AND until > $4)",
    )
    .bind(session.organisation.uuid())
    .bind(session.department.map(DepartmentId::uuid))
    .bind(session.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
    .bind(session.starts_at)
    .bind(session.ends_at)
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// Whether somebody still waits; locked until the end of the transaction. Whoever has the person has the entry: nobody else locks it.
pub async fn is_waiting(conn: &mut PgConnection, id: WaitListEntryId) -> Result<bool, SchedulingError> {
    let state: Option<bool> =
        sqlx::query_scalar("SELECT state = 'WAITING' FROM wait_list_entries WHERE id = $1 FOR UPDATE")
            .bind(id.uuid())
            .fetch_optional(conn)
            .await?;
    Ok(state == Some(true))
}

impl Row {
    fn entry(self) -> Result<Entry, SchedulingError> {
        let id = self.id;
        let state = match (self.state.as_str(), self.appointment_id) {
            ("WAITING", None) => State::Waiting,
            ("OFFERED", Some(appointment)) => State::Offered(AppointmentId::from_uuid(appointment)),
            ("LEFT", None) => State::Left,
            ("LAPSED", None) => State::Lapsed,
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
            uses_max: self.uses_max.map(u32::try_from).transpose().map_err(|_| invalid(TABLE, "uses_max", id))?,
            before: self.before,
        })
    }
}
