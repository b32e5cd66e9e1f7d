//! Appointments to which the patient did not come, or of which nobody has said.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use types::{
    ids::{AppointmentId, ResidentId},
    region::RegionCode,
};
use uuid::Uuid;

use crate::{
    domain::{absence::Missed, error::SchedulingError},
    store::word,
};

/// What a person has missed since, and whether it led to a suspension; referrals and emergencies do not count.
pub async fn missed(
    conn: &mut PgConnection,
    resident: ResidentId,
    since: DateTime<Utc>,
) -> Result<Vec<Missed>, SchedulingError> {
    let rows: Vec<(Uuid, DateTime<Utc>, bool, bool)> = sqlx::query_as(
        "SELECT missed.id, missed.starts_at, led.state IS NOT NULL, coalesce(led.state = 'LIFTED', false) FROM appointments missed \
         LEFT JOIN LATERAL ( \
             SELECT state FROM suspensions WHERE suspensions.resident_id = ANY ((SELECT one_person($1))::uuid[]) \
               AND missed.id = ANY (suspensions.appointment_ids) LIMIT 1 \
         ) AS led ON true \
         WHERE missed.resident_id = ANY ((SELECT one_person($1))::uuid[]) AND missed.state = 'NO_SHOW' AND missed.starts_at >= $2 \
           AND missed.pool <> 'REFERRAL' AND missed.referral_id IS NULL AND missed.kind <> 'EMERGENCY' \
         ORDER BY missed.starts_at",
    )
    .bind(resident.uuid())
    .bind(since)
    .fetch_all(conn)
    .await?;
    let missed = |(id, starts_at, is_counted, is_forgiven)| Missed {
        appointment: AppointmentId::from_uuid(id),
        starts_at,
        is_counted,
        is_forgiven,
    };
    Ok(rows.into_iter().map(missed).collect())
}

/// Confirmed appointments of all regions that ended before, and of which nobody has said whether the patient came. For the worker role.
pub async fn unanswered(
    conn: &mut PgConnection,
    ended_before: DateTime<Utc>,
    count_max: i64,
) -> Result<Vec<(AppointmentId, RegionCode)>, SchedulingError> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, region FROM appointments WHERE state = 'CONFIRMED' AND ends_at < $1 ORDER BY ends_at LIMIT $2",
    )
    .bind(ended_before)
    .bind(count_max)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(id, region)| Ok((AppointmentId::from_uuid(id), word("appointments", "region", id, &region)?)))
        .collect()
}
