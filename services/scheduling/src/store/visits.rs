//! Table `visits`.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use types::ids::{AppointmentId, DelegationId, JourneyId, OrganisationId, ReferralId, ResidentId, VisitId};
use uuid::Uuid;

use super::{invalid, refused, word};
use crate::domain::{
    error::SchedulingError,
    visit::{Ended, IdentityProof, Outcome, Present, Visit},
};

const TABLE: &str = "visits";

pub async fn insert(conn: &mut PgConnection, visit: &Visit) -> Result<(), SchedulingError> {
    let (present, delegate, delegation) = match &visit.present {
        Present::Patient => ("SELF", None, None),
        Present::Delegate { delegate, delegation } => ("DELEGATE", Some(delegate.to_string()), Some(delegation.uuid())),
    };
    sqlx::query(
        "INSERT INTO visits (id, region, resident_id, organisation_id, tier, kind, appointment_id, referral_id, journey_id, \
         present, delegate, delegation_id, identity_proof, checked_in_by, opened_at, state, ended_at, outcome) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(visit.id.uuid())
    .bind(visit.resident.uuid())
    .bind(visit.organisation.uuid())
    .bind(visit.tier.as_str())
    .bind(visit.kind.as_str())
    .bind(visit.appointment.map(AppointmentId::uuid))
    .bind(visit.referral.map(ReferralId::uuid))
    .bind(visit.journey.uuid())
    .bind(present)
    .bind(delegate)
    .bind(delegation)
    .bind(visit.identity_proof.as_str())
    .bind(visit.checked_in_by.to_string())
    .bind(visit.opened_at)
    .bind(visit.state())
    .bind(visit.ended.map(|ended| ended.at))
    .bind(visit.ended.map(|ended| ended.outcome.as_str()))
    .execute(conn)
    .await
    .map_err(|error| {
        refused(error, |constraint| match constraint {
            "visits_pkey" | "visits_appointment_id_key" => Some(SchedulingError::VisitExists),
            other => stay_refused(other),
        })
    })?;
    Ok(())
}

/// Whether somebody else has an appointment or a visit in this journey.
pub async fn is_journey_of_another(
    conn: &mut PgConnection,
    journey: JourneyId,
    resident: ResidentId,
) -> Result<bool, SchedulingError> {
    let found = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM visits WHERE journey_id = $1 AND resident_id <> ALL ((SELECT one_person($2))::uuid[])) \
         OR EXISTS (SELECT FROM appointments WHERE journey_id = $1 AND resident_id <> ALL ((SELECT one_person($2))::uuid[]))",
    )
    .bind(journey.uuid())
    .bind(resident.uuid())
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// Writes the end of a visit.
pub async fn update(conn: &mut PgConnection, visit: &Visit, reason: &str) -> Result<(), SchedulingError> {
    sqlx::query("UPDATE visits SET state = $2, ended_at = $3, outcome = $4, end_reason = $5 WHERE id = $1")
        .bind(visit.id.uuid())
        .bind(visit.state())
        .bind(visit.ended.map(|ended| ended.at))
        .bind(visit.ended.map(|ended| ended.outcome.as_str()))
        .bind(reason)
        .execute(conn)
        .await
        .map_err(|error| refused(error, stay_refused))?;
    Ok(())
}

/// What keeps a person's stays apart: `migrations/0400_stays_apart.sql`.
fn stay_refused(constraint: &str) -> Option<SchedulingError> {
    match constraint {
        "visits_open_stay" => Some(SchedulingError::StayOpen),
        "visits_stays_apart" => Some(SchedulingError::StayOverlaps),
        _ => None,
    }
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    resident_id: Uuid,
    organisation_id: Uuid,
    region: String,
    tier: String,
    kind: String,
    appointment_id: Option<Uuid>,
    referral_id: Option<Uuid>,
    journey_id: Uuid,
    delegate: Option<String>,
    delegation_id: Option<Uuid>,
    identity_proof: String,
    checked_in_by: String,
    opened_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
}

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, resident_id, organisation_id, region, tier, kind, appointment_id, referral_id, journey_id, delegate, ",
            "delegation_id, identity_proof, checked_in_by, opened_at, ended_at, outcome FROM visits ",
            $rest
        )
    };
}

pub async fn find(conn: &mut PgConnection, id: VisitId) -> Result<Visit, SchedulingError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.ok_or(SchedulingError::VisitNotFound)?.visit()
}

/// The same, kept from others until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: VisitId) -> Result<Visit, SchedulingError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR UPDATE")).bind(id.uuid()).fetch_optional(conn).await?;
    row.ok_or(SchedulingError::VisitNotFound)?.visit()
}

impl Row {
    fn visit(self) -> Result<Visit, SchedulingError> {
        let id = self.id;
        let present = match (&self.delegate, self.delegation_id) {
            (Some(delegate), Some(delegation)) => Present::Delegate {
                delegate: word(TABLE, "delegate", id, delegate)?,
                delegation: DelegationId::from_uuid(delegation),
            },
            _ => Present::Patient,
        };
        let ended = match (self.ended_at, &self.outcome) {
            (Some(at), Some(outcome)) => {
                Some(Ended { at, outcome: Outcome::from_word(outcome).ok_or_else(|| invalid(TABLE, "outcome", id))? })
            }
            _ => None,
        };
        Ok(Visit {
            id: VisitId::from_uuid(id),
            resident: ResidentId::from_uuid(self.resident_id),
            organisation: OrganisationId::from_uuid(self.organisation_id),
            region: word(TABLE, "region", id, &self.region)?,
            tier: word(TABLE, "tier", id, &self.tier)?,
            kind: word(TABLE, "kind", id, &self.kind)?,
            appointment: self.appointment_id.map(AppointmentId::from_uuid),
            referral: self.referral_id.map(ReferralId::from_uuid),
            journey: JourneyId::from_uuid(self.journey_id),
            present,
            identity_proof: IdentityProof::from_word(&self.identity_proof)
                .ok_or_else(|| invalid(TABLE, "identity_proof", id))?,
            checked_in_by: word(TABLE, "checked_in_by", id, &self.checked_in_by)?,
            opened_at: self.opened_at,
            ended,
        })
    }
}
