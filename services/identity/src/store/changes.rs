use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use postgres::vault::{Cell, Vault};
use sqlx::{FromRow, PgConnection};
use types::ids::{ChangeId, OrganisationId, ResidentId};
use types::redacted::Redacted;
use uuid::Uuid;

use super::column;
use crate::domain::change::Change;

const TABLE: &str = "resident_changes";
const OLD: &str = "old_sealed";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    revision: i32,
    field: String,
    old_sealed: Option<Vec<u8>>,
    key_version: i32,
    changed_by: String,
    organisation_id: Option<Uuid>,
    evidence: String,
    changed_at: DateTime<Utc>,
}

pub async fn insert(conn: &mut PgConnection, vault: &Vault, change: &Change) -> Result<(), postgres::Error> {
    let keys = vault.keys(change.region)?;
    let old = change.old.as_ref().map(|old| keys.seal(cell(change.id.uuid()), old.expose())).transpose()?;
    sqlx::query(
        "INSERT INTO resident_changes (id, region, resident_id, revision, field, old_sealed, key_version, changed_by, \
         organisation_id, evidence, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(change.id.uuid())
    .bind(change.region.as_str())
    .bind(change.resident.uuid())
    .bind(change.revision)
    .bind(&change.field)
    .bind(old)
    .bind(keys.version())
    .bind(change.changed_by.to_string())
    .bind(change.organisation.map(OrganisationId::uuid))
    .bind(&change.evidence)
    .bind(change.changed_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes of a resident, newest first, after the one named last.
pub async fn list(
    conn: &mut PgConnection,
    vault: &Vault,
    resident: ResidentId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Change>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, revision, field, old_sealed, key_version, changed_by, organisation_id, evidence, \
         changed_at FROM resident_changes WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
    )
    .bind(resident.uuid())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.open(vault)).collect()
}

/// With the plain text, so that sealing it anew leaves the digest.
pub fn audited(entry: Entry, change: &Change) -> Entry {
    let old = change.old.as_ref().map(|old| old.expose().as_str());
    entry.resident(change.resident).sealed_row(TABLE, change.id, [(OLD, old)])
}

const fn cell(row: Uuid) -> Cell {
    Cell { table: TABLE, column: OLD, row }
}

impl Row {
    fn open(self, vault: &Vault) -> Result<Change, postgres::Error> {
        let region = column(TABLE, "region", self.id, &self.region)?;
        let keys = vault.keys(region)?;
        let open = |sealed: &Vec<u8>| keys.open(cell(self.id), self.key_version, sealed).map(Redacted::new);
        Ok(Change {
            id: ChangeId::from_uuid(self.id),
            region,
            resident: ResidentId::from_uuid(self.resident_id),
            revision: self.revision,
            old: self.old_sealed.as_ref().map(open).transpose()?,
            changed_by: column(TABLE, "changed_by", self.id, &self.changed_by)?,
            field: self.field,
            organisation: self.organisation_id.map(OrganisationId::from_uuid),
            evidence: self.evidence,
            changed_at: self.changed_at,
        })
    }
}
