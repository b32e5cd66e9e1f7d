//! `abuse_reports`: what was reported. Who reported is sealed, and no query of the service opens it.

use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use postgres::vault::{Cell, Keys};
use postgres::{Error, Transaction};
use rust_decimal::Decimal;
use sqlx::FromRow;
use types::caller::Party;
use types::ids::{AbuseReportId, OrganisationId};
use types::money::Money;
use types::redacted::Redacted;
use types::region::RegionCode;
use uuid::Uuid;

use super::word;
use crate::domain::abuse::{AbuseReport, Reporter};

const TABLE: &str = "abuse_reports";
const TEXT: &str = "text_sealed";
const REPORTER: &str = "reporter_sealed";

/// What of it is sealed.
pub const SEALED: &[&str] = &[TEXT, REPORTER];

const fn cell(column: &'static str, row: Uuid) -> Cell {
    Cell { table: TABLE, column, row }
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    provider_organisation_id: Option<Uuid>,
    text_sealed: Vec<u8>,
    has_reporter: bool,
    key_version: i32,
    state: String,
    recovered: Decimal,
    reward: Decimal,
    reported_at: DateTime<Utc>,
}

impl Row {
    fn report(self, keys: &Keys) -> Result<AbuseReport, Error> {
        let money =
            |column, amount| Money::from_decimal(amount).map_err(|_| Error::row_invalid(TABLE, column, self.id));
        Ok(AbuseReport {
            id: AbuseReportId::from_uuid(self.id),
            provider: self.provider_organisation_id.map(OrganisationId::from_uuid),
            text: Redacted::new(keys.open(cell(TEXT, self.id), self.key_version, &self.text_sealed)?),
            has_contact: self.has_reporter,
            state: word(TABLE, "state", self.id, &self.state)?,
            recovered: money("recovered", self.recovered)?,
            reward: money("reward", self.reward)?,
            reported_at: self.reported_at,
        })
    }
}

/// Writes a report, and names the row in the audit with what is sealed in it.
pub async fn insert(
    tx: &mut Transaction,
    region: RegionCode,
    report: &AbuseReport,
    reporter: Option<&Reporter>,
    entry: Entry,
) -> Result<Entry, Error> {
    let keys = tx.keys()?;
    let id = report.id.uuid();
    let reporter = reporter.map(Reporter::to_json);
    let sealed = reporter.as_deref().map(|reporter| keys.seal(cell(REPORTER, id), reporter)).transpose()?;
    sqlx::query(
        "INSERT INTO abuse_reports (id, region, provider_organisation_id, text_sealed, reporter_sealed, key_version, state, recovered, \
         reward, reported_at) VALUES ($1, $2, $3, $4, $5, $6, 'OPEN', 0, 0, $7)",
    )
    .bind(id)
    .bind(region.as_str())
    .bind(report.provider.map(OrganisationId::uuid))
    .bind(keys.seal(cell(TEXT, id), report.text.expose())?)
    .bind(sealed)
    .bind(keys.version())
    .bind(report.reported_at)
    .execute(&mut **tx)
    .await?;
    let sealed = [(TEXT, Some(report.text.expose().as_str())), (REPORTER, reporter.as_deref())];
    Ok(entry.sealed_row(TABLE, id, sealed))
}

/// A report, locked. Who made it stays sealed.
pub async fn lock(tx: &mut Transaction, id: AbuseReportId) -> Result<Option<AbuseReport>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, provider_organisation_id, text_sealed, reporter_sealed IS NOT NULL AS has_reporter, key_version, state, recovered, \
         reward, reported_at FROM abuse_reports WHERE id = $1 FOR UPDATE",
    )
    .bind(id.uuid())
    .fetch_optional(&mut **tx)
    .await?;
    let keys = tx.keys()?;
    row.map(|row| row.report(&keys)).transpose()
}

/// Writes how a report was closed, and names the row in the audit.
pub async fn close(
    tx: &mut Transaction,
    report: &AbuseReport,
    by: &Party,
    at: DateTime<Utc>,
    entry: Entry,
) -> Result<Entry, Error> {
    sqlx::query("UPDATE abuse_reports SET state = $2, recovered = $3, reward = $4, closed_by = $5, closed_at = $6 WHERE id = $1")
        .bind(report.id.uuid())
        .bind(report.state.as_str())
        .bind(report.recovered.decimal())
        .bind(report.reward.decimal())
        .bind(by.to_string())
        .bind(at)
        .execute(&mut **tx)
        .await?;
    let keys = tx.keys()?;
    let (sealed, version): (Option<Vec<u8>>, i32) =
        sqlx::query_as("SELECT reporter_sealed, key_version FROM abuse_reports WHERE id = $1")
            .bind(report.id.uuid())
            .fetch_one(&mut **tx)
            .await?;
    // Opened for the digest of the row only: the audit must find an edit of it.
    let cell = cell(REPORTER, report.id.uuid());
    let reporter = sealed.map(|sealed| keys.open(cell, version, &sealed)).transpose()?;
    let sealed = [(TEXT, Some(report.text.expose().as_str())), (REPORTER, reporter.as_deref())];
    Ok(entry.sealed_row(TABLE, report.id, sealed))
}

/// A page of reports, newest first.
pub async fn list(
    tx: &mut Transaction,
    state: Option<&str>,
    before: Option<AbuseReportId>,
    limit: i64,
) -> Result<Vec<AbuseReport>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, provider_organisation_id, text_sealed, reporter_sealed IS NOT NULL AS has_reporter, key_version, state, recovered, \
         reward, reported_at FROM abuse_reports WHERE ($1::text IS NULL OR state = $1) AND ($2::uuid IS NULL OR id < $2) \
         ORDER BY id DESC LIMIT $3",
    )
    .bind(state)
    .bind(before.map(AbuseReportId::uuid))
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let keys = tx.keys()?;
    rows.into_iter().map(|row| row.report(&keys)).collect()
}
