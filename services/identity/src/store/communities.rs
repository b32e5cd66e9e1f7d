use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::OrganisationId;
use uuid::Uuid;

use super::column;
use crate::domain::community::{Community, CommunityCode};

const TABLE: &str = "communities";

#[derive(FromRow)]
struct Row {
    code: String,
    region: String,
    name: String,
    street: String,
    grid_cells: Vec<String>,
    organisation_ids: Vec<Uuid>,
    recorded_at: DateTime<Utc>,
}

/// Writes it whole. False if the code is another region's.
pub async fn put(conn: &mut PgConnection, community: &Community) -> Result<bool, postgres::Error> {
    let inserted = sqlx::query(
        "INSERT INTO communities (code, region, name, street, grid_cells, organisation_ids, recorded_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    );
    if bind(inserted, community).execute(&mut *conn).await?.rows_affected() == 1 {
        return Ok(true);
    }
    // Row security hides another region's row from the update.
    let updated = sqlx::query(
        "UPDATE communities SET name = $3, street = $4, grid_cells = $5, organisation_ids = $6, recorded_at = $7 \
         WHERE code = $1 AND region = $2",
    );
    Ok(bind(updated, community).execute(conn).await?.rows_affected() == 1)
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn bind<'q>(query: Query<'q>, community: &'q Community) -> Query<'q> {
    query
        .bind(community.code.as_str())
        .bind(community.region.to_string())
        .bind(&community.name)
        .bind(&community.street)
        .bind(&community.grid_cells)
        .bind(organisations(community))
        .bind(community.recorded_at)
}

pub async fn get(conn: &mut PgConnection, code: &CommunityCode) -> Result<Option<Community>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT code, region, name, street, grid_cells, organisation_ids, recorded_at FROM communities WHERE code = $1",
    )
    .bind(code.as_str())
    .fetch_optional(conn)
    .await?;
    row.map(Row::community).transpose()
}

/// By code, after the one named last.
pub async fn list(
    conn: &mut PgConnection,
    prefix: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Community>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT code, region, name, street, grid_cells, organisation_ids, recorded_at FROM communities \
         WHERE starts_with(code, $1) AND code >= $1 AND ($2::text IS NULL OR code > $2) ORDER BY code LIMIT $3",
    )
    .bind(prefix)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::community).collect()
}

pub fn audited(entry: Entry, community: &Community) -> Entry {
    entry.row(TABLE, &community.code)
}

fn organisations(community: &Community) -> Vec<Uuid> {
    community.organisations.iter().map(|id| id.uuid()).collect()
}

impl Row {
    fn community(self) -> Result<Community, postgres::Error> {
        Ok(Community {
            code: column(TABLE, "code", &self.code, &self.code)?,
            region: column(TABLE, "region", &self.code, &self.region)?,
            name: self.name,
            street: self.street,
            grid_cells: self.grid_cells,
            organisations: self.organisation_ids.into_iter().map(OrganisationId::from_uuid).collect(),
            recorded_at: self.recorded_at,
        })
    }
}
