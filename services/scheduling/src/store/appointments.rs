//! Table `appointments`: writing, and reading one.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::{
    ids::{
        AppointmentId, DelegationId, DepartmentId, OrganisationId, PractitionerId, QuoteId, ReferralId, ResidentId,
        SlotId,
    },
    region::RegionCode,
};
use uuid::Uuid;

use super::refused;
use crate::domain::{
    appointment::{Appointment, State},
    error::SchedulingError,
    limits::Booked,
    pool::Pool,
    session::Span,
};

mod delegated;
mod list;
mod row;

pub use delegated::{lock_ahead, uses};
pub use list::{ListKey, list};
use row::Row;

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, resident_id, slot_id, pool, session_id, organisation_id, department_id, practitioner_id, starts_at, ",
            "ends_at, kind, channel, booked_by, delegation_id, referral_id, journey_id, expected_lines, quote_id, revision, ",
            "state, held_at, hold_expires_at, confirmed_at, cancelled_at, cancelled_by, cancel_reason, visit_id ",
            "FROM appointments ",
            $rest
        )
    };
}
use select;

pub async fn insert(conn: &mut PgConnection, appointment: &Appointment) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO appointments (id, region, resident_id, slot_id, pool, session_id, organisation_id, department_id, \
         practitioner_id, starts_at, ends_at, kind, channel, booked_by, delegation_id, referral_id, journey_id, \
         expected_lines, revision, state, held_at, hold_expires_at, confirmed_at) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
         $18, $19, $20, $21, $22)",
    )
    .bind(appointment.id.uuid())
    .bind(appointment.resident.uuid())
    .bind(appointment.slot.id.uuid())
    .bind(appointment.pool.as_str())
    .bind(appointment.slot.session.uuid())
    .bind(appointment.organisation.uuid())
    .bind(appointment.department.map(DepartmentId::uuid))
    .bind(appointment.practitioner.map(PractitionerId::uuid))
    .bind(appointment.slot.starts_at)
    .bind(appointment.slot.ends_at)
    .bind(appointment.kind.as_str())
    .bind(appointment.channel.as_str())
    .bind(appointment.booked_by.to_string())
    .bind(appointment.delegation.map(DelegationId::uuid))
    .bind(appointment.referral.map(ReferralId::uuid))
    .bind(appointment.journey.uuid())
    .bind(sqlx::types::Json(&appointment.expected_lines))
    .bind(appointment.revision)
    .bind(appointment.state.as_str())
    .bind(appointment.held_at)
    .bind(appointment.hold_expires_at)
    .bind(appointment.confirmed_at)
    .execute(conn)
    .await
    .map_err(|error| {
        refused(error, |constraint| match constraint {
            "appointments_pkey" => Some(SchedulingError::AppointmentExists),
            "appointments_patient_conflict" => Some(SchedulingError::PatientConflict),
            "appointments_slot_id_pool_fkey" => Some(SchedulingError::PoolNotOpen),
            _ => None,
        })
    })?;
    Ok(())
}

/// Writes what a transition may have changed.
pub async fn update(conn: &mut PgConnection, appointment: &Appointment) -> Result<(), SchedulingError> {
    let (cancellation, visit) = match &appointment.state {
        State::Cancelled(cancellation) => (Some(cancellation), None),
        State::Kept(visit) => (None, Some(visit.uuid())),
        _ => (None, None),
    };
    sqlx::query(
        "UPDATE appointments SET state = $2, confirmed_at = $3, cancelled_at = $4, cancelled_by = $5, cancel_reason = $6, \
         visit_id = $7 WHERE id = $1",
    )
    .bind(appointment.id.uuid())
    .bind(appointment.state.as_str())
    .bind(appointment.confirmed_at)
    .bind(cancellation.map(|cancellation| cancellation.at))
    .bind(cancellation.map(|cancellation| cancellation.by.as_str()))
    .bind(cancellation.map(|cancellation| cancellation.reason.as_str()))
    .bind(visit)
    .execute(conn)
    .await?;
    Ok(())
}

/// The quote that was made for it; false if this person has no such appointment with this provider, or it has this quote already.
pub async fn set_quote(
    conn: &mut PgConnection,
    id: AppointmentId,
    (resident, organisation): (ResidentId, OrganisationId),
    quote: QuoteId,
) -> Result<bool, SchedulingError> {
    let updated = sqlx::query(
        "UPDATE appointments SET quote_id = $2 \
         WHERE id = $1 AND resident_id = ANY ((SELECT one_person($3))::uuid[]) AND organisation_id = $4 AND quote_id IS DISTINCT FROM $2",
    )
    .bind(id.uuid())
    .bind(quote.uuid())
    .bind(resident.uuid())
    .bind(organisation.uuid())
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}

pub async fn find(conn: &mut PgConnection, id: AppointmentId) -> Result<Appointment, SchedulingError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.ok_or(SchedulingError::AppointmentNotFound)?.appointment()
}

/// The same, kept from others until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: AppointmentId) -> Result<Appointment, SchedulingError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR UPDATE")).bind(id.uuid()).fetch_optional(conn).await?;
    row.ok_or(SchedulingError::AppointmentNotFound)?.appointment()
}

/// What a resident has booked in a department on a day and altogether in a week.
pub async fn booked(
    conn: &mut PgConnection,
    resident: ResidentId,
    organisation: OrganisationId,
    department: Option<DepartmentId>,
    day: Span,
    week: Span,
) -> Result<Booked, SchedulingError> {
    let (same_day_and_department, same_week) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE organisation_id = $2 AND department_id IS NOT DISTINCT FROM $3 \
             AND starts_at >= $4 AND starts_at < $5), count(*) \
         FROM appointments WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND starts_at >= $6 AND starts_at < $7 \
           AND state IN ('HELD', 'CONFIRMED', 'KEPT', 'NO_SHOW') AND pool <> 'REFERRAL'",
    )
    .bind(resident.uuid())
    .bind(organisation.uuid())
    .bind(department.map(DepartmentId::uuid))
    .bind(day.0)
    .bind(day.1)
    .bind(week.0)
    .bind(week.1)
    .fetch_one(conn)
    .await?;
    Ok(Booked { same_day_and_department, same_week })
}

/// Whether a resident has another booking in a span. The exclusion constraint has the last word about one id; this
/// answers without an error of the database, and for every id of the person.
pub async fn overlaps(conn: &mut PgConnection, resident: ResidentId, span: Span) -> Result<bool, SchedulingError> {
    let overlaps = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM appointments WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND state IN ('HELD', 'CONFIRMED') \
         AND starts_at < $3 AND ends_at > $2)",
    )
    .bind(resident.uuid())
    .bind(span.0)
    .bind(span.1)
    .fetch_one(conn)
    .await?;
    Ok(overlaps)
}

/// Holds of a resident that have run out.
pub async fn lapsed_of_resident(
    conn: &mut PgConnection,
    resident: ResidentId,
    now: DateTime<Utc>,
) -> Result<Vec<AppointmentId>, SchedulingError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM appointments WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND state = 'HELD' AND hold_expires_at <= $2 ORDER BY id",
    )
    .bind(resident.uuid())
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(AppointmentId::from_uuid).collect())
}

/// Holds of all regions that have run out, the longest first. For the worker role.
pub async fn lapsed(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    count_max: i64,
) -> Result<Vec<(AppointmentId, RegionCode)>, SchedulingError> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, region FROM appointments WHERE state = 'HELD' AND hold_expires_at <= $1 ORDER BY hold_expires_at LIMIT $2",
    )
    .bind(now)
    .bind(count_max)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(id, region)| Ok((AppointmentId::from_uuid(id), super::word("appointments", "region", id, &region)?)))
        .collect()
}

/// Locks holds that have run out; those that somebody else works on are left to them.
pub async fn lock_lapsed(
    conn: &mut PgConnection,
    ids: &[AppointmentId],
    now: DateTime<Utc>,
) -> Result<Vec<Appointment>, SchedulingError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE id = ANY ($1) AND state = 'HELD' AND hold_expires_at <= $2 ORDER BY slot_id, pool, id FOR UPDATE SKIP LOCKED"
    ))
    .bind(ids)
    .bind(now)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::appointment).collect()
}

/// The same for the holds of one slot in one pool.
pub async fn lock_lapsed_in_slot(
    conn: &mut PgConnection,
    slot: SlotId,
    pool: Pool,
    now: DateTime<Utc>,
) -> Result<Vec<Appointment>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE slot_id = $1 AND pool = $2 AND state = 'HELD' AND hold_expires_at <= $3 ORDER BY id FOR UPDATE SKIP LOCKED"
    ))
    .bind(slot.uuid())
    .bind(pool.as_str())
    .bind(now)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::appointment).collect()
}
