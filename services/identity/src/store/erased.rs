//! What is left of a resident who was erased, and what has to end with them: asked by the id they go by, it is all of every id.

use chrono::NaiveDate;
use postgres::audit::Entry;
use sqlx::PgConnection;
use types::ids::{ConsentId, ContractId, DelegationId, GuardianshipId, HouseholdId, MandateId, ResidentId};
use uuid::Uuid;

use super::residents;

/// Everything that says who the resident is.
pub async fn blank(conn: &mut PgConnection, id: ResidentId) -> Result<(), postgres::Error> {
    sqlx::query(
        "UPDATE residents SET state = 'ERASED', revision = revision + 1, name_sealed = NULL, birth_date_sealed = NULL, \
         sex_sealed = NULL, mobile_sealed = NULL, address_sealed = NULL, name_birth_index = NULL, mobile_index = NULL, \
         birth_year_index = NULL, language = NULL, community = '', community_code = NULL, grid_cell = NULL, provisional = NULL, \
         mother_resident_id = NULL, registrar_organisation_id = NULL WHERE id = ANY ((SELECT one_person($1))::uuid[])",
    )
    .bind(id.uuid())
    .execute(&mut *conn)
    .await?;
    // They prove who a ward is.
    sqlx::query(
        "UPDATE guardianships SET papers = '已删除 erased' WHERE ward_id = ANY ((SELECT one_person($1))::uuid[])",
    )
    .bind(id.uuid())
    .execute(conn)
    .await?;
    Ok(())
}

/// The row that is left.
pub fn audited(entry: Entry, id: ResidentId) -> Entry {
    entry.sealed_row("residents", id, residents::SEALED.iter().map(|column| (*column, None)))
}

/// Delegations that the resident gave or was given, and that stand.
pub async fn delegations(conn: &mut PgConnection, id: ResidentId) -> Result<Vec<DelegationId>, postgres::Error> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM delegations WHERE (resident_id = ANY ((SELECT one_person($1))::uuid[]) OR delegate = ANY (one_party('resident:' || $1::text))) AND revoked_at IS NULL ORDER BY id",
    )
    .bind(id.uuid())
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(DelegationId::from_uuid).collect())
}

pub async fn consents(conn: &mut PgConnection, id: ResidentId) -> Result<Vec<ConsentId>, postgres::Error> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM consents WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND revoked_at IS NULL ORDER BY id",
    )
    .bind(id.uuid())
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(ConsentId::from_uuid).collect())
}

/// Contracts that have a day left.
pub async fn contracts(
    conn: &mut PgConnection,
    id: ResidentId,
    today: NaiveDate,
) -> Result<Vec<ContractId>, postgres::Error> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM family_doctor_contracts WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND ended_on IS NULL AND term_until >= $2 ORDER BY id",
    )
    .bind(id.uuid())
    .bind(today)
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(ContractId::from_uuid).collect())
}

/// Guardianships in which the resident is the ward or the guardian.
pub async fn guardianships(conn: &mut PgConnection, id: ResidentId) -> Result<Vec<GuardianshipId>, postgres::Error> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM guardianships WHERE (ward_id = ANY ((SELECT one_person($1))::uuid[]) OR guardian_id = ANY ((SELECT one_person($1))::uuid[])) AND ended_at IS NULL ORDER BY id",
    )
    .bind(id.uuid())
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(GuardianshipId::from_uuid).collect())
}

/// Mandates in the resident's name or given by them, that have not ended.
pub async fn mandates(conn: &mut PgConnection, id: ResidentId) -> Result<Vec<MandateId>, postgres::Error> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM mandates WHERE (resident_id = ANY ((SELECT one_person($1))::uuid[]) OR given_by = ANY (one_party('resident:' || $1::text))) \
         AND ended_at IS NULL ORDER BY id",
    )
    .bind(id.uuid())
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(MandateId::from_uuid).collect())
}

/// Households that last and whose head the resident is.
pub async fn headed(conn: &mut PgConnection, id: ResidentId) -> Result<Vec<HouseholdId>, postgres::Error> {
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT h.id FROM households h JOIN household_members m ON m.household_id = h.id \
         WHERE m.resident_id = ANY ((SELECT one_person($1))::uuid[]) AND m.relation = 'HEAD' AND h.ended_with IS NULL ORDER BY h.id",
    )
    .bind(id.uuid())
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(HouseholdId::from_uuid).collect())
}
