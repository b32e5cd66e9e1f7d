use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{DepartmentId, OrganisationId, PractitionerId};
use uuid::Uuid;

use super::column;
use crate::domain::practitioner::Practitioner;

const TABLE: &str = "practitioners";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    organisation_id: Uuid,
    name: String,
    title: String,
    department_ids: Vec<Uuid>,
    registered_at: DateTime<Utc>,
}

/// False if there is one with this id.
pub async fn insert(conn: &mut PgConnection, practitioner: &Practitioner) -> Result<bool, postgres::Error> {
    let departments: Vec<Uuid> = practitioner.departments.iter().map(|id| id.uuid()).collect();
    let done = sqlx::query(
        "INSERT INTO practitioners (id, region, organisation_id, name, title, department_ids, registered_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(practitioner.id.uuid())
    .bind(practitioner.region.as_str())
    .bind(practitioner.organisation.uuid())
    .bind(&practitioner.name)
    .bind(&practitioner.title)
    .bind(departments)
    .bind(practitioner.registered_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(conn: &mut PgConnection, id: PractitionerId) -> Result<Option<Practitioner>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, organisation_id, name, title, department_ids, registered_at FROM practitioners WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::practitioner).transpose()
}

pub fn audited(entry: Entry, practitioner: &Practitioner) -> Entry {
    entry.row(TABLE, practitioner.id)
}

impl Row {
    fn practitioner(self) -> Result<Practitioner, postgres::Error> {
        Ok(Practitioner {
            id: PractitionerId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            organisation: OrganisationId::from_uuid(self.organisation_id),
            name: self.name,
            title: self.title,
            departments: self.department_ids.into_iter().map(DepartmentId::from_uuid).collect(),
            registered_at: self.registered_at,
        })
    }
}
