//! Counts by day, over sessions, slots, appointments, visits, wait list, refusals and queue tickets together: read only, about nobody. A day is
//! that of Beijing.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::{DepartmentId, OrganisationId};

use crate::domain::{error::SchedulingError, utilisation::Day};

/// A provider, or one department of it.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
}

#[derive(FromRow)]
struct Row {
    day: NaiveDate,
    places: i64,
    given: i64,
    kept: i64,
    no_shows: i64,
    walk_ins: i64,
    refused: i64,
    waiting: i64,
    called: i64,
    wait_median_s: Option<i64>,
    wait_p90_s: Option<i64>,
}

/// Every day from the first to the last.
pub async fn days(
    conn: &mut PgConnection,
    place: Place,
    (first, last): (NaiveDate, NaiveDate),
    now: DateTime<Utc>,
) -> Result<Vec<Day>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(
        "WITH days AS ( \
             SELECT day::date AS day FROM generate_series($3::date::timestamp, $4::date::timestamp, interval '1 day') AS day \
         ), span AS ( \
             SELECT $3::date::timestamp AT TIME ZONE 'Asia/Shanghai' AS since, ($4::date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS until \
         ), offered AS ( \
             SELECT (slots.starts_at AT TIME ZONE 'Asia/Shanghai')::date AS day, sum(room.places) AS places, sum(lost.refused) AS refused \
             FROM span, sessions JOIN slots ON slots.session_id = sessions.id \
             CROSS JOIN LATERAL (SELECT sum(places) AS places FROM slot_pools WHERE slot_id = slots.id) AS room \
             LEFT JOIN slot_refusals lost ON lost.slot_id = slots.id \
             WHERE sessions.organisation_id = $1 AND ($2::uuid IS NULL OR sessions.department_id = $2) \
               AND sessions.ends_at > span.since AND slots.starts_at >= span.since AND slots.starts_at < span.until \
             GROUP BY 1 \
         ), booked AS ( \
             SELECT (starts_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(*) AS given, count(*) FILTER (WHERE state = 'KEPT') AS kept, \
                 count(*) FILTER (WHERE state = 'NO_SHOW' OR state = 'CONFIRMED' AND ends_at < $5) AS no_shows \
             FROM span, appointments \
             WHERE organisation_id = $1 AND ($2::uuid IS NULL OR department_id = $2) AND starts_at >= span.since AND starts_at < span.until \
               AND state IN ('CONFIRMED', 'KEPT', 'NO_SHOW', 'DISPLACED') \
             GROUP BY 1 \
         ), walked AS ( \
             SELECT (opened_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(*) AS walk_ins \
             FROM span, visits LEFT JOIN queue_tickets ticket ON ticket.id = visits.id \
             LEFT JOIN sessions ON sessions.id = ticket.line_id \
             WHERE visits.organisation_id = $1 AND ($2::uuid IS NULL OR sessions.department_id = $2) AND visits.appointment_id IS NULL \
               AND visits.kind <> 'INPATIENT' AND opened_at >= span.since AND opened_at < span.until \
             GROUP BY 1 \
         ), lined AS ( \
             SELECT (since AT TIME ZONE 'Asia/Shanghai')::date AS day, count(DISTINCT resident_id) AS waiting \
             FROM wait_list_entries entry, (SELECT span.since AS starting, span.until AS ending FROM span) AS within \
             WHERE organisation_id = $1 AND ($2::uuid IS NULL OR department_id = $2) AND state IN ('WAITING', 'LAPSED') \
               AND since >= starting AND since < ending \
             GROUP BY 1 \
         ), queued AS ( \
             SELECT (ticket.joined_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(*) AS called, \
                 percentile_disc(0.5) WITHIN GROUP (ORDER BY waited.s) AS wait_median_s, \
                 percentile_disc(0.9) WITHIN GROUP (ORDER BY waited.s) AS wait_p90_s \
             FROM span, queue_tickets ticket LEFT JOIN sessions ON sessions.id = ticket.line_id \
             CROSS JOIN LATERAL (SELECT greatest(0, extract(epoch FROM called_at - greatest(joined_at, due_at)))::bigint AS s) AS waited \
             WHERE ticket.organisation_id = $1 AND ($2::uuid IS NULL OR sessions.department_id = $2) AND called_at IS NOT NULL \
               AND joined_at >= span.since AND joined_at < span.until \
             GROUP BY 1 \
         ) \
         SELECT day, coalesce(places, 0)::bigint AS places, coalesce(given, 0) AS given, coalesce(kept, 0) AS kept, \
             coalesce(no_shows, 0) AS no_shows, coalesce(walk_ins, 0) AS walk_ins, coalesce(refused, 0)::bigint AS refused, \
             coalesce(waiting, 0) AS waiting, coalesce(called, 0) AS called, wait_median_s, wait_p90_s \
         FROM days LEFT JOIN offered USING (day) LEFT JOIN booked USING (day) LEFT JOIN walked USING (day) LEFT JOIN lined USING (day) \
             LEFT JOIN queued USING (day) ORDER BY day",
    )
    .bind(place.organisation.uuid())
    .bind(place.department.map(DepartmentId::uuid))
    .bind(first)
    .bind(last)
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Row::day).collect())
}

impl Row {
    fn day(self) -> Day {
        let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
        Day {
            day: self.day,
            places: count(self.places),
            given: count(self.given),
            kept: count(self.kept),
            no_shows: count(self.no_shows),
            walk_ins: count(self.walk_ins),
            refused: count(self.refused),
            waiting: count(self.waiting),
            called: count(self.called),
            wait_median_s: count(self.wait_median_s.unwrap_or(0)),
            wait_p90_s: count(self.wait_p90_s.unwrap_or(0)),
        }
    }
}

/// The first day of which anything is known.
pub async fn first_day(conn: &mut PgConnection, place: Place) -> Result<Option<NaiveDate>, SchedulingError> {
    let first: Option<NaiveDate> = sqlx::query_scalar(
        "SELECT (least( \
             (SELECT min(starts_at) FROM appointments WHERE organisation_id = $1 AND ($2::uuid IS NULL OR department_id = $2) \
                 AND state IN ('KEPT', 'NO_SHOW')), \
             (SELECT min(opened_at) FROM visits WHERE organisation_id = $1 AND $2::uuid IS NULL)) AT TIME ZONE 'Asia/Shanghai')::date",
    )
    .bind(place.organisation.uuid())
    .bind(place.department.map(DepartmentId::uuid))
    .fetch_one(conn)
    .await?;
    Ok(first)
}
