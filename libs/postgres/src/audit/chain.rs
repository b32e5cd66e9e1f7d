use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Row, What, digest::Parts};
use crate::Error;

/// How many entries are read at once while verifying.
const VERIFY_BATCH: i64 = 1000;

/// What became of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry is there and as it was sealed. `hash` stands for all of them.
    Intact { entries: i64, hash: [u8; 32] },
    /// The first position at which it is not.
    Broken { position: i64, kind: Break },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// No entry at this position.
    Missing,
    /// The entry does not follow from the one before it.
    Unlinked,
    /// The entry's values do not give its hash.
    Edited,
    /// The chain does not end where the sealer left it.
    HeadDiffers,
}

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
struct Sealed {
    #[sqlx(flatten)]
    entry: Stored,
    position: i64,
    previous_hash: Vec<u8>,
    hash: Vec<u8>,
}

impl Stored {
    /// The hash of this entry at this place of the chain; `None` if its rows are not what we write.
    fn hash(&self, previous: &[u8; 32], position: i64) -> Option<[u8; 32]> {
        let rows: Vec<Row> = serde_json::from_value(self.rows.clone()).ok()?;
        let mut parts = Parts::default();
        parts.bytes(b"anjia audit entry v1");
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
        parts.bytes(&self.salt);
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
        Some(parts.finish())
    }
}

/// Chains up to `max` committed entries in order of insertion. The caller holds the sealer's lease in this transaction.
pub(crate) async fn seal(conn: &mut PgConnection, max: i64) -> Result<u64, Error> {
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

    let (mut position, mut head) = head(&mut *conn).await?;
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

async fn head(conn: &mut PgConnection) -> Result<(i64, [u8; 32]), Error> {
    Ok(sqlx::query_as("SELECT position, hash FROM chain_heads WHERE chain = 'audit_entries'").fetch_one(conn).await?)
}

/// Reads the whole chain and names the first place at which it is broken. `conn` must see all regions: the worker's role in
/// [`crate::Scope::Worker`], or the owner's.
pub async fn verify(conn: &mut PgConnection) -> Result<Verdict, Error> {
    // One statement, one snapshot: nothing can be sealed in between.
    let (head_position, head_hash, last_position): (i64, [u8; 32], i64) = sqlx::query_as(
        "SELECT position, hash, (SELECT coalesce(max(position), 0) FROM audit_entries) \
         FROM chain_heads WHERE chain = 'audit_entries'",
    )
    .fetch_one(&mut *conn)
    .await?;

    let (mut position, mut hash) = (0, [0; 32]);
    while position < head_position.max(last_position) {
        let entries: Vec<Sealed> = sqlx::query_as(
            "SELECT sequence, region, actor, subject, organisation_id, delegation_id, resident_id, action, rows, salt, occurred_at, \
                    position, previous_hash, hash \
             FROM audit_entries WHERE position > $1 ORDER BY position LIMIT $2",
        )
        .bind(position)
        .bind(VERIFY_BATCH)
        .fetch_all(&mut *conn)
        .await?;
        if entries.is_empty() {
            return Ok(Verdict::Broken { position: position + 1, kind: Break::Missing });
        }
        for sealed in entries {
            position += 1;
            if let Err(kind) = check(&sealed, position, &hash) {
                return Ok(Verdict::Broken { position, kind });
            }
            hash = sealed.hash.try_into().map_err(|_| Error::row_invalid("audit_entries", "hash", position))?;
            if position == head_position && hash != head_hash {
                return Ok(Verdict::Broken { position, kind: Break::HeadDiffers });
            }
        }
    }
    if last_position > head_position {
        return Ok(Verdict::Broken { position: head_position + 1, kind: Break::HeadDiffers });
    }
    Ok(Verdict::Intact { entries: position, hash })
}

fn check(sealed: &Sealed, position: i64, previous: &[u8; 32]) -> Result<(), Break> {
    if sealed.position != position {
        return Err(Break::Missing);
    }
    if sealed.previous_hash != previous {
        return Err(Break::Unlinked);
    }
    match sealed.entry.hash(previous, position) {
        Some(hash) if sealed.hash == hash => Ok(()),
        _ => Err(Break::Edited),
    }
}
