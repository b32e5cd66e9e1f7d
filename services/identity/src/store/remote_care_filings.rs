use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{OrganisationId, RemoteCareFilingId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::remote_care::{Filing, Kind};

const TABLE: &str = "remote_care_filings";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    kind: String,
    care_region: String,
    valid_from: NaiveDate,
    valid_until: Option<NaiveDate>,
    evidence: String,
    recorder_organisation_id: Option<Uuid>,
    filed_at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, region, resident_id, kind, care_region, valid_from, valid_until, evidence, recorder_organisation_id, ",
            "filed_at, withdrawn_at FROM remote_care_filings ",
            $rest
        )
    };
}

/// False if there is one with this id. The caller holds the resident's lock and has asked [`overlaps`].
pub async fn insert(conn: &mut PgConnection, filing: &Filing) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO remote_care_filings (id, region, resident_id, kind, care_region, valid_from, valid_until, evidence, \
         recorder_organisation_id, filed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(filing.id.uuid())
    .bind(filing.region.as_str())
    .bind(filing.resident.uuid())
    .bind(filing.kind.as_str())
    .bind(filing.care_region.as_str())
    .bind(filing.from)
    .bind(filing.until)
    .bind(&filing.evidence)
    .bind(filing.recorder.map(OrganisationId::uuid))
    .bind(filing.filed_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether care in the same region is filed for some of the days.
pub async fn overlaps(conn: &mut PgConnection, filing: &Filing) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM remote_care_filings WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND care_region = $2 AND withdrawn_at IS NULL \
         AND daterange(valid_from, valid_until, '[]') && daterange($3, $4, '[]'))",
    )
    .bind(filing.resident.uuid())
    .bind(filing.care_region.as_str())
    .bind(filing.from)
    .bind(filing.until)
    .fetch_one(conn)
    .await?)
}

pub async fn get(conn: &mut PgConnection, id: RemoteCareFilingId) -> Result<Option<Filing>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::filing).transpose()
}

/// The same, keeping others from withdrawing it.
pub async fn lock(conn: &mut PgConnection, id: RemoteCareFilingId) -> Result<Option<Filing>, postgres::Error> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR NO KEY UPDATE")).bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::filing).transpose()
}

pub async fn withdraw(conn: &mut PgConnection, filing: &Filing) -> Result<(), postgres::Error> {
    sqlx::query("UPDATE remote_care_filings SET withdrawn_at = $2 WHERE id = $1")
        .bind(filing.id.uuid())
        .bind(filing.withdrawn_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Those good on a day, as it is believed now or was at a time.
pub async fn valid_on(
    conn: &mut PgConnection,
    resident: ResidentId,
    on: NaiveDate,
    known_at: Option<DateTime<Utc>>,
) -> Result<Vec<Filing>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND valid_from <= $2 AND (valid_until IS NULL OR valid_until >= $2) \
         AND CASE WHEN $3::timestamptz IS NULL THEN withdrawn_at IS NULL \
             ELSE filed_at <= $3 AND (withdrawn_at IS NULL OR withdrawn_at > $3) END ORDER BY valid_from, id"
    ))
    .bind(resident.uuid())
    .bind(on)
    .bind(known_at)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::filing).collect()
}

pub fn audited(entry: Entry, filing: &Filing) -> Entry {
    entry.resident(filing.resident).row(TABLE, filing.id)
}

impl Row {
    fn filing(self) -> Result<Filing, postgres::Error> {
        Ok(Filing {
            id: RemoteCareFilingId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            kind: Kind::parse(&self.kind).ok_or_else(|| postgres::Error::row_invalid(TABLE, "kind", self.id))?,
            care_region: column(TABLE, "care_region", self.id, &self.care_region)?,
            from: self.valid_from,
            until: self.valid_until,
            evidence: self.evidence,
            recorder: self.recorder_organisation_id.map(OrganisationId::from_uuid),
            filed_at: self.filed_at,
            withdrawn_at: self.withdrawn_at,
        })
    }
}
