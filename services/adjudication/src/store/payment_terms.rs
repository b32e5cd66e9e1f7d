//! `payment_terms`: documents as data, immutable once proposed.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::Error;
use sqlx::{FromRow, PgConnection};
use types::ids::PaymentTermsId;
use types::{region::RegionCode, scheme::Scheme};
use uuid::Uuid;

use super::word;
use crate::domain::provider_payment::PaymentTerms;
use crate::domain::provider_payment::release::TermsVersion;
use crate::domain::release::{Release, State};

const TABLE: &str = "payment_terms";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    document: String,
    digest: String,
    state: String,
    proposed_by: String,
    proposed_at: DateTime<Utc>,
    released_by: Option<String>,
    released_at: Option<DateTime<Utc>>,
}

impl Row {
    fn version(self) -> Result<TermsVersion, Error> {
        let invalid = |column| Error::row_invalid(TABLE, column, self.id);
        let release = match (&self.released_by, self.released_at) {
            (Some(by), Some(at)) => Some(Release { by: word(TABLE, "released_by", self.id, by)?, at }),
            _ => None,
        };
        let state = match (self.state.as_str(), release) {
            ("PROPOSED", None) => State::Proposed,
            ("RELEASED", Some(release)) => State::Released(release),
            ("SUPERSEDED", Some(release)) => State::Superseded(release),
            _ => return Err(invalid("state")),
        };
        Ok(TermsVersion {
            id: PaymentTermsId::from_uuid(self.id),
            terms: PaymentTerms::read(&self.document).map_err(|_| invalid("document"))?,
            proposed_by: word(TABLE, "proposed_by", self.id, &self.proposed_by)?,
            document: self.document,
            digest: self.digest,
            proposed_at: self.proposed_at,
            state,
        })
    }
}

pub async fn insert(conn: &mut PgConnection, version: &TermsVersion) -> Result<(), Error> {
    let terms = &version.terms;
    sqlx::query(
        "INSERT INTO payment_terms (id, region, scheme, demonstration, effective_from, effective_until, document, digest, state, \
         proposed_by, proposed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'PROPOSED', $9, $10)",
    )
    .bind(version.id.uuid())
    .bind(terms.region.as_str())
    .bind(terms.scheme.as_str())
    .bind(terms.demonstration)
    .bind(terms.effective_from)
    .bind(terms.effective_to)
    .bind(&version.document)
    .bind(&version.digest)
    .bind(version.proposed_by.to_string())
    .bind(version.proposed_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, id: PaymentTermsId) -> Result<Option<TermsVersion>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, document, digest, state, proposed_by, proposed_at, released_by, released_at FROM payment_terms WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::version).transpose()
}

/// The terms of a region and scheme, locked together, so that two releases cannot pass each other.
pub async fn lock_siblings(
    conn: &mut PgConnection,
    region: RegionCode,
    scheme: Scheme,
) -> Result<Vec<TermsVersion>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, document, digest, state, proposed_by, proposed_at, released_by, released_at FROM payment_terms \
         WHERE region = $1 AND scheme = $2 ORDER BY id FOR UPDATE",
    )
    .bind(region.as_str())
    .bind(scheme.as_str())
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::version).collect()
}

/// Writes a release and supersedes what it takes over from.
pub async fn release(
    conn: &mut PgConnection,
    id: PaymentTermsId,
    release: &Release,
    superseded: &[PaymentTermsId],
) -> Result<(), Error> {
    let superseded: Vec<Uuid> = superseded.iter().map(|id| id.uuid()).collect();
    sqlx::query("UPDATE payment_terms SET state = 'SUPERSEDED' WHERE id = ANY ($1)")
        .bind(superseded)
        .execute(&mut *conn)
        .await?;
    sqlx::query("UPDATE payment_terms SET state = 'RELEASED', released_by = $2, released_at = $3 WHERE id = $1")
        .bind(id.uuid())
        .bind(release.by.to_string())
        .bind(release.at)
        .execute(conn)
        .await?;
    Ok(())
}

/// What was released for a region and scheme by a day, latest first: ids and digests, since the documents never change.
pub async fn released(
    conn: &mut PgConnection,
    region: RegionCode,
    scheme: Scheme,
    by: NaiveDate,
) -> Result<Vec<(PaymentTermsId, String)>, Error> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, digest FROM payment_terms WHERE region = $1 AND scheme = $2 AND state <> 'PROPOSED' AND effective_from <= $3 \
         ORDER BY effective_from DESC LIMIT 10",
    )
    .bind(region.as_str())
    .bind(scheme.as_str())
    .bind(by)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, digest)| (PaymentTermsId::from_uuid(id), digest)).collect())
}

/// A page of a region's terms, newest first.
pub async fn list(
    conn: &mut PgConnection,
    region: RegionCode,
    before: Option<PaymentTermsId>,
    limit: i64,
) -> Result<Vec<TermsVersion>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, document, digest, state, proposed_by, proposed_at, released_by, released_at FROM payment_terms \
         WHERE region = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
    )
    .bind(region.as_str())
    .bind(before.map(PaymentTermsId::uuid))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::version).collect()
}
