//! Table `suspensions`.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::{AppointmentId, ResidentId, SuspensionId};
use uuid::Uuid;

use super::{invalid, word};
use crate::domain::{
    absence::{Appeal, Decision, Ground, Standing, Suspension},
    error::SchedulingError,
};

const TABLE: &str = "suspensions";

pub async fn insert(conn: &mut PgConnection, suspension: &Suspension) -> Result<(), SchedulingError> {
    sqlx::query(
        "INSERT INTO suspensions (id, region, resident_id, since, until, appointment_ids, state) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6)",
    )
    .bind(suspension.id.uuid())
    .bind(suspension.resident.uuid())
    .bind(suspension.since)
    .bind(suspension.until)
    .bind(suspension.missed.iter().map(|id| id.uuid()).collect::<Vec<_>>())
    .bind(suspension.standing.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes where it stands.
pub async fn update(conn: &mut PgConnection, suspension: &Suspension) -> Result<(), SchedulingError> {
    let Suspension { appeal, decision, .. } = suspension;
    sqlx::query(
        "UPDATE suspensions SET state = $2, ground = $3, appealed_at = $4, decided_at = $5, decided_by = $6, decision_reason = $7 \
         WHERE id = $1",
    )
    .bind(suspension.id.uuid())
    .bind(suspension.standing.as_str())
    .bind(appeal.map(|appeal| appeal.ground.as_str()))
    .bind(appeal.map(|appeal| appeal.at))
    .bind(decision.as_ref().map(|decision| decision.at))
    .bind(decision.as_ref().map(|decision| decision.by.to_string()))
    .bind(decision.as_ref().map(|decision| decision.reason.as_str()))
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    resident_id: Uuid,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    appointment_ids: Vec<Uuid>,
    state: String,
    ground: Option<String>,
    appealed_at: Option<DateTime<Utc>>,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<String>,
    decision_reason: Option<String>,
}

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, resident_id, since, until, appointment_ids, state, ground, appealed_at, decided_at, decided_by, ",
            "decision_reason FROM suspensions ",
            $rest
        )
    };
}

/// Kept from others until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: SuspensionId) -> Result<Suspension, SchedulingError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR UPDATE")).bind(id.uuid()).fetch_optional(conn).await?;
    row.ok_or(SchedulingError::SuspensionNotFound)?.suspension()
}

/// Since when, and id.
pub type ListKey = (DateTime<Utc>, SuspensionId);

/// A resident's, or where nobody is named those with an open appeal; the latest first.
pub async fn list(
    conn: &mut PgConnection,
    resident: Option<ResidentId>,
    after: Option<&ListKey>,
    limit: i64,
) -> Result<Vec<Suspension>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE CASE WHEN $1::uuid IS NULL THEN state = 'APPEALED' ELSE resident_id = ANY ((SELECT one_person($1))::uuid[]) END \
           AND ($2::timestamptz IS NULL OR (since, id) < ($2, $3::uuid)) ORDER BY since DESC, id DESC LIMIT $4"
    ))
    .bind(resident.map(ResidentId::uuid))
    .bind(after.map(|(since, _)| *since))
    .bind(after.map_or(Uuid::nil(), |(_, id)| id.uuid()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::suspension).collect()
}

impl Row {
    fn suspension(self) -> Result<Suspension, SchedulingError> {
        let id = self.id;
        let appeal = match (&self.ground, self.appealed_at) {
            (Some(ground), Some(at)) => {
                Some(Appeal { ground: Ground::from_word(ground).ok_or_else(|| invalid(TABLE, "ground", id))?, at })
            }
            _ => None,
        };
        let decision = match (self.decided_at, &self.decided_by, self.decision_reason) {
            (Some(at), Some(by), Some(reason)) => Some(Decision { at, by: word(TABLE, "decided_by", id, by)?, reason }),
            _ => None,
        };
        Ok(Suspension {
            id: SuspensionId::from_uuid(id),
            resident: ResidentId::from_uuid(self.resident_id),
            since: self.since,
            until: self.until,
            missed: self.appointment_ids.into_iter().map(AppointmentId::from_uuid).collect(),
            standing: Standing::from_word(&self.state).ok_or_else(|| invalid(TABLE, "state", id))?,
            appeal,
            decision,
        })
    }
}
