use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::caller::{Party, Role};
use types::ids::OrganisationId;
use uuid::Uuid;

use super::column;
use crate::domain::link::{Basis, Link};

const TABLE: &str = "logins";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    issuer: String,
    subject: String,
    party: String,
    organisation_id: Option<Uuid>,
    roles: Vec<String>,
    basis: String,
    linked_at: DateTime<Utc>,
}

pub async fn get(conn: &mut PgConnection, issuer: &str, subject: &str) -> Result<Option<Link>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, issuer, subject, party, organisation_id, roles, basis, linked_at FROM logins \
         WHERE issuer = $1 AND subject = $2",
    )
    .bind(issuer)
    .bind(subject)
    .fetch_optional(conn)
    .await?;
    row.map(Row::link).transpose()
}

/// False if this login is somebody's already, here or in another region.
pub async fn insert(conn: &mut PgConnection, link: &Link) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO logins (id, region, issuer, subject, party, organisation_id, roles, basis, linked_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(link.id)
    .bind(link.region.as_str())
    .bind(&link.issuer)
    .bind(&link.subject)
    .bind(link.party.to_string())
    .bind(link.organisation.map(OrganisationId::uuid))
    .bind(roles(link))
    .bind(link.basis.as_str())
    .bind(link.linked_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Links a login or brings the link up to date: the row's id, or nothing if it is as it was.
pub async fn upsert(conn: &mut PgConnection, link: &Link) -> Result<Option<Uuid>, postgres::Error> {
    Ok(sqlx::query_scalar(
        "INSERT INTO logins AS known (id, region, issuer, subject, party, organisation_id, roles, basis, linked_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (issuer, subject) DO UPDATE \
         SET party = $5, organisation_id = $6, roles = $7, basis = $8, linked_at = $9 \
         WHERE (known.party, known.organisation_id, known.roles) IS DISTINCT FROM ($5, $6, $7) RETURNING id",
    )
    .bind(link.id)
    .bind(link.region.as_str())
    .bind(&link.issuer)
    .bind(&link.subject)
    .bind(link.party.to_string())
    .bind(link.organisation.map(OrganisationId::uuid))
    .bind(roles(link))
    .bind(link.basis.as_str())
    .bind(link.linked_at)
    .fetch_optional(conn)
    .await?)
}

pub fn audited(entry: Entry, party: &Party, row: Uuid) -> Entry {
    let entry = match party {
        Party::Resident(id) => entry.resident(*id),
        _ => entry,
    };
    entry.row(TABLE, row)
}

fn roles(link: &Link) -> Vec<String> {
    link.roles.iter().map(Role::to_string).collect()
}

impl Row {
    fn link(self) -> Result<Link, postgres::Error> {
        let roles: Result<BTreeSet<Role>, _> =
            self.roles.iter().map(|role| column(TABLE, "roles", self.id, role)).collect();
        Ok(Link {
            id: self.id,
            region: column(TABLE, "region", self.id, &self.region)?,
            party: column(TABLE, "party", self.id, &self.party)?,
            organisation: self.organisation_id.map(OrganisationId::from_uuid),
            roles: roles?,
            basis: Basis::parse(&self.basis).ok_or_else(|| postgres::Error::row_invalid(TABLE, "basis", self.id))?,
            linked_at: self.linked_at,
            issuer: self.issuer,
            subject: self.subject,
        })
    }
}
