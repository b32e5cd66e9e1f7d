//! `policies`, `payment_terms` and `rule_books`: documents with digest, a table a kind, with the columns of a [`Version`] and what is looked
//! for of its content. The text never changes.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::Error;
use serde_json::{Map, Value, json};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use types::ids::{PaymentTermsId, PolicyId, RuleBookId};
use types::region::RegionCode;
use types::scheme::Scheme;
use uuid::Uuid;

use super::word;
use crate::domain::coverage::Basic;
use crate::domain::document::{Document, Release, State, Version};
use crate::domain::inspection::RuleBook;
use crate::domain::policy::Policy;
use crate::domain::provider_payment::PaymentTerms;

/// The latest that were released: which of them judges a day, they say themselves.
const RELEASED_MAX: i64 = 10;

/// A kind of document that has a table.
pub trait Stored: Document {
    const TABLE: &'static str;
    /// The constraints that an id or a text that is there already breaks.
    const UNIQUE: [&'static str; 2];

    /// The columns of its own.
    fn columns(&self) -> Value;
}

impl Stored for Policy {
    const TABLE: &'static str = "policies";
    const UNIQUE: [&'static str; 2] = ["policies_pkey", "policies_same_document"];

    fn columns(&self) -> Value {
        json!({
            "scheme": self.scheme.as_str(),
            "name_zh": self.name.zh,
            "name_en": self.name.en,
            "demonstration": self.demonstration,
            "effective_until": self.effective_to,
        })
    }
}

impl Stored for PaymentTerms {
    const TABLE: &'static str = "payment_terms";
    const UNIQUE: [&'static str; 2] = ["payment_terms_pkey", "payment_terms_same_document"];

    fn columns(&self) -> Value {
        json!({
            "scheme": self.scheme.as_str(),
            "demonstration": self.demonstration,
            "effective_until": self.effective_to,
        })
    }
}

impl Stored for RuleBook {
    const TABLE: &'static str = "rule_books";
    const UNIQUE: [&'static str; 2] = ["rule_books_pkey", "rule_books_same_document"];

    fn columns(&self) -> Value {
        Value::Object(Map::new())
    }
}

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
    fn version<D: Stored>(self) -> Result<Version<D>, Error> {
        let invalid = |column| Error::row_invalid(D::TABLE, column, self.id);
        let release = match (&self.released_by, self.released_at) {
            (Some(by), Some(at)) => Some(Release { by: word(D::TABLE, "released_by", self.id, by)?, at }),
            _ => None,
        };
        let state = match (self.state.as_str(), release) {
            ("PROPOSED", None) => State::Proposed,
            ("RELEASED", Some(release)) => State::Released(release),
            ("SUPERSEDED", Some(release)) => State::Superseded(release),
            _ => return Err(invalid("state")),
        };
        Ok(Version {
            id: D::id(self.id),
            content: D::from_text(&self.document).map_err(|_| invalid("document"))?,
            proposed_by: word(D::TABLE, "proposed_by", self.id, &self.proposed_by)?,
            text: self.document,
            digest: self.digest,
            proposed_at: self.proposed_at,
            state,
        })
    }
}

/// Which documents, by what follows `WHERE`.
fn select<D: Stored>(which: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "SELECT id, document, digest, state, proposed_by, proposed_at, released_by, released_at FROM {} WHERE {which}",
        D::TABLE
    ))
}

/// Writes a proposal.
pub async fn insert<D: Stored>(conn: &mut PgConnection, version: &Version<D>) -> Result<(), Error> {
    let mut row = json!({
        "id": version.id,
        "region": version.content.region(),
        "effective_from": version.content.effective_from(),
        "document": version.text,
        "digest": version.digest,
        "state": State::Proposed.as_str(),
        "proposed_by": version.proposed_by.to_string(),
        "proposed_at": version.proposed_at,
    });
    if let (Value::Object(row), Value::Object(own)) = (&mut row, version.content.columns()) {
        row.extend(own);
    }
    let table = D::TABLE;
    let insert = format!("INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, $1)");
    sqlx::query(AssertSqlSafe(insert)).bind(Json(row)).execute(conn).await?;
    Ok(())
}

pub async fn find<D: Stored>(conn: &mut PgConnection, id: D::Id) -> Result<Option<Version<D>>, Error> {
    let id: Uuid = id.into();
    let row: Option<Row> = sqlx::query_as(select::<D>("id = $1")).bind(id).fetch_optional(conn).await?;
    row.map(Row::version).transpose()
}

/// Those that take over from one another, locked together, so that two releases cannot pass each other.
pub async fn lock_siblings<D: Stored>(conn: &mut PgConnection, one: &D) -> Result<Vec<Version<D>>, Error> {
    let which = match one.scheme() {
        Some(_) => "region = $1 AND scheme = $2 ORDER BY id FOR UPDATE",
        None => "region = $1 AND $2::text IS NULL ORDER BY id FOR UPDATE",
    };
    let rows: Vec<Row> = sqlx::query_as(select::<D>(which))
        .bind(one.region().as_str())
        .bind(one.scheme().map(Scheme::as_str))
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Row::version).collect()
}

/// Writes a release and supersedes what it takes over from.
pub async fn release<D: Stored>(
    conn: &mut PgConnection,
    id: D::Id,
    release: &Release,
    superseded: &[D::Id],
) -> Result<(), Error> {
    let (table, id) = (D::TABLE, Into::<Uuid>::into(id));
    let superseded: Vec<Uuid> = superseded.iter().map(|id| (*id).into()).collect();
    if !superseded.is_empty() {
        let end = format!("UPDATE {table} SET state = 'SUPERSEDED' WHERE id = ANY ($1)");
        sqlx::query(AssertSqlSafe(end)).bind(superseded).execute(&mut *conn).await?;
    }
    let begin = format!("UPDATE {table} SET state = 'RELEASED', released_by = $2, released_at = $3 WHERE id = $1");
    sqlx::query(AssertSqlSafe(begin)).bind(id).bind(release.by.to_string()).bind(release.at).execute(conn).await?;
    Ok(())
}

/// A page of a region's documents, newest first.
pub async fn list<D: Stored>(
    conn: &mut PgConnection,
    region: RegionCode,
    before: Option<D::Id>,
    limit: i64,
) -> Result<Vec<Version<D>>, Error> {
    let rows: Vec<Row> =
        sqlx::query_as(select::<D>("region = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"))
            .bind(region.as_str())
            .bind(before.map(Into::<Uuid>::into))
            .bind(limit)
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(Row::version).collect()
}

/// What was released for care, latest first: of the policies of the insured region, of the terms and rule books of the region of care.
#[derive(Debug, Default)]
pub struct InForce {
    pub policies: Vec<PolicyId>,
    pub terms: Vec<PaymentTermsId>,
    pub rule_books: Vec<RuleBookId>,
}

/// For care until a day, of somebody who is insured so, whose claim arrived on another. One statement.
pub async fn in_force(
    conn: &mut PgConnection,
    basic: Option<Basic>,
    region: RegionCode,
    (until, received_on): (NaiveDate, NaiveDate),
) -> Result<InForce, Error> {
    let (policies, terms, rule_books): (Vec<Uuid>, Vec<Uuid>, Vec<Uuid>) = sqlx::query_as(
        "SELECT ARRAY(SELECT id FROM policies WHERE region = $1 AND scheme = $2 AND state <> 'PROPOSED' AND effective_from <= $4 \
                      ORDER BY effective_from DESC LIMIT $6), \
                ARRAY(SELECT id FROM payment_terms WHERE region = $3 AND scheme = $2 AND state <> 'PROPOSED' AND effective_from <= $4 \
                      ORDER BY effective_from DESC LIMIT $6), \
                ARRAY(SELECT id FROM rule_books WHERE region = $3 AND state = 'RELEASED' AND effective_from <= $5 \
                      ORDER BY effective_from DESC LIMIT 1)",
    )
    .bind(basic.map(|basic| basic.insured_region.to_string()))
    .bind(basic.map(|basic| basic.scheme.as_str()))
    .bind(region.as_str())
    .bind(until)
    .bind(received_on)
    .bind(RELEASED_MAX)
    .fetch_one(conn)
    .await?;
    Ok(InForce {
        policies: policies.into_iter().map(PolicyId::from_uuid).collect(),
        terms: terms.into_iter().map(PaymentTermsId::from_uuid).collect(),
        rule_books: rule_books.into_iter().map(RuleBookId::from_uuid).collect(),
    })
}

/// What a region's claims are audited by on a day.
pub async fn rule_book_on(
    conn: &mut PgConnection,
    region: RegionCode,
    on: NaiveDate,
) -> Result<Option<RuleBookId>, Error> {
    Ok(in_force(conn, None, region, (on, on)).await?.rule_books.first().copied())
}
