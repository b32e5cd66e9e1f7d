use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::ids::{DesignationId, OrganisationId};
use uuid::Uuid;

use super::column;
use crate::domain::designation::{Designation, Kind, Suspension};

const TABLE: &str = "designations";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    provider_organisation_id: Uuid,
    insurer_organisation_id: Option<Uuid>,
    kind: String,
    valid_from: NaiveDate,
    valid_until: Option<NaiveDate>,
    suspensions: Json<Vec<Suspension>>,
    end_reason: String,
    made_at: DateTime<Utc>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, region, provider_organisation_id, insurer_organisation_id, kind, valid_from, valid_until, suspensions, ",
            "end_reason, made_at FROM designations ",
            $rest
        )
    };
}

/// False if there is one with this id. The caller holds the provider's lock.
pub async fn insert(conn: &mut PgConnection, designation: &Designation) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO designations (id, region, provider_organisation_id, insurer_organisation_id, kind, valid_from, valid_until, \
         suspensions, end_reason, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(designation.id.uuid())
    .bind(designation.region.as_str())
    .bind(designation.provider.uuid())
    .bind(designation.insurer.map(OrganisationId::uuid))
    .bind(designation.kind.as_str())
    .bind(designation.from)
    .bind(designation.until)
    .bind(Json(&designation.suspensions))
    .bind(&designation.end_reason)
    .bind(designation.made_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn update(conn: &mut PgConnection, designation: &Designation) -> Result<(), postgres::Error> {
    sqlx::query("UPDATE designations SET valid_until = $2, suspensions = $3, end_reason = $4 WHERE id = $1")
        .bind(designation.id.uuid())
        .bind(designation.until)
        .bind(Json(&designation.suspensions))
        .bind(&designation.end_reason)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn get(conn: &mut PgConnection, id: DesignationId) -> Result<Option<Designation>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::designation).transpose()
}

/// The same, keeping others from changing it.
pub async fn lock(conn: &mut PgConnection, id: DesignationId) -> Result<Option<Designation>, postgres::Error> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR NO KEY UPDATE")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::designation).transpose()
}

/// Every contract of these providers, by first day.
pub async fn of(conn: &mut PgConnection, providers: &[Uuid]) -> Result<Vec<Designation>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE provider_organisation_id = ANY ($1) ORDER BY valid_from, id"))
        .bind(providers)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Row::designation).collect()
}

pub fn audited(entry: Entry, designation: &Designation) -> Entry {
    entry.row(TABLE, designation.id)
}

impl Row {
    fn designation(self) -> Result<Designation, postgres::Error> {
        let kind = Kind::parse(&self.kind);
        Ok(Designation {
            id: DesignationId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            provider: OrganisationId::from_uuid(self.provider_organisation_id),
            insurer: self.insurer_organisation_id.map(OrganisationId::from_uuid),
            kind: kind.ok_or_else(|| postgres::Error::row_invalid(TABLE, "kind", self.id))?,
            from: self.valid_from,
            until: self.valid_until,
            suspensions: self.suspensions.0,
            end_reason: self.end_reason,
            made_at: self.made_at,
        })
    }
}
