//! Who is in slots that a provider takes back, who was moved or displaced, and who had a place and gave it up.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::{
    ids::{AppointmentId, DepartmentId, PractitionerId, ResidentId, SlotId},
    region::RegionCode,
};
use uuid::Uuid;

use super::{Row, select};
use crate::domain::{appointment::Appointment, error::SchedulingError};
use crate::store::{refused, word};

/// Whose appointments to come are in these slots.
pub async fn residents_in(conn: &mut PgConnection, slots: &[SlotId]) -> Result<Vec<ResidentId>, SchedulingError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT DISTINCT resident_id FROM appointments WHERE (slot_id = ANY ($1) OR more_slot_ids && $1) AND state IN ('HELD', 'CONFIRMED', 'DISPLACED') \
         ORDER BY resident_id",
    )
    .bind(uuids(slots))
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ResidentId::from_uuid).collect())
}

/// Locks those appointments; in the order of booking.
pub async fn lock_in(conn: &mut PgConnection, slots: &[SlotId]) -> Result<Vec<Appointment>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE (slot_id = ANY ($1) OR more_slot_ids && $1) AND state IN ('HELD', 'CONFIRMED', 'DISPLACED') ORDER BY id FOR UPDATE"
    ))
    .bind(uuids(slots))
    .fetch_all(conn)
    .await?;
    let mut found: Vec<Appointment> = rows.into_iter().map(Row::appointment).collect::<Result<_, _>>()?;
    found.sort_by_key(|appointment| (appointment.held_at, appointment.id));
    Ok(found)
}

/// Writes where it is now. Its state is written by `update`.
pub async fn relocate(conn: &mut PgConnection, appointment: &Appointment) -> Result<(), SchedulingError> {
    sqlx::query(
        "UPDATE appointments SET slot_id = $2, pool = $3, session_id = $4, practitioner_id = $5, starts_at = $6, ends_at = $7, revision = $8, \
         organisation_id = $9, department_id = $10, more_slot_ids = $11 \
         WHERE id = $1",
    )
    .bind(appointment.id.uuid())
    .bind(appointment.slot.id.uuid())
    .bind(appointment.pool.as_str())
    .bind(appointment.slot.session.uuid())
    .bind(appointment.practitioner.map(PractitionerId::uuid))
    .bind(appointment.slot.starts_at)
    .bind(appointment.slot.ends_at)
    .bind(appointment.revision)
    .bind(appointment.organisation.uuid())
    .bind(appointment.department.map(DepartmentId::uuid))
    .bind(uuids(&appointment.more_slots))
    .execute(conn)
    .await
    .map_err(|error| {
        refused(error, |constraint| {
            (constraint == "appointments_patient_conflict").then_some(SchedulingError::PatientConflict)
        })
    })?;
    Ok(())
}

/// Whether its person has another place at that time, by any id of theirs. Asked while the person is locked.
pub async fn is_in_the_way(conn: &mut PgConnection, displaced: &Appointment) -> Result<bool, SchedulingError> {
    let found = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM appointments WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND id <> $2 \
         AND state IN ('HELD', 'CONFIRMED') AND starts_at < $4 AND ends_at > $3)",
    )
    .bind(displaced.resident.uuid())
    .bind(displaced.id.uuid())
    .bind(displaced.slot.starts_at)
    .bind(displaced.slot.ends_at)
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// Whether a person, by any id of theirs, gave a place in this slot up since, or let a hold of one run out. Not what a provider took back.
pub async fn has_given_up(
    conn: &mut PgConnection,
    resident: ResidentId,
    slot: SlotId,
    since: DateTime<Utc>,
) -> Result<bool, SchedulingError> {
    let found = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM appointments WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) \
         AND (slot_id = $2 OR $2 = ANY (more_slot_ids)) \
         AND (state = 'EXPIRED' AND hold_expires_at >= $3 OR state = 'CANCELLED' AND cancelled_by <> 'PROVIDER' AND cancelled_at >= $3))",
    )
    .bind(resident.uuid())
    .bind(slot.uuid())
    .bind(since)
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// Displaced appointments of all regions that nobody confirmed in time. For the worker role.
pub async fn overdue(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    count_max: i64,
) -> Result<Vec<(AppointmentId, RegionCode)>, SchedulingError> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, region FROM appointments WHERE state = 'DISPLACED' AND displaced_until <= $1 ORDER BY displaced_until LIMIT $2",
    )
    .bind(now)
    .bind(count_max)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(id, region)| Ok((AppointmentId::from_uuid(id), word("appointments", "region", id, &region)?)))
        .collect()
}

fn uuids(slots: &[SlotId]) -> Vec<Uuid> {
    slots.iter().map(|slot| slot.uuid()).collect()
}
