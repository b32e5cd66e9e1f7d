use chrono::{DateTime, Utc};
use futures_util::Stream;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{
    Row, What,
    digest::{Parts, Reader},
    merkle::Hash,
};
use crate::Error;

/// Begins what is hashed of an entry.
const LABEL: &[u8] = b"anjia audit entry v1";

#[derive(FromRow)]
struct Stored {
    sequence: i64,
    region: String,
    actor: String,
    subject: String,
    organisation_id: Option<Uuid>,
    delegation_id: Option<Uuid>,
    resident_id: Option<Uuid>,
    action: String,
    rows: Value,
    salt: Vec<u8>,
    occurred_at: DateTime<Utc>,
}

#[derive(FromRow)]
pub(super) struct Sealed {
    #[sqlx(flatten)]
    entry: Stored,
    pub(super) position: i64,
    previous_hash: Hash,
    hash: Hash,
    /// Of the checkpoint that ends with it, if the database has one.
    pub(super) root: Option<Hash>,
    pub(super) note: Option<String>,
}

impl Stored {
    /// The hash of this entry at this place of the chain; `None` if its rows are not what we write.
    fn hash(&self, previous: &Hash, position: i64) -> Option<Hash> {
        Some(Sha256::digest(self.canonical(previous, position)?).into())
    }

    /// What is hashed, in which everything can be read again; of the salt only that it is this one.
    fn canonical(&self, previous: &Hash, position: i64) -> Option<Vec<u8>> {
        let rows: Vec<Row> = serde_json::from_value(self.rows.clone()).ok()?;
        let mut parts = Parts::default();
        parts.bytes(LABEL);
        parts.bytes(previous);
        parts.bytes(&position.to_be_bytes());
        parts.bytes(&self.sequence.to_be_bytes());
        parts.bytes(self.region.as_bytes());
        parts.bytes(self.actor.as_bytes());
        parts.bytes(self.subject.as_bytes());
        parts.optional(self.organisation_id.as_ref().map(|id| id.as_bytes().as_slice()));
        parts.optional(self.delegation_id.as_ref().map(|id| id.as_bytes().as_slice()));
        parts.optional(self.resident_id.as_ref().map(|id| id.as_bytes().as_slice()));
        parts.bytes(self.action.as_bytes());
        parts.bytes(&self.occurred_at.timestamp_micros().to_be_bytes());
        parts.bytes(&Sha256::digest(&self.salt));
        for row in &rows {
            parts.bytes(row.table.as_bytes());
            parts.bytes(row.id.as_bytes());
            match row.what {
                What::Written { columns, digest } => {
                    parts.bytes(b"written");
                    parts.bytes(&columns.to_be_bytes());
                    parts.bytes(&digest);
                }
                What::Read => parts.bytes(b"read"),
                What::Removed => parts.bytes(b"removed"),
            }
        }
        Some(parts.into_bytes())
    }
}

/// Chains up to `max` committed entries in order of insertion. The caller holds the sealer's lease in this transaction.
pub async fn seal(conn: &mut PgConnection, max: i64) -> Result<u64, Error> {
    let entries: Vec<Stored> = sqlx::query_as(
        "SELECT sequence, region, actor, subject, organisation_id, delegation_id, resident_id, action, rows, salt, occurred_at \
         FROM audit_entries WHERE position IS NULL ORDER BY sequence LIMIT $1",
    )
    .bind(max)
    .fetch_all(&mut *conn)
    .await?;
    if entries.is_empty() {
        return Ok(0);
    }

    let (mut position, mut head) = self::head(&mut *conn).await?;
    let (mut sequences, mut positions, mut previous_hashes, mut hashes) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for entry in &entries {
        position += 1;
        let hash =
            entry.hash(&head, position).ok_or_else(|| Error::row_invalid("audit_entries", "rows", entry.sequence))?;
        sequences.push(entry.sequence);
        positions.push(position);
        previous_hashes.push(head.to_vec());
        hashes.push(hash.to_vec());
        head = hash;
    }

    let sealed = sqlx::query(
        "UPDATE audit_entries entry SET position = link.position, previous_hash = link.previous_hash, hash = link.hash \
         FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[]) AS link (sequence, position, previous_hash, hash) \
         WHERE entry.sequence = link.sequence AND entry.position IS NULL",
    )
    .bind(&sequences)
    .bind(&positions)
    .bind(&previous_hashes)
    .bind(&hashes)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    sqlx::query("UPDATE chain_heads SET position = $1, hash = $2 WHERE chain = 'audit_entries'")
        .bind(position)
        .bind(head.as_slice())
        .execute(conn)
        .await?;
    Ok(sealed)
}

pub(super) async fn head(conn: &mut PgConnection) -> Result<(i64, Hash), Error> {
    Ok(sqlx::query_as("SELECT position, hash FROM chain_heads WHERE chain = 'audit_entries'").fetch_one(conn).await?)
}

/// The sealed entries in their order, as they are read.
pub(super) fn sealed(conn: &mut PgConnection) -> impl Stream<Item = Result<Sealed, sqlx::Error>> {
    sqlx::query_as(
        "SELECT sequence, region, actor, subject, organisation_id, delegation_id, resident_id, action, rows, salt, occurred_at, \
                position, previous_hash, hash, checkpoint.root, checkpoint.note \
         FROM audit_entries LEFT JOIN audit_checkpoints AS checkpoint ON checkpoint.size = position \
         WHERE position IS NOT NULL ORDER BY position",
    )
    .fetch(conn)
}

impl Sealed {
    pub(super) const fn hash(&self) -> Hash {
        self.hash
    }

    /// The hash that the entry before it had when this one was sealed.
    pub(super) const fn previous(&self) -> Hash {
        self.previous_hash
    }

    /// What is wrong with the entry after one with the hash `previous`.
    pub(super) fn check(&self, previous: &Hash) -> Result<(), &'static str> {
        if self.previous_hash != *previous {
            return Err("the entry does not follow from the one before it");
        }
        match self.entry.hash(previous, self.position) {
            Some(hash) if self.hash == hash => Ok(()),
            _ => Err("the entry was edited"),
        }
    }
}

/// An entry as it stands in a receipt: read from the bytes that are hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryTold {
    pub position: u64,
    pub region: String,
    pub actor: String,
    pub subject: String,
    pub organisation_id: Option<Uuid>,
    pub delegation_id: Option<Uuid>,
    pub resident_id: Option<Uuid>,
    pub action: String,
    pub occurred_at: DateTime<Utc>,
    /// Rows that were read, written or removed.
    pub rows: Vec<RowTold>,
}

/// A row as an entry names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowTold {
    pub table: String,
    pub id: String,
    /// `read`, `written` or `removed`.
    pub what: String,
    /// Of a written row, in hexadecimal.
    pub digest: Option<String>,
}

/// The bytes of the entry at a position; `None` if there is no such entry.
pub(super) async fn canonical(conn: &mut PgConnection, position: i64) -> Result<Option<Vec<u8>>, Error> {
    let sealed: Option<Sealed> = sqlx::query_as(
        "SELECT sequence, region, actor, subject, organisation_id, delegation_id, resident_id, action, rows, salt, occurred_at, \
                position, previous_hash, hash, NULL::bytea AS root, NULL::text AS note \
         FROM audit_entries WHERE position = $1",
    )
    .bind(position)
    .fetch_optional(conn)
    .await?;
    Ok(sealed.and_then(|sealed| sealed.entry.canonical(&sealed.previous_hash, position)))
}

/// Reads the bytes of an entry; `None` if they are not those of one.
pub(super) fn told(canonical: &[u8]) -> Option<EntryTold> {
    let mut parts = Reader(canonical);
    let number = |part: &[u8]| Some(i64::from_be_bytes(part.try_into().ok()?));
    let id = |part: Option<&[u8]>| part.map(|part| Uuid::from_slice(part).ok());
    if parts.bytes()? != LABEL {
        return None;
    }
    let _previous = parts.bytes()?;
    let position = number(parts.bytes()?)?.try_into().ok()?;
    let _sequence = parts.bytes()?;
    let (region, actor, subject) = (parts.text()?.to_owned(), parts.text()?.to_owned(), parts.text()?.to_owned());
    let (organisation, delegation, resident) = (id(parts.optional()?), id(parts.optional()?), id(parts.optional()?));
    let action = parts.text()?.to_owned();
    let occurred_at = DateTime::from_timestamp_micros(number(parts.bytes()?)?)?;
    let _salt = parts.bytes()?;
    let mut rows = vec![];
    while !parts.is_at_end() {
        let (table, id, what) = (parts.text()?.to_owned(), parts.text()?.to_owned(), parts.text()?.to_owned());
        let digest = if what == "written" {
            let _columns = parts.bytes()?;
            Some(hex::encode(parts.bytes()?))
        } else {
            None
        };
        rows.push(RowTold { table, id, what, digest });
    }
    Some(EntryTold {
        position,
        region,
        actor,
        subject,
        organisation_id: organisation.flatten(),
        delegation_id: delegation.flatten(),
        resident_id: resident.flatten(),
        action,
        occurred_at,
        rows,
    })
}
