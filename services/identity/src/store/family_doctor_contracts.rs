use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::ids::{ContractId, OrganisationId, PractitionerId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::family_doctor::{Contract, Ended, ServicePackage};

const TABLE: &str = "family_doctor_contracts";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    organisation_id: Uuid,
    practitioner_ids: Vec<Uuid>,
    package: Json<ServicePackage>,
    term_from: NaiveDate,
    term_until: NaiveDate,
    renewed_contract_id: Option<Uuid>,
    signed_at: DateTime<Utc>,
    ended_on: Option<NaiveDate>,
    ended_at: Option<DateTime<Utc>>,
    end_reason: String,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, region, resident_id, organisation_id, practitioner_ids, package, term_from, term_until, ",
            "renewed_contract_id, signed_at, ended_on, ended_at, end_reason FROM family_doctor_contracts ",
            $rest
        )
    };
}

/// False if there is one with this id. The caller holds the resident's lock and has asked [`overlaps`].
pub async fn insert(conn: &mut PgConnection, contract: &Contract) -> Result<bool, postgres::Error> {
    let team: Vec<Uuid> = contract.team.iter().map(|id| id.uuid()).collect();
    let done = sqlx::query(
        "INSERT INTO family_doctor_contracts (id, region, resident_id, organisation_id, practitioner_ids, package_code, package, \
         term_from, term_until, renewed_contract_id, signed_at, end_reason) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '') ON CONFLICT DO NOTHING",
    )
    .bind(contract.id.uuid())
    .bind(contract.region.as_str())
    .bind(contract.resident.uuid())
    .bind(contract.organisation.uuid())
    .bind(team)
    .bind(&contract.package.code)
    .bind(Json(&contract.package))
    .bind(contract.from)
    .bind(contract.until)
    .bind(contract.renews.map(ContractId::uuid))
    .bind(contract.signed_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the resident has another contract on some day of its term.
pub async fn overlaps(conn: &mut PgConnection, contract: &Contract) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM family_doctor_contracts WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND id <> $2 \
         AND term_from <= $4 AND coalesce(ended_on, term_until) >= greatest(term_from, $3))",
    )
    .bind(contract.resident.uuid())
    .bind(contract.id.uuid())
    .bind(contract.from)
    .bind(contract.until)
    .fetch_one(conn)
    .await?)
}

/// Whether two residents each have a contract on some day that is still ahead, or today.
pub async fn overlap(
    conn: &mut PgConnection,
    one: ResidentId,
    other: ResidentId,
    today: NaiveDate,
) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM family_doctor_contracts one JOIN family_doctor_contracts other \
             ON one.term_from <= coalesce(other.ended_on, other.term_until) AND other.term_from <= coalesce(one.ended_on, one.term_until) \
         WHERE one.resident_id = ANY ((SELECT one_person($1))::uuid[]) AND other.resident_id = ANY ((SELECT one_person($2))::uuid[]) \
             AND least(coalesce(one.ended_on, one.term_until), coalesce(other.ended_on, other.term_until)) >= $3)",
    )
    .bind(one.uuid())
    .bind(other.uuid())
    .bind(today)
    .fetch_one(conn)
    .await?)
}

pub async fn get(conn: &mut PgConnection, id: ContractId) -> Result<Option<Contract>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::contract).transpose()
}

/// The same, keeping others from ending it.
pub async fn lock(conn: &mut PgConnection, id: ContractId) -> Result<Option<Contract>, postgres::Error> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR NO KEY UPDATE")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::contract).transpose()
}

pub async fn end(conn: &mut PgConnection, contract: &Contract) -> Result<(), postgres::Error> {
    let ended = contract.ended.as_ref();
    sqlx::query("UPDATE family_doctor_contracts SET ended_on = $2, ended_at = $3, end_reason = $4 WHERE id = $1")
        .bind(contract.id.uuid())
        .bind(ended.map(|ended| ended.last_day))
        .bind(ended.map(|ended| ended.recorded_at))
        .bind(ended.map(|ended| ended.reason.as_str()).unwrap_or_default())
        .execute(conn)
        .await?;
    Ok(())
}

/// The one in force on a day, as it is believed now or was at a time.
pub async fn in_force(
    conn: &mut PgConnection,
    resident: ResidentId,
    on: NaiveDate,
    known_at: Option<DateTime<Utc>>,
) -> Result<Option<Contract>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(select!(
        "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND term_from <= $2 AND term_until >= $2 AND ($3::timestamptz IS NULL OR signed_at <= $3) \
         AND (ended_on IS NULL OR ended_on >= $2 OR ended_at > $3) ORDER BY term_from DESC LIMIT 1"
    ))
    .bind(resident.uuid())
    .bind(on)
    .bind(known_at)
    .fetch_optional(conn)
    .await?;
    row.map(Row::contract).transpose()
}

pub fn audited(entry: Entry, contract: &Contract) -> Entry {
    entry.resident(contract.resident).row(TABLE, contract.id)
}

impl Row {
    fn contract(self) -> Result<Contract, postgres::Error> {
        let reason = self.end_reason;
        let ended =
            self.ended_on.zip(self.ended_at).map(|(last_day, recorded_at)| Ended { last_day, reason, recorded_at });
        Ok(Contract {
            id: ContractId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            organisation: OrganisationId::from_uuid(self.organisation_id),
            team: self.practitioner_ids.into_iter().map(PractitionerId::from_uuid).collect(),
            package: self.package.0,
            from: self.term_from,
            until: self.term_until,
            renews: self.renewed_contract_id.map(ContractId::from_uuid),
            signed_at: self.signed_at,
            ended,
        })
    }
}
