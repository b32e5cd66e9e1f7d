use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use postgres::vault::{Cell, Vault};
use sqlx::{FromRow, PgConnection};
use types::identifier::{Identifier, IdentifierKind};
use types::ids::{IdentifierId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::identifier::{Document, Validity, Withdrawal};

const TABLE: &str = "identifiers";
const NUMBER: &str = "number_sealed";
const NUMBER_INDEX: &str = "identifiers.number";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    kind: String,
    country: Option<String>,
    number_sealed: Vec<u8>,
    key_version: i32,
    valid_from: Option<NaiveDate>,
    valid_until: Option<NaiveDate>,
    evidence: String,
    adder_organisation_id: Option<Uuid>,
    added_at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
    withdrawal_reason: Option<String>,
}

/// False if somebody of the whole installation has the document, or this resident another number by GB 11643, or the id is taken.
pub async fn insert(conn: &mut PgConnection, vault: &Vault, document: &Document) -> Result<bool, postgres::Error> {
    let keys = vault.keys(document.region)?;
    let done = sqlx::query(
        "INSERT INTO identifiers (id, region, resident_id, kind, country, number_sealed, key_version, number_index, valid_from, \
         valid_until, evidence, adder_organisation_id, added_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING",
    )
    .bind(document.id.uuid())
    .bind(document.region.as_str())
    .bind(document.resident.uuid())
    .bind(document.identifier.kind().as_str())
    .bind(document.identifier.country())
    .bind(keys.seal(cell(document.id.uuid()), document.identifier.expose())?)
    .bind(keys.version())
    .bind(vault.blind_index(NUMBER_INDEX, &indexed(&document.identifier))?)
    .bind(document.validity.from)
    .bind(document.validity.until)
    .bind(&document.evidence)
    .bind(document.adder.map(OrganisationId::uuid))
    .bind(document.added_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Who has the document, by its whole number, without opening any row.
pub async fn holder(
    conn: &mut PgConnection,
    vault: &Vault,
    identifier: &Identifier,
) -> Result<Option<ResidentId>, postgres::Error> {
    let holder: Option<Uuid> = sqlx::query_scalar(
        "SELECT resident_id FROM identifiers WHERE number_index = ANY ($1) AND withdrawn_at IS NULL",
    )
    .bind(vault.blind_indexes(NUMBER_INDEX, &indexed(identifier))?)
    .fetch_optional(conn)
    .await?;
    Ok(holder.map(ResidentId::from_uuid))
}

/// Who has each of these, by the id they go by, in their order; none where nobody of the region in sight has.
pub async fn holders(
    conn: &mut PgConnection,
    vault: &Vault,
    identifiers: &[Identifier],
) -> Result<Vec<Option<ResidentId>>, postgres::Error> {
    let (mut indexes, mut places) = (vec![], vec![]);
    for (place, identifier) in identifiers.iter().enumerate() {
        for index in vault.blind_indexes(NUMBER_INDEX, &indexed(identifier))? {
            indexes.push(index);
            places.push(i64::try_from(place).unwrap_or(i64::MAX));
        }
    }
    let found: Vec<(i64, Uuid)> = sqlx::query_as(
        "SELECT wanted.place, CASE WHEN EXISTS (SELECT FROM resident_aliases alias WHERE alias.resident_id = held.resident_id) \
             THEN survivor(held.resident_id) ELSE held.resident_id END \
         FROM unnest($1::bytea[], $2::bigint[]) AS wanted (number_index, place) \
         JOIN identifiers held ON held.number_index = wanted.number_index AND held.withdrawn_at IS NULL",
    )
    // Planned for as many as are asked for and as there are now: an import asks the same of a growing table.
    .persistent(false)
    .bind(indexes)
    .bind(places)
    .fetch_all(conn)
    .await?;
    let mut holders = vec![None; identifiers.len()];
    for (place, holder) in found {
        if let Some(known) = usize::try_from(place).ok().and_then(|place| holders.get_mut(place)) {
            *known = Some(ResidentId::from_uuid(holder));
        }
    }
    Ok(holders)
}

/// Documents of these residents, each under the id that was asked for, oldest first.
pub async fn of(
    conn: &mut PgConnection,
    vault: &Vault,
    residents: &[ResidentId],
) -> Result<Vec<Document>, postgres::Error> {
    let residents: Vec<Uuid> = residents.iter().map(|id| id.uuid()).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, asked AS resident_id, kind, country, number_sealed, key_version, valid_from, valid_until, evidence, \
         adder_organisation_id, added_at, withdrawn_at, withdrawal_reason \
         FROM same_persons($1) CROSS JOIN LATERAL (SELECT * FROM identifiers WHERE resident_id = own OFFSET 0) AS theirs ORDER BY added_at, id",
    )
    .bind(residents)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.open(vault)).collect()
}

pub async fn get(
    conn: &mut PgConnection,
    vault: &Vault,
    id: IdentifierId,
) -> Result<Option<Document>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, kind, country, number_sealed, key_version, valid_from, valid_until, evidence, \
         adder_organisation_id, added_at, withdrawn_at, withdrawal_reason FROM identifiers WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.open(vault)).transpose()
}

/// False if it was withdrawn before.
pub async fn withdraw(
    conn: &mut PgConnection,
    id: IdentifierId,
    withdrawal: &Withdrawal,
) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "UPDATE identifiers SET withdrawn_at = $2, withdrawal_reason = $3 WHERE id = $1 AND withdrawn_at IS NULL",
    )
    .bind(id.uuid())
    .bind(withdrawal.at)
    .bind(&withdrawal.reason)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// With the plain text, so that sealing it anew leaves the digest.
pub fn audited(entry: Entry, document: &Document) -> Entry {
    entry.resident(document.resident).sealed_row(TABLE, document.id, [(NUMBER, Some(document.identifier.expose()))])
}

fn indexed(identifier: &Identifier) -> String {
    format!("{}|{}|{}", identifier.kind(), identifier.country().unwrap_or_default(), identifier.expose())
}

const fn cell(row: Uuid) -> Cell {
    Cell { table: TABLE, column: NUMBER, row }
}

impl Row {
    fn open(self, vault: &Vault) -> Result<Document, postgres::Error> {
        let kind: IdentifierKind = column(TABLE, "kind", self.id, &self.kind)?;
        let region = column(TABLE, "region", self.id, &self.region)?;
        let number = vault.keys(region)?.open(cell(self.id), self.key_version, &self.number_sealed)?;
        let identifier = Identifier::parse(kind, &number, self.country.as_deref().unwrap_or_default())
            .map_err(|_| postgres::Error::row_invalid(TABLE, NUMBER, self.id))?;
        let withdrawn = self.withdrawn_at.zip(self.withdrawal_reason);
        Ok(Document {
            id: IdentifierId::from_uuid(self.id),
            region,
            resident: ResidentId::from_uuid(self.resident_id),
            identifier,
            validity: Validity { from: self.valid_from, until: self.valid_until },
            evidence: self.evidence,
            adder: self.adder_organisation_id.map(OrganisationId::from_uuid),
            added_at: self.added_at,
            withdrawn: withdrawn.map(|(at, reason)| Withdrawal { at, reason }),
        })
    }
}
