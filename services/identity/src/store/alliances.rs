//! Alliances and their members.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{AllianceId, OrganisationId};
use types::region::RegionCode;
use uuid::Uuid;

use super::column;
use crate::domain::alliance::{Alliance, Kind, Member};

const TABLE: &str = "alliances";
const MEMBERS: &str = "alliance_members";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    name: String,
    kind: String,
    lead_organisation_id: Uuid,
    formed_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct MemberRow {
    id: Uuid,
    alliance_id: Uuid,
    organisation_id: Uuid,
    member_from: NaiveDate,
    member_until: Option<NaiveDate>,
}

/// Without members; false if there is one with this id.
pub async fn insert(conn: &mut PgConnection, alliance: &Alliance) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO alliances (id, region, name, kind, lead_organisation_id, formed_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT DO NOTHING",
    )
    .bind(alliance.id.uuid())
    .bind(alliance.region.as_str())
    .bind(&alliance.name)
    .bind(alliance.kind.as_str())
    .bind(alliance.lead.uuid())
    .bind(alliance.formed_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The caller holds the organisation's lock.
pub async fn add_member(conn: &mut PgConnection, alliance: &Alliance, member: &Member) -> Result<(), postgres::Error> {
    sqlx::query(
        "INSERT INTO alliance_members (id, region, alliance_id, organisation_id, member_from, member_until) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(member.row)
    .bind(alliance.region.as_str())
    .bind(alliance.id.uuid())
    .bind(member.organisation.uuid())
    .bind(member.from)
    .bind(member.until)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn end_membership(conn: &mut PgConnection, member: &Member) -> Result<(), postgres::Error> {
    sqlx::query("UPDATE alliance_members SET member_until = $2 WHERE id = $1")
        .bind(member.row)
        .bind(member.until)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether a provider is in some alliance on a day or later.
pub async fn is_member(
    conn: &mut PgConnection,
    organisation: OrganisationId,
    from: NaiveDate,
) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM alliance_members WHERE organisation_id = $1 AND (member_until IS NULL OR member_until >= $2))",
    )
    .bind(organisation.uuid())
    .bind(from)
    .fetch_one(conn)
    .await?)
}

/// The names of the alliances that some organisations are in on a day.
pub async fn names(
    conn: &mut PgConnection,
    organisations: &[Uuid],
    on: NaiveDate,
) -> Result<HashMap<Uuid, String>, postgres::Error> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT organisation_id, name FROM alliance_members JOIN alliances ON alliances.id = alliance_id \
         WHERE organisation_id = ANY ($1) AND member_from <= $2 AND (member_until IS NULL OR member_until >= $2)",
    )
    .bind(organisations)
    .bind(on)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

pub async fn get(conn: &mut PgConnection, id: AllianceId) -> Result<Option<Alliance>, postgres::Error> {
    let row: Option<Row> =
        sqlx::query_as("SELECT id, region, name, kind, lead_organisation_id, formed_at FROM alliances WHERE id = $1")
            .bind(id.uuid())
            .fetch_optional(&mut *conn)
            .await?;
    Ok(with_members(conn, row.into_iter().collect()).await?.pop())
}

/// Alliances of a region by name, after the one named last.
pub async fn list(
    conn: &mut PgConnection,
    region: RegionCode,
    after: Option<&(String, Uuid)>,
    limit: i64,
) -> Result<Vec<Alliance>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, name, kind, lead_organisation_id, formed_at FROM alliances WHERE region = $1 \
         AND ($2::text IS NULL OR (name, id) > ($2, $3)) ORDER BY name, id LIMIT $4",
    )
    .bind(region.as_str())
    .bind(after.map(|(name, _)| name.as_str()))
    .bind(after.map(|(_, id)| *id))
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    with_members(conn, rows).await
}

pub fn audited(entry: Entry, alliance: &Alliance) -> Entry {
    entry.row(TABLE, alliance.id)
}

pub fn member_audited(entry: Entry, member: &Member) -> Entry {
    entry.row(MEMBERS, member.row)
}

async fn with_members(conn: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Alliance>, postgres::Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let members: Vec<MemberRow> = sqlx::query_as(
        "SELECT id, alliance_id, organisation_id, member_from, member_until FROM alliance_members \
         WHERE alliance_id = ANY ($1) ORDER BY alliance_id, member_from, id",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let mut by_alliance: HashMap<Uuid, Vec<Member>> = HashMap::new();
    for member in members {
        by_alliance.entry(member.alliance_id).or_default().push(Member {
            row: member.id,
            organisation: OrganisationId::from_uuid(member.organisation_id),
            from: member.member_from,
            until: member.member_until,
        });
    }
    rows.into_iter()
        .map(|row| {
            let members = by_alliance.remove(&row.id).unwrap_or_default();
            row.alliance(members)
        })
        .collect()
}

impl Row {
    fn alliance(self, members: Vec<Member>) -> Result<Alliance, postgres::Error> {
        let kind = Kind::parse(&self.kind);
        Ok(Alliance {
            id: AllianceId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            name: self.name,
            kind: kind.ok_or_else(|| postgres::Error::row_invalid(TABLE, "kind", self.id))?,
            lead: OrganisationId::from_uuid(self.lead_organisation_id),
            members,
            formed_at: self.formed_at,
        })
    }
}
