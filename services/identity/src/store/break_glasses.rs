use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use postgres::vault::{Cell, Vault};
use sqlx::{FromRow, PgConnection};
use types::caller::Party;
use types::ids::{BreakGlassId, OrganisationId, ResidentId};
use types::redacted::Redacted;
use types::region::RegionCode;
use uuid::Uuid;

use super::column;
use crate::domain::break_glass::{BreakGlass, Reason, Review, Verdict};

const TABLE: &str = "break_glasses";
const JUSTIFICATION: &str = "justification_sealed";

/// What of it is sealed.
pub const SEALED: &[&str] = &[JUSTIFICATION];

/// Where a page ended: when it was opened, and its id.
pub type ListKey = (DateTime<Utc>, Uuid);

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    organisation_id: Uuid,
    opened_by: String,
    reason: String,
    justification_sealed: Vec<u8>,
    key_version: i32,
    opened_at: DateTime<Utc>,
    closes_at: DateTime<Utc>,
    verdict: Option<String>,
    reviewed_by: Option<String>,
    reviewed_at: Option<DateTime<Utc>>,
}

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, region, resident_id, organisation_id, opened_by, reason, justification_sealed, key_version, opened_at, ",
            "closes_at, verdict, reviewed_by, reviewed_at FROM break_glasses ",
            $rest
        )
    };
}

/// Counts one more opening of a clinician on a day; false if there are as many as may be.
pub async fn count(
    conn: &mut PgConnection,
    region: RegionCode,
    opened_by: &Party,
    day: NaiveDate,
    per_day_max: u16,
) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO break_glass_days AS counted (opened_by, day, region, opened) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (opened_by, day) DO UPDATE SET opened = counted.opened + 1 WHERE counted.opened < $4",
    )
    .bind(opened_by.to_string())
    .bind(day)
    .bind(region.as_str())
    .bind(i32::from(per_day_max))
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// False if there is one with this id.
pub async fn insert(conn: &mut PgConnection, vault: &Vault, opened: &BreakGlass) -> Result<bool, postgres::Error> {
    let keys = vault.keys(opened.region)?;
    let done = sqlx::query(
        "INSERT INTO break_glasses (id, region, resident_id, organisation_id, opened_by, reason, justification_sealed, \
         key_version, opened_at, closes_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(opened.id.uuid())
    .bind(opened.region.as_str())
    .bind(opened.resident.uuid())
    .bind(opened.organisation.uuid())
    .bind(opened.opened_by.to_string())
    .bind(opened.reason.as_str())
    .bind(keys.seal(cell(opened.id.uuid()), opened.justification.expose())?)
    .bind(keys.version())
    .bind(opened.opened_at)
    .bind(opened.closes_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps it from others until the end of the transaction.
pub async fn lock(
    conn: &mut PgConnection,
    vault: &Vault,
    id: BreakGlassId,
) -> Result<Option<BreakGlass>, postgres::Error> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR UPDATE")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(|row| row.open(vault)).transpose()
}

/// The opening that lasts longest of those in which an organisation may read a person's records at this moment.
pub async fn open(
    conn: &mut PgConnection,
    vault: &Vault,
    resident: ResidentId,
    organisation: OrganisationId,
    now: DateTime<Utc>,
) -> Result<Option<BreakGlass>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(select!(
        "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND organisation_id = $2 AND opened_at <= $3 AND closes_at > $3 \
         ORDER BY closes_at DESC, id LIMIT 1"
    ))
    .bind(resident.uuid())
    .bind(organisation.uuid())
    .bind(now)
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.open(vault)).transpose()
}

pub async fn review(conn: &mut PgConnection, reviewed: &BreakGlass) -> Result<(), postgres::Error> {
    let review = reviewed.review.as_ref();
    sqlx::query("UPDATE break_glasses SET verdict = $2, reviewed_by = $3, reviewed_at = $4 WHERE id = $1")
        .bind(reviewed.id.uuid())
        .bind(review.map(|review| review.verdict.as_str()))
        .bind(review.map(|review| review.by.to_string()))
        .bind(review.map(|review| review.at))
        .execute(conn)
        .await?;
    Ok(())
}

/// Whose openings are listed.
#[derive(Debug, Clone, Copy)]
pub enum Whose {
    Resident(ResidentId),
    Organisation(OrganisationId),
}

/// The newest first, after the one named last.
pub async fn list(
    conn: &mut PgConnection,
    vault: &Vault,
    whose: Whose,
    after: Option<&ListKey>,
    limit: i64,
) -> Result<Vec<BreakGlass>, postgres::Error> {
    // A statement each: one for both would have no index to go by.
    let (sql, id) = match whose {
        Whose::Resident(id) => (
            select!(
                "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND ($2::timestamptz IS NULL OR (opened_at, id) < ($2, $3)) \
                 ORDER BY opened_at DESC, id DESC LIMIT $4"
            ),
            id.uuid(),
        ),
        Whose::Organisation(id) => (
            select!(
                "WHERE organisation_id = $1 AND ($2::timestamptz IS NULL OR (opened_at, id) < ($2, $3)) \
                 ORDER BY opened_at DESC, id DESC LIMIT $4"
            ),
            id.uuid(),
        ),
    };
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(id)
        .bind(after.map(|(opened_at, _)| *opened_at))
        .bind(after.map(|(_, id)| *id))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(|row| row.open(vault)).collect()
}

/// What awaits review, the oldest first, after the one named last.
pub async fn unreviewed(
    conn: &mut PgConnection,
    vault: &Vault,
    after: Option<&ListKey>,
    limit: i64,
) -> Result<Vec<BreakGlass>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE verdict IS NULL AND ($1::timestamptz IS NULL OR (opened_at, id) > ($1, $2)) ORDER BY opened_at, id LIMIT $3"
    ))
    .bind(after.map(|(opened_at, _)| *opened_at))
    .bind(after.map(|(_, id)| *id))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.open(vault)).collect()
}

/// With the plain text, so that sealing it anew leaves the digest.
pub fn audited(entry: Entry, opened: &BreakGlass) -> Entry {
    let justification = Some(opened.justification.expose().as_str());
    entry.resident(opened.resident).sealed_row(TABLE, opened.id, [(JUSTIFICATION, justification)])
}

const fn cell(row: Uuid) -> Cell {
    Cell { table: TABLE, column: JUSTIFICATION, row }
}

impl Row {
    fn open(self, vault: &Vault) -> Result<BreakGlass, postgres::Error> {
        let invalid = |column| postgres::Error::row_invalid(TABLE, column, self.id);
        let review = match (&self.verdict, &self.reviewed_by, self.reviewed_at) {
            (None, None, None) => None,
            (Some(verdict), Some(by), Some(at)) => Some(Review {
                verdict: Verdict::parse(verdict).ok_or_else(|| invalid("verdict"))?,
                by: column(TABLE, "reviewed_by", self.id, by)?,
                at,
            }),
            _ => return Err(invalid("verdict")),
        };
        let region = column(TABLE, "region", self.id, &self.region)?;
        let justification = vault.keys(region)?.open(cell(self.id), self.key_version, &self.justification_sealed)?;
        Ok(BreakGlass {
            id: BreakGlassId::from_uuid(self.id),
            region,
            resident: ResidentId::from_uuid(self.resident_id),
            organisation: OrganisationId::from_uuid(self.organisation_id),
            opened_by: column(TABLE, "opened_by", self.id, &self.opened_by)?,
            reason: Reason::parse(&self.reason).ok_or_else(|| invalid("reason"))?,
            justification: Redacted::new(justification),
            opened_at: self.opened_at,
            closes_at: self.closes_at,
            review,
        })
    }
}
