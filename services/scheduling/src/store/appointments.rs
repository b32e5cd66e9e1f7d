//! Table `appointments`: writing, and reading one.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::{
    ids::{AppointmentId, OrganisationId, QuoteId, ResidentId},
    region::RegionCode,
};
use uuid::Uuid;

use super::refused;
use crate::domain::{
    appointment::{Appointment, State},
    error::SchedulingError,
};

mod delegated;
mod displaced;
mod list;
mod missed;
mod row;

pub use delegated::lock_ahead;
pub use displaced::{has_given_up, is_in_the_way, lock_in, overdue, relocate, residents_in};
pub use list::{ListKey, list};
pub use missed::{missed, unanswered};
use row::Row;

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, resident_id, slot_id, pool, session_id, organisation_id, department_id, practitioner_id, starts_at, ",
            "ends_at, kind, channel, booked_by, delegation_id, referral_id, journey_id, expected_lines, quote_id, revision, ",
            "state, held_at, hold_expires_at, confirmed_at, cancelled_at, cancelled_by, cancel_reason, visit_id, displaced_until, ",
            "more_slot_ids, device, ",
            "(SELECT said.cancel_until FROM slots said WHERE said.id = appointments.slot_id) AS cancel_until, ",
            "coalesce((SELECT said.expected_lines FROM sessions said WHERE said.id = appointments.session_id), '[]') ",
            "AS session_lines ",
            "FROM appointments ",
            $rest
        )
    };
}
use select;

/// Writes what a transition may have changed.
pub async fn update(conn: &mut PgConnection, appointment: &Appointment) -> Result<(), SchedulingError> {
    let (cancellation, visit) = match &appointment.state {
        State::Cancelled(cancellation) => (Some(cancellation), None),
        State::Kept(visit) => (None, Some(visit.uuid())),
        _ => (None, None),
    };
    let displaced_until = match appointment.state {
        State::Displaced(until) => Some(until),
        _ => None,
    };
    sqlx::query(
        "UPDATE appointments SET state = $2, confirmed_at = $3, cancelled_at = $4, cancelled_by = $5, cancel_reason = $6, \
         visit_id = $7, displaced_until = $8 WHERE id = $1",
    )
    .bind(appointment.id.uuid())
    .bind(appointment.state.as_str())
    .bind(appointment.confirmed_at)
    .bind(cancellation.map(|cancellation| cancellation.at))
    .bind(cancellation.map(|cancellation| cancellation.by.as_str()))
    .bind(cancellation.map(|cancellation| cancellation.reason.as_str()))
    .bind(visit)
    .bind(displaced_until)
    .execute(conn)
    .await
    .map_err(|error| {
        // One that was displaced does not keep anybody from booking something else for that time.
        refused(error, |constraint| {
            (constraint == "appointments_patient_conflict").then_some(SchedulingError::PatientConflict)
        })
    })?;
    Ok(())
}

/// The quote that was made for it; answers whether it is its first, and none if this person has no such appointment with this provider, or it
/// has this quote already.
pub async fn set_quote(
    conn: &mut PgConnection,
    id: AppointmentId,
    (resident, organisation): (ResidentId, OrganisationId),
    quote: QuoteId,
) -> Result<Option<bool>, SchedulingError> {
    Ok(sqlx::query_scalar(
        "UPDATE appointments SET quote_id = $2 \
         FROM (SELECT id, quote_id IS NULL AS is_first FROM appointments WHERE id = $1 FOR NO KEY UPDATE) AS before \
         WHERE appointments.id = before.id AND resident_id = ANY ((SELECT one_person($3))::uuid[]) AND organisation_id = $4 \
           AND quote_id IS DISTINCT FROM $2 RETURNING before.is_first",
    )
    .bind(id.uuid())
    .bind(quote.uuid())
    .bind(resident.uuid())
    .bind(organisation.uuid())
    .fetch_optional(conn)
    .await?)
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
