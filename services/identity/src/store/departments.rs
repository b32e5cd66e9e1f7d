use sqlx::{FromRow, PgConnection};
use types::ids::{DepartmentId, OrganisationId};
use uuid::Uuid;

use crate::domain::organisation::Department;

#[derive(FromRow)]
struct Row {
    id: Uuid,
    organisation_id: Uuid,
    code: String,
    name: String,
    capabilities: Vec<String>,
}

/// False if there is one with this id, here or elsewhere.
pub async fn insert(
    conn: &mut PgConnection,
    organisation: OrganisationId,
    place: i32,
    department: &Department,
) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO departments (id, organisation_id, place, code, name, capabilities) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT DO NOTHING",
    )
    .bind(department.id.uuid())
    .bind(organisation.uuid())
    .bind(place)
    .bind(&department.code)
    .bind(&department.name)
    .bind(&department.capabilities)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One of the organisation's own, changed; false if it has none with this id.
pub async fn update(
    conn: &mut PgConnection,
    organisation: OrganisationId,
    department: &Department,
) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "UPDATE departments SET code = $3, name = $4, capabilities = $5 WHERE id = $1 AND organisation_id = $2",
    )
    .bind(department.id.uuid())
    .bind(organisation.uuid())
    .bind(&department.code)
    .bind(&department.name)
    .bind(&department.capabilities)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The departments of some organisations, each with its organisation, in the order in which these list them.
pub async fn of(
    conn: &mut PgConnection,
    organisations: &[Uuid],
) -> Result<Vec<(OrganisationId, Department)>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, organisation_id, code, name, capabilities FROM departments WHERE organisation_id = ANY ($1) \
         ORDER BY organisation_id, place",
    )
    .bind(organisations)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Row::department).collect())
}

/// How many of these departments belong to the organisation.
pub async fn count(
    conn: &mut PgConnection,
    organisation: OrganisationId,
    departments: &[Uuid],
) -> Result<i64, postgres::Error> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM departments WHERE organisation_id = $1 AND id = ANY ($2)")
        .bind(organisation.uuid())
        .bind(departments)
        .fetch_one(conn)
        .await?)
}

impl Row {
    fn department(self) -> (OrganisationId, Department) {
        let department = Department {
            id: DepartmentId::from_uuid(self.id),
            code: self.code,
            name: self.name,
            capabilities: self.capabilities,
        };
        (OrganisationId::from_uuid(self.organisation_id), department)
    }
}
