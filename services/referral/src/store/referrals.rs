//! `referrals`: one row per referral, with the data of its state in columns.

mod row;

use chrono::{DateTime, Utc};
use postgres::{Error, Transaction};
use sqlx::PgConnection;
use types::{
    ids::{AppointmentId, JourneyId, OrganisationId, ReferralId, ResidentId},
    region::RegionCode,
};
use uuid::Uuid;

use crate::domain::referral::{Referral, StateName};
use row::Row;

pub use row::audited;

const TABLE: &str = "referrals";
const DIAGNOSES: &str = "diagnoses_sealed";
const SUMMARY: &str = "clinical_summary_sealed";
const ADVICE: &str = "return_advice_sealed";

/// What of it is sealed.
pub const SEALED: &[&str] = &[DIAGNOSES, SUMMARY, ADVICE];

const INSERT: &str = "INSERT INTO referrals (id, region, resident_id, direction, kind, from_organisation_id, to_organisation_id, \
    diagnoses_sealed, urgency, clinical_summary_sealed, payment, credit_line_id, own_share_max, delegation_id, submitted_by, submitted_at, \
    valid_until, previous_referral_id, journey_id, state, version, owner_id, deadline, changed_at, key_version, mandate_id) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $16, $24, $25)";

const BY_ID: &str = "SELECT * FROM referrals WHERE id = $1";
const LOCK: &str = "SELECT * FROM referrals WHERE id = $1 FOR UPDATE";
const LOCK_BY_APPOINTMENT: &str = "SELECT * FROM referrals WHERE appointment_id = $1 FOR UPDATE";
const OF_JOURNEY: &str = "SELECT * FROM referrals WHERE journey_id = $1 AND resident_id = ANY ((SELECT one_person($2))::uuid[]) ORDER BY submitted_at, id";

const UPDATE: &str = "UPDATE referrals SET state = $3, version = $4, owner_id = $5, deadline = $6, last_refusal = $7, saga_id = $8, \
    appointment_id = $9, bill_id = $10, quote_id = $11, visit_id = $12, return_reason = $13, return_advice_sealed = $14, \
    suggested_id = $15, changed_at = $16, diagnoses_sealed = $17, clinical_summary_sealed = $18, key_version = $19 WHERE id = $1 AND version = $2";

const WORK_LIST: &str = "SELECT id, version FROM referrals \
    WHERE owner_id = $1 AND state IN ('SUBMITTED', 'INFORMATION_REQUESTED', 'NEEDS_HUMAN') ORDER BY submitted_at, id";

const OF_RESIDENT: &str = "SELECT * FROM referrals \
    WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND ($2::text IS NULL OR state = $2) AND ($3::timestamptz IS NULL OR submitted_at >= $3) \
    AND ($4::timestamptz IS NULL OR (submitted_at, id) < ($4, $5)) ORDER BY submitted_at DESC, id DESC LIMIT $6";
/// Each half goes by its own index and ends at the limit; with OR all of a hospital's referrals would be sorted for every page.
const OF_ORGANISATION: &str = "(SELECT * FROM referrals \
    WHERE from_organisation_id = $1 AND ($2::text IS NULL OR state = $2) AND ($3::timestamptz IS NULL OR submitted_at >= $3) \
    AND ($4::timestamptz IS NULL OR (submitted_at, id) < ($4, $5)) ORDER BY submitted_at DESC, id DESC LIMIT $6) \
    UNION ALL (SELECT * FROM referrals \
    WHERE to_organisation_id = $1 AND ($2::text IS NULL OR state = $2) AND ($3::timestamptz IS NULL OR submitted_at >= $3) \
    AND ($4::timestamptz IS NULL OR (submitted_at, id) < ($4, $5)) ORDER BY submitted_at DESC, id DESC LIMIT $6) \
    ORDER BY submitted_at DESC, id DESC LIMIT $6";

pub async fn insert(tx: &mut Transaction, region: RegionCode, referral: &Referral) -> Result<(), Error> {
    let keys = tx.keys()?;
    let row = Row::of(referral, &keys)?;
    sqlx::query(INSERT)
        .bind(row.id)
        .bind(region.as_str())
        .bind(row.resident_id)
        .bind(row.direction)
        .bind(row.kind)
        .bind(row.from_organisation_id)
        .bind(row.to_organisation_id)
        .bind(row.diagnoses_sealed)
        .bind(row.urgency)
        .bind(row.clinical_summary_sealed)
        .bind(row.payment)
        .bind(row.credit_line_id)
        .bind(row.own_share_max)
        .bind(row.delegation_id)
        .bind(row.submitted_by)
        .bind(row.submitted_at)
        .bind(row.valid_until)
        .bind(row.previous_referral_id)
        .bind(row.journey_id)
        .bind(row.state)
        .bind(row.version)
        .bind(row.owner_id)
        .bind(row.deadline)
        .bind(row.key_version)
        .bind(row.mandate_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Writes what a transition changed. The row was locked, so its version is the one before.
pub async fn update(tx: &mut Transaction, referral: &Referral, now: DateTime<Utc>) -> Result<(), Error> {
    let keys = tx.keys()?;
    let row = Row::of(referral, &keys)?;
    let updated = sqlx::query(UPDATE)
        .bind(row.id)
        .bind(row.version - 1)
        .bind(row.state)
        .bind(row.version)
        .bind(row.owner_id)
        .bind(row.deadline)
        .bind(row.last_refusal)
        .bind(row.saga_id)
        .bind(row.appointment_id)
        .bind(row.bill_id)
        .bind(row.quote_id)
        .bind(row.visit_id)
        .bind(row.return_reason)
        .bind(row.return_advice_sealed)
        .bind(row.suggested_id)
        .bind(now)
        .bind(row.diagnoses_sealed)
        .bind(row.clinical_summary_sealed)
        .bind(row.key_version)
        .execute(&mut **tx)
        .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(Error::row_invalid(TABLE, "version", row.id)) }
}

pub async fn find(tx: &mut Transaction, id: ReferralId) -> Result<Option<Referral>, Error> {
    one(tx, BY_ID, id.uuid()).await
}

pub async fn lock(tx: &mut Transaction, id: ReferralId) -> Result<Option<Referral>, Error> {
    one(tx, LOCK, id.uuid()).await
}

/// The referral that an appointment was booked for.
pub async fn lock_by_appointment(tx: &mut Transaction, id: AppointmentId) -> Result<Option<Referral>, Error> {
    one(tx, LOCK_BY_APPOINTMENT, id.uuid()).await
}

async fn one(tx: &mut Transaction, sql: &'static str, id: Uuid) -> Result<Option<Referral>, Error> {
    let keys = tx.keys()?;
    let row: Option<Row> = sqlx::query_as(sql).bind(id).fetch_optional(&mut **tx).await?;
    row.map(|row| row.referral(&keys)).transpose()
}

/// Oldest first.
pub async fn of_journey(
    tx: &mut Transaction,
    journey: JourneyId,
    resident: ResidentId,
) -> Result<Vec<Referral>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as(OF_JOURNEY).bind(journey.uuid()).bind(resident.uuid()).fetch_all(&mut **tx).await?;
    let keys = tx.keys()?;
    rows.into_iter().map(|row| row.referral(&keys)).collect()
}

/// What stands on an organisation's work list, and at which version.
pub async fn work_list(conn: &mut PgConnection, owner: OrganisationId) -> Result<Vec<(ReferralId, i64)>, Error> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(WORK_LIST).bind(owner.uuid()).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(id, version)| (ReferralId::from_uuid(id), version)).collect())
}

/// Whose referrals are listed.
#[derive(Debug, Clone, Copy)]
pub enum Whose {
    Resident(ResidentId),
    /// From or to it.
    Organisation(OrganisationId),
}

/// Which referrals are listed; newest first.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    pub whose: Whose,
    pub state: Option<StateName>,
    pub submitted_from: Option<DateTime<Utc>>,
}

/// Key of a row in the list: its place in the order.
pub type ListKey = (DateTime<Utc>, Uuid);

pub async fn list(
    tx: &mut Transaction,
    filter: &Filter,
    after: Option<ListKey>,
    limit: i64,
) -> Result<Vec<Referral>, Error> {
    let (sql, id) = match filter.whose {
        Whose::Resident(id) => (OF_RESIDENT, id.uuid()),
        Whose::Organisation(id) => (OF_ORGANISATION, id.uuid()),
    };
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(id)
        .bind(filter.state.map(StateName::as_str))
        .bind(filter.submitted_from)
        .bind(after.map(|(at, _)| at))
        .bind(after.map(|(_, id)| id))
        .bind(limit)
        .fetch_all(&mut **tx)
        .await?;
    let keys = tx.keys()?;
    rows.into_iter().map(|row| row.referral(&keys)).collect()
}
