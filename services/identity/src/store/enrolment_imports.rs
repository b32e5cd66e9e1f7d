//! Files of enrolments: which were taken in, how far, and what was rejected.

use chrono::{DateTime, Utc};
use postgres::audit::{Entry, id};
use sqlx::{FromRow, PgConnection};
use types::ids::{ImportId, OrganisationId};
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::import::UnknownPersons;

const IMPORTS: &str = "enrolment_imports";
const BATCHES: &str = "enrolment_import_batches";
const REJECTIONS: &str = "enrolment_import_rejections";
pub const REFUSALS: &str = "enrolment_import_refusals";

/// A file that is taken in.
#[derive(Debug, Clone)]
pub struct Import {
    pub id: ImportId,
    pub region: RegionCode,
    pub file_digest: [u8; 32],
    pub unknown_persons: UnknownPersons,
    pub row_count: i64,
    pub recorder: OrganisationId,
    pub started_at: DateTime<Utc>,
}

/// A file of which nothing, or nothing more, is taken in.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub region: RegionCode,
    pub file_digest: [u8; 32],
    pub reason: &'static str,
    /// As whoever ran the import said; perhaps registered nowhere.
    pub recorder: OrganisationId,
    pub refused_at: DateTime<Utc>,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct Standing {
    /// Of the last batch; 0 before the first.
    pub number: i64,
    pub next_line: i64,
    pub next_offset: i64,
    pub row_count: i64,
    pub recorded: i64,
    pub corrected: i64,
    pub unchanged: i64,
    pub rejected: i64,
    pub registered: i64,
}

impl Standing {
    /// The same after one more batch.
    #[must_use]
    pub const fn and(self, batch: Self) -> Self {
        Self {
            number: batch.number,
            next_line: batch.next_line,
            next_offset: batch.next_offset,
            row_count: self.row_count + batch.row_count,
            recorded: self.recorded + batch.recorded,
            corrected: self.corrected + batch.corrected,
            unchanged: self.unchanged + batch.unchanged,
            rejected: self.rejected + batch.rejected,
            registered: self.registered + batch.registered,
        }
    }
}

/// A line that was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RejectedLine {
    pub line: i64,
    pub reason: String,
    pub field: String,
    pub masked_id: String,
}

/// The import of this file: a new one, or the one that was begun before.
pub async fn begin(conn: &mut PgConnection, import: &Import) -> Result<ImportId, postgres::Error> {
    sqlx::query(
        "INSERT INTO enrolment_imports (id, region, file_digest, unknown_persons, row_count, recorder_organisation_id, started_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(import.id.uuid())
    .bind(import.region.as_str())
    .bind(import.file_digest.as_slice())
    .bind(import.unknown_persons.as_str())
    .bind(import.row_count)
    .bind(import.recorder.uuid())
    .bind(import.started_at)
    .execute(&mut *conn)
    .await?;
    let id: Uuid = sqlx::query_scalar(
        "SELECT id FROM enrolment_imports WHERE region = $1 AND file_digest = $2 AND unknown_persons = $3",
    )
    .bind(import.region.as_str())
    .bind(import.file_digest.as_slice())
    .bind(import.unknown_persons.as_str())
    .fetch_one(conn)
    .await?;
    Ok(ImportId::from_uuid(id))
}

/// Sums of all batches, and where the next one begins.
pub async fn standing(conn: &mut PgConnection, id: ImportId) -> Result<Standing, postgres::Error> {
    Ok(sqlx::query_as(
        "SELECT coalesce(max(number), 0) AS number, coalesce(max(next_line), 0) AS next_line, \
         coalesce(max(next_offset), 0) AS next_offset, coalesce(sum(row_count), 0)::bigint AS row_count, \
         coalesce(sum(recorded), 0)::bigint AS recorded, coalesce(sum(corrected), 0)::bigint AS corrected, \
         coalesce(sum(unchanged), 0)::bigint AS unchanged, coalesce(sum(rejected), 0)::bigint AS rejected, \
         coalesce(sum(registered), 0)::bigint AS registered FROM enrolment_import_batches WHERE import_id = $1",
    )
    .bind(id.uuid())
    .fetch_one(conn)
    .await?)
}

/// Marks a batch as done, `done` being of it alone. False if another process has done it.
pub async fn add_batch(
    conn: &mut PgConnection,
    import: &Import,
    first_line: i64,
    done: &Standing,
) -> Result<bool, postgres::Error> {
    let added = sqlx::query(
        "INSERT INTO enrolment_import_batches (import_id, region, number, first_line, next_line, next_offset, row_count, \
         recorded, corrected, unchanged, rejected, registered, committed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now()) ON CONFLICT DO NOTHING",
    )
    .bind(import.id.uuid())
    .bind(import.region.as_str())
    .bind(done.number)
    .bind(first_line)
    .bind(done.next_line)
    .bind(done.next_offset)
    .bind(done.row_count)
    .bind(done.recorded)
    .bind(done.corrected)
    .bind(done.unchanged)
    .bind(done.rejected)
    .bind(done.registered)
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// Keeps that a file was refused, and answers by which id.
pub async fn refuse(conn: &mut PgConnection, refusal: &Refusal) -> Result<Uuid, postgres::Error> {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO enrolment_import_refusals (id, region, file_digest, reason, recorder_organisation_id, refused_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(refusal.region.as_str())
    .bind(refusal.file_digest.as_slice())
    .bind(refusal.reason)
    .bind(refusal.recorder.uuid())
    .bind(refusal.refused_at)
    .execute(conn)
    .await?;
    Ok(id)
}

pub async fn reject(
    conn: &mut PgConnection,
    import: &Import,
    rejected: &[RejectedLine],
) -> Result<(), postgres::Error> {
    if rejected.is_empty() {
        return Ok(());
    }
    let texts = |text: fn(&RejectedLine) -> &str| rejected.iter().map(|row| text(row).to_owned()).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO enrolment_import_rejections (import_id, region, line, reason, field, masked_id) \
         SELECT $1, $2, * FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[])",
    )
    .bind(import.id.uuid())
    .bind(import.region.as_str())
    .bind(rejected.iter().map(|row| row.line).collect::<Vec<_>>())
    .bind(texts(|row| &row.reason))
    .bind(texts(|row| &row.field))
    .bind(texts(|row| &row.masked_id))
    .execute(conn)
    .await?;
    Ok(())
}

/// Rejected lines after one, in order.
pub async fn rejections(
    conn: &mut PgConnection,
    id: ImportId,
    after_line: i64,
    limit: i64,
) -> Result<Vec<RejectedLine>, postgres::Error> {
    Ok(sqlx::query_as(
        "SELECT line, reason, field, masked_id FROM enrolment_import_rejections WHERE import_id = $1 AND line > $2 \
         ORDER BY line LIMIT $3",
    )
    .bind(id.uuid())
    .bind(after_line)
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Names the batch, which names the file's lines and what they came to, and the lines that were rejected.
pub fn audited(entry: Entry, import: &Import, number: i64, rejected: &[RejectedLine]) -> Entry {
    let entry = entry.row(IMPORTS, import.id).row(BATCHES, id(&[&import.id, &number]));
    rejected.iter().fold(entry, |entry, rejected| entry.row(REJECTIONS, id(&[&import.id, &rejected.line])))
}
