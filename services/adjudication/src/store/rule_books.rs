//! `rule_books`: documents with digest; the document never changes.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::Error;
use sqlx::{FromRow, PgConnection};
use types::caller::Party;
use types::ids::RuleBookId;
use types::region::RegionCode;
use uuid::Uuid;

use super::word;
use crate::domain::inspection::RuleBook;
use crate::domain::rule_book::{RuleBookVersion, State};

const TABLE: &str = "rule_books";

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
    fn version(self) -> Result<RuleBookVersion, Error> {
        let book = RuleBook::read(&self.document).map_err(|_| Error::row_invalid(TABLE, "document", self.id))?;
        let state = match (self.state.as_str(), &self.released_by, self.released_at) {
            ("PROPOSED", None, None) => State::Proposed,
            ("RELEASED", Some(by), Some(at)) => {
                let by: Party = word(TABLE, "released_by", self.id, by)?;
                State::Released { by, at }
            }
            _ => return Err(Error::row_invalid(TABLE, "state", self.id)),
        };
        Ok(RuleBookVersion {
            id: RuleBookId::from_uuid(self.id),
            book,
            digest: self.digest,
            proposed_by: word(TABLE, "proposed_by", self.id, &self.proposed_by)?,
            proposed_at: self.proposed_at,
            state,
            document: self.document,
        })
    }
}

pub async fn insert(conn: &mut PgConnection, version: &RuleBookVersion) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO rule_books (id, region, effective_from, document, digest, state, proposed_by, proposed_at) \
         VALUES ($1, $2, $3, $4, $5, 'PROPOSED', $6, $7)",
    )
    .bind(version.id.uuid())
    .bind(version.book.region.as_str())
    .bind(version.book.effective_from)
    .bind(&version.document)
    .bind(&version.digest)
    .bind(version.proposed_by.to_string())
    .bind(version.proposed_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn lock(conn: &mut PgConnection, id: RuleBookId) -> Result<Option<RuleBookVersion>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, document, digest, state, proposed_by, proposed_at, released_by, released_at FROM rule_books \
         WHERE id = $1 FOR UPDATE",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::version).transpose()
}

pub async fn find(conn: &mut PgConnection, id: RuleBookId) -> Result<Option<RuleBookVersion>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, document, digest, state, proposed_by, proposed_at, released_by, released_at FROM rule_books WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::version).transpose()
}

pub async fn release(conn: &mut PgConnection, id: RuleBookId, by: &Party, at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query("UPDATE rule_books SET state = 'RELEASED', released_by = $2, released_at = $3 WHERE id = $1")
        .bind(id.uuid())
        .bind(by.to_string())
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Which rule book of a region is in force on a day.
pub async fn in_force(conn: &mut PgConnection, region: RegionCode, on: NaiveDate) -> Result<Option<RuleBookId>, Error> {
    let id: Option<Uuid> = sqlx::query_scalar(
        "SELECT id FROM rule_books WHERE region = $1 AND state = 'RELEASED' AND effective_from <= $2 \
         ORDER BY effective_from DESC LIMIT 1",
    )
    .bind(region.as_str())
    .bind(on)
    .fetch_optional(conn)
    .await?;
    Ok(id.map(RuleBookId::from_uuid))
}
