use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{DelegationId, GuardianshipId, OrganisationId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use super::column;
use crate::domain::guardianship::{Ended, Guardianship, Kind, Relation};
use crate::domain::signature::Signature;

const TABLE: &str = "guardianships";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    ward_id: Uuid,
    guardian_id: Uuid,
    kind: String,
    relation: String,
    papers: String,
    witness_organisation_id: Uuid,
    from_day: NaiveDate,
    until_day: Option<NaiveDate>,
    registered_by: String,
    registered_at: DateTime<Utc>,
    confirmed_by: Option<String>,
    confirmer_organisation_id: Option<Uuid>,
    confirmed_at: Option<DateTime<Utc>>,
    confirmation_evidence: Option<String>,
    ended_at: Option<DateTime<Utc>>,
    end_reason: Option<String>,
}

/// False if there is one with this id.
pub async fn insert(conn: &mut PgConnection, guardianship: &Guardianship) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO guardianships (id, region, ward_id, guardian_id, kind, relation, papers, witness_organisation_id, from_day, \
         until_day, registered_by, registered_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
    )
    .bind(guardianship.id.uuid())
    .bind(guardianship.region.as_str())
    .bind(guardianship.ward.uuid())
    .bind(guardianship.guardian.uuid())
    .bind(guardianship.kind.as_str())
    .bind(guardianship.relation.as_str())
    .bind(&guardianship.papers)
    .bind(guardianship.witness.map(OrganisationId::uuid))
    .bind(guardianship.from)
    .bind(guardianship.until)
    .bind(guardianship.registered_by.to_string())
    .bind(guardianship.registered_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(conn: &mut PgConnection, id: GuardianshipId) -> Result<Option<Guardianship>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, ward_id, guardian_id, kind, relation, papers, witness_organisation_id, from_day, until_day, \
         registered_by, registered_at, confirmed_by, confirmer_organisation_id, confirmed_at, confirmation_evidence, ended_at, end_reason \
         FROM guardianships WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::guardianship).transpose()
}

/// Guardianships of a ward, newest first, after the one named last.
pub async fn of_ward(
    conn: &mut PgConnection,
    ward: ResidentId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Guardianship>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, ward_id, guardian_id, kind, relation, papers, witness_organisation_id, from_day, until_day, \
         registered_by, registered_at, confirmed_by, confirmer_organisation_id, confirmed_at, confirmation_evidence, ended_at, end_reason \
         FROM guardianships \
         WHERE ward_id = ANY ((SELECT one_person($1))::uuid[]) AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
    )
    .bind(ward.uuid())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::guardianship).collect()
}

/// What is in force between two on a day.
pub async fn in_force(
    conn: &mut PgConnection,
    ward: ResidentId,
    guardian: ResidentId,
    on: NaiveDate,
) -> Result<Option<Guardianship>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, ward_id, guardian_id, kind, relation, papers, witness_organisation_id, from_day, until_day, \
         registered_by, registered_at, confirmed_by, confirmer_organisation_id, confirmed_at, confirmation_evidence, ended_at, end_reason \
         FROM guardianships WHERE ward_id = ANY ((SELECT one_person($1))::uuid[]) \
         AND guardian_id = ANY ((SELECT one_person($2))::uuid[]) AND confirmed_at IS NOT NULL AND ended_at IS NULL \
         AND from_day <= $3 AND (until_day IS NULL OR until_day >= $3) ORDER BY until_day DESC NULLS FIRST LIMIT 1",
    )
    .bind(ward.uuid())
    .bind(guardian.uuid())
    .bind(on)
    .fetch_optional(conn)
    .await?;
    row.map(Row::guardianship).transpose()
}

/// Whether somebody is in another's care on a day.
pub async fn is_ward(conn: &mut PgConnection, resident: ResidentId, on: NaiveDate) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM guardianships WHERE ward_id = ANY ((SELECT one_person($1))::uuid[]) AND confirmed_at IS NOT NULL AND ended_at IS NULL \
         AND from_day <= $2 AND (until_day IS NULL OR until_day >= $2))",
    )
    .bind(resident.uuid())
    .bind(on)
    .fetch_one(conn)
    .await?)
}

/// Writes the second signature.
pub async fn confirm(conn: &mut PgConnection, guardianship: &Guardianship) -> Result<(), postgres::Error> {
    let Some(confirmed) = &guardianship.confirmed else { return Ok(()) };
    sqlx::query(
        "UPDATE guardianships SET confirmed_by = $2, confirmer_organisation_id = $3, confirmed_at = $4, confirmation_evidence = $5 \
         WHERE id = $1",
    )
    .bind(guardianship.id.uuid())
    .bind(confirmed.by.to_string())
    .bind(confirmed.organisation.map(OrganisationId::uuid))
    .bind(confirmed.at)
    .bind(&confirmed.evidence)
    .execute(conn)
    .await?;
    Ok(())
}

/// False if it was ended before.
pub async fn end(conn: &mut PgConnection, id: GuardianshipId, ended: &Ended) -> Result<bool, postgres::Error> {
    let done =
        sqlx::query("UPDATE guardianships SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL")
            .bind(id.uuid())
            .bind(ended.at)
            .bind(&ended.reason)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Says that a delegation ends with a guardianship.
pub async fn bind_delegation(
    conn: &mut PgConnection,
    id: GuardianshipId,
    region: RegionCode,
    delegation: DelegationId,
) -> Result<(), postgres::Error> {
    sqlx::query("INSERT INTO guardianship_delegations (delegation_id, region, guardianship_id) VALUES ($1, $2, $3)")
        .bind(delegation.uuid())
        .bind(region.as_str())
        .bind(id.uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// The guardianship a delegation rests on, if it rests on one.
pub async fn of_delegation(
    conn: &mut PgConnection,
    delegation: DelegationId,
) -> Result<Option<GuardianshipId>, postgres::Error> {
    let found: Option<Uuid> =
        sqlx::query_scalar("SELECT guardianship_id FROM guardianship_delegations WHERE delegation_id = $1")
            .bind(delegation.uuid())
            .fetch_optional(conn)
            .await?;
    Ok(found.map(GuardianshipId::from_uuid))
}

/// Delegations that end with it.
pub async fn delegations(conn: &mut PgConnection, id: GuardianshipId) -> Result<Vec<DelegationId>, postgres::Error> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT delegation_id FROM guardianship_delegations WHERE guardianship_id = $1 ORDER BY delegation_id",
    )
    .bind(id.uuid())
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(DelegationId::from_uuid).collect())
}

pub fn audited(entry: Entry, guardianship: &Guardianship) -> Entry {
    entry.resident(guardianship.ward).row(TABLE, guardianship.id)
}

/// That a delegation ends with a guardianship.
pub fn audited_bond(entry: Entry, delegation: DelegationId) -> Entry {
    entry.row("guardianship_delegations", delegation)
}

impl Row {
    fn guardianship(self) -> Result<Guardianship, postgres::Error> {
        let invalid = |column| postgres::Error::row_invalid(TABLE, column, self.id);
        let confirmed = match (&self.confirmed_by, self.confirmed_at, self.confirmation_evidence) {
            (Some(by), Some(at), Some(evidence)) => Some(Signature {
                by: column(TABLE, "confirmed_by", self.id, by)?,
                organisation: self.confirmer_organisation_id.map(OrganisationId::from_uuid),
                at,
                evidence,
            }),
            _ => None,
        };
        Ok(Guardianship {
            id: GuardianshipId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            ward: ResidentId::from_uuid(self.ward_id),
            guardian: ResidentId::from_uuid(self.guardian_id),
            kind: Kind::parse(&self.kind).ok_or_else(|| invalid("kind"))?,
            relation: Relation::parse(&self.relation).ok_or_else(|| invalid("relation"))?,
            papers: self.papers,
            witness: Some(OrganisationId::from_uuid(self.witness_organisation_id)),
            from: self.from_day,
            until: self.until_day,
            registered_by: column(TABLE, "registered_by", self.id, &self.registered_by)?,
            registered_at: self.registered_at,
            confirmed,
            ended: self.ended_at.zip(self.end_reason).map(|(at, reason)| Ended { at, reason }),
        })
    }
}
