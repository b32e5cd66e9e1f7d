use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::credit_code::CreditCode;
use types::ids::{AllianceId, OrganisationId};
use types::region::RegionCode;
use types::tier::Tier;
use uuid::Uuid;

use super::{alliances, column, departments, designations};
use crate::domain::designation::Designation;
use crate::domain::organisation::{Campus, Department, Filter, Kind, Organisation};
use types::place::Place;

const TABLE: &str = "organisations";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    kind: String,
    name: String,
    credit_code: String,
    tier: Option<String>,
    region_code: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
    campuses: Json<Vec<Campus>>,
    revision: i32,
    registered_at: DateTime<Utc>,
}

/// The organisation without its departments; false if there is one with this id or credit code.
pub async fn insert(conn: &mut PgConnection, organisation: &Organisation) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO organisations (id, region, kind, name, credit_code, tier, region_code, latitude, longitude, \
         campuses, revision, registered_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
    )
    .bind(organisation.id.uuid())
    .bind(organisation.region.as_str())
    .bind(organisation.kind.as_str())
    .bind(&organisation.name)
    .bind(organisation.credit_code.as_str())
    .bind(organisation.tier.map(Tier::as_str))
    .bind(organisation.region_code.as_str())
    .bind(organisation.place.map(|place| place.latitude))
    .bind(organisation.place.map(|place| place.longitude))
    .bind(Json(&organisation.campuses))
    .bind(organisation.revision)
    .bind(organisation.registered_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What can be changed of it. The caller holds its lock.
pub async fn update(conn: &mut PgConnection, organisation: &Organisation) -> Result<(), postgres::Error> {
    sqlx::query(
        "UPDATE organisations SET name = $2, tier = $3, region_code = $4, latitude = $5, longitude = $6, campuses = $7, \
         revision = $8 WHERE id = $1",
    )
    .bind(organisation.id.uuid())
    .bind(&organisation.name)
    .bind(organisation.tier.map(Tier::as_str))
    .bind(organisation.region_code.as_str())
    .bind(organisation.place.map(|place| place.latitude))
    .bind(organisation.place.map(|place| place.longitude))
    .bind(Json(&organisation.campuses))
    .bind(organisation.revision)
    .execute(conn)
    .await?;
    Ok(())
}

/// With the contracts that designate it on a day.
pub async fn get(
    conn: &mut PgConnection,
    id: OrganisationId,
    on: NaiveDate,
) -> Result<Option<Organisation>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, kind, name, credit_code, tier, region_code, latitude, longitude, campuses, revision, registered_at \
         FROM organisations WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(&mut *conn)
    .await?;
    Ok(whole(conn, row.into_iter().collect(), on).await?.pop())
}

/// Lets one transaction at a time designate it; what it is, or none.
pub async fn lock(conn: &mut PgConnection, id: OrganisationId) -> Result<Option<Kind>, postgres::Error> {
    let kind: Option<String> = sqlx::query_scalar("SELECT kind FROM organisations WHERE id = $1 FOR NO KEY UPDATE")
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?;
    let invalid = || postgres::Error::row_invalid(TABLE, "kind", id);
    kind.map(|kind| Kind::parse(&kind).ok_or_else(invalid)).transpose()
}

pub async fn exists(conn: &mut PgConnection, id: OrganisationId) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM organisations WHERE id = $1)")
        .bind(id.uuid())
        .fetch_one(conn)
        .await?)
}

/// Organisations of a region by name, after the one named last, with the contracts that designate them on a day.
pub async fn list(
    conn: &mut PgConnection,
    region: RegionCode,
    filter: &Filter,
    on: NaiveDate,
    after: Option<&(String, Uuid)>,
    limit: i64,
) -> Result<Vec<Organisation>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, kind, name, credit_code, tier, region_code, latitude, longitude, campuses, revision, registered_at \
         FROM organisations o WHERE region = $1 \
         AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR tier = $3) \
         AND ($4::text IS NULL OR EXISTS (SELECT FROM departments d, unnest(d.capabilities) AS covered \
             WHERE d.organisation_id = o.id AND starts_with($4, covered))) \
         AND ($5::text IS NULL OR starts_with(region_code, $5)) \
         AND ($6::uuid IS NULL OR EXISTS (SELECT FROM alliance_members m WHERE m.organisation_id = o.id \
             AND m.alliance_id = $6 AND m.member_from <= $7 AND (m.member_until IS NULL OR m.member_until >= $7))) \
         AND ($8::text IS NULL OR (name, id) > ($8, $9)) ORDER BY name, id LIMIT $10",
    )
    .bind(region.as_str())
    .bind(filter.kind.map(Kind::as_str))
    .bind(filter.tier.map(Tier::as_str))
    .bind(filter.capability.as_deref())
    .bind(filter.region_prefix())
    .bind(filter.alliance.map(AllianceId::uuid))
    .bind(on)
    .bind(after.map(|(name, _)| name.as_str()))
    .bind(after.map(|(_, id)| *id))
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    whole(conn, rows, on).await
}

pub fn audited(entry: Entry, organisation: &Organisation) -> Entry {
    let entry = entry.row(TABLE, organisation.id);
    organisation.departments.iter().fold(entry, |entry, department| entry.row("departments", department.id))
}

async fn whole(conn: &mut PgConnection, rows: Vec<Row>, on: NaiveDate) -> Result<Vec<Organisation>, postgres::Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut departments: HashMap<Uuid, Vec<Department>> = HashMap::new();
    for (organisation, department) in departments::of(conn, &ids).await? {
        departments.entry(organisation.uuid()).or_default().push(department);
    }
    let mut names = alliances::names(conn, &ids, on).await?;
    let mut good: HashMap<Uuid, Vec<Designation>> = HashMap::new();
    for designation in designations::of(conn, &ids).await?.into_iter().filter(|designation| designation.is_good_on(on))
    {
        good.entry(designation.provider.uuid()).or_default().push(designation);
    }
    rows.into_iter()
        .map(|row| {
            let departments = departments.remove(&row.id).unwrap_or_default();
            let designations = good.remove(&row.id).unwrap_or_default();
            let alliance = names.remove(&row.id).unwrap_or_default();
            row.organisation(departments, designations, alliance)
        })
        .collect()
}

impl Row {
    fn organisation(
        self,
        departments: Vec<Department>,
        designations: Vec<Designation>,
        alliance: String,
    ) -> Result<Organisation, postgres::Error> {
        let invalid = |column| postgres::Error::row_invalid(TABLE, column, self.id);
        let place = self.latitude.zip(self.longitude).map(|(latitude, longitude)| Place { latitude, longitude });
        Ok(Organisation {
            id: OrganisationId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            kind: Kind::parse(&self.kind).ok_or_else(|| invalid("kind"))?,
            credit_code: CreditCode::parse(&self.credit_code).map_err(|_| invalid("credit_code"))?,
            tier: self.tier.as_deref().map(|tier| column(TABLE, "tier", self.id, tier)).transpose()?,
            region_code: column(TABLE, "region_code", self.id, &self.region_code)?,
            place,
            name: self.name,
            alliance,
            designations,
            departments,
            campuses: self.campuses.0,
            revision: self.revision,
            registered_at: self.registered_at,
        })
    }
}
