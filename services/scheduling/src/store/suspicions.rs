//! Table `suspicions`, and the appointments that they rest on.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection};
use types::{
    caller::Party,
    ids::{AppointmentId, SuspicionId},
};
use uuid::Uuid;

use super::invalid;
use crate::domain::{
    error::SchedulingError,
    session::Span,
    suspicion::{Kind, Rules, Suspicion},
};

const TABLE: &str = "suspicions";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    who: String,
    day: NaiveDate,
    persons: i32,
    given_up: i32,
    appointment_ids: Vec<Uuid>,
    noticed_at: DateTime<Utc>,
}

/// Whether a report is new, or one that was made before and has grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noticed {
    Anew,
    Again,
}

/// Adds up what one party has taken for others on a local day and let go again, and reports it where it looks like scalping.
pub async fn notice_booker(
    conn: &mut PgConnection,
    booker: &Party,
    (day, span): (NaiveDate, Span),
    rules: &Rules,
    now: DateTime<Utc>,
) -> Result<Option<(SuspicionId, Noticed, i32, i32)>, SchedulingError> {
    let resident = match booker {
        Party::Resident(id) => Some(id.uuid()),
        _ => None,
    };
    let row = sqlx::query_as(
        "INSERT INTO suspicions AS known (id, region, kind, who, resident_id, day, persons, given_up, appointment_ids, noticed_at) \
         SELECT $1, current_setting('anjia.region'), 'BOOKER', $2, $3, $4, count(DISTINCT resident_id), count(*), \
             (array_agg(id ORDER BY held_at, id))[:100], $9 \
         FROM appointments WHERE booked_by = $2 AND delegation_id IS NOT NULL AND held_at >= $5 AND held_at < $6 \
           AND pool <> 'REFERRAL' AND (state = 'EXPIRED' OR state = 'CANCELLED' AND cancelled_by = 'PATIENT') \
         HAVING count(DISTINCT resident_id) >= $7 AND count(*) >= $8 \
         ON CONFLICT (region, kind, who, day) DO UPDATE SET persons = excluded.persons, given_up = excluded.given_up, \
             appointment_ids = excluded.appointment_ids, noticed_at = excluded.noticed_at \
         RETURNING id, xmax = 0, persons, given_up",
    )
    .bind(SuspicionId::generate().uuid())
    .bind(booker.to_string())
    .bind(resident)
    .bind(day)
    .bind(span.0)
    .bind(span.1)
    .bind(i64::from(rules.persons))
    .bind(i64::from(rules.given_up))
    .bind(now)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(noticed))
}

/// The same of one device.
pub async fn notice_device(
    conn: &mut PgConnection,
    device: &str,
    (day, span): (NaiveDate, Span),
    rules: &Rules,
    now: DateTime<Utc>,
) -> Result<Option<(SuspicionId, Noticed, i32, i32)>, SchedulingError> {
    let row = sqlx::query_as(
        "INSERT INTO suspicions AS known (id, region, kind, who, day, persons, given_up, appointment_ids, noticed_at) \
         SELECT $1, current_setting('anjia.region'), 'DEVICE', $2, $3, count(DISTINCT resident_id), count(*), \
             (array_agg(id ORDER BY held_at, id))[:100], $8 \
         FROM appointments WHERE device = $2 AND held_at >= $4 AND held_at < $5 \
           AND pool <> 'REFERRAL' AND (state = 'EXPIRED' OR state = 'CANCELLED' AND cancelled_by = 'PATIENT') \
         HAVING count(DISTINCT resident_id) >= $6 AND count(*) >= $7 \
         ON CONFLICT (region, kind, who, day) DO UPDATE SET persons = excluded.persons, given_up = excluded.given_up, \
             appointment_ids = excluded.appointment_ids, noticed_at = excluded.noticed_at \
         RETURNING id, xmax = 0, persons, given_up",
    )
    .bind(SuspicionId::generate().uuid())
    .bind(device)
    .bind(day)
    .bind(span.0)
    .bind(span.1)
    .bind(i64::from(rules.persons))
    .bind(i64::from(rules.given_up))
    .bind(now)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(noticed))
}

fn noticed((id, is_new, persons, given_up): (Uuid, bool, i32, i32)) -> (SuspicionId, Noticed, i32, i32) {
    (SuspicionId::from_uuid(id), if is_new { Noticed::Anew } else { Noticed::Again }, persons, given_up)
}

/// Day, and id.
pub type ListKey = (NaiveDate, SuspicionId);

/// The latest first.
pub async fn list(
    conn: &mut PgConnection,
    after: Option<&ListKey>,
    limit: i64,
) -> Result<Vec<Suspicion>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, kind, who, day, persons, given_up, appointment_ids, noticed_at FROM suspicions \
         WHERE region = current_setting('anjia.region') AND ($1::date IS NULL OR (day, id) < ($1, $2::uuid)) \
         ORDER BY day DESC, id DESC LIMIT $3",
    )
    .bind(after.map(|(day, _)| *day))
    .bind(after.map_or(Uuid::nil(), |(_, id)| id.uuid()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::suspicion).collect()
}

impl Row {
    fn suspicion(self) -> Result<Suspicion, SchedulingError> {
        Ok(Suspicion {
            id: SuspicionId::from_uuid(self.id),
            kind: Kind::from_word(&self.kind).ok_or_else(|| invalid(TABLE, "kind", self.id))?,
            who: self.who,
            day: self.day,
            persons: self.persons,
            given_up: self.given_up,
            evidence: self.appointment_ids.into_iter().map(AppointmentId::from_uuid).collect(),
            noticed_at: self.noticed_at,
        })
    }
}
