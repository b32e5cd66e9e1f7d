use chassis::auth::Revoked;
use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::caller::Party;
use uuid::Uuid;

use super::column;
use crate::domain::revocation::{Lifted, Revocation};

const TABLE: &str = "revocations";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    revision: i64,
    kind: String,
    target: String,
    lasting: bool,
    reason: String,
    revoked_by: String,
    revoked_at: DateTime<Utc>,
    lifted_by: Option<String>,
    lifted_at: Option<DateTime<Utc>>,
}

/// The lock between bars and tokens: 'revoked' in ASCII.
const BARS: i64 = 0x0072_6576_6f6b_6564;

/// Waits for revocations that are about to be committed; a later one waits until this transaction has ended. Those who wait here never
/// wait for each other.
pub async fn await_pending(conn: &mut PgConnection) -> Result<(), postgres::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared($1)").bind(BARS).execute(conn).await?;
    Ok(())
}

/// Waits for tokens that are being issued: what is revoked at a moment after this covers them, and nobody is issued one until this
/// transaction has ended.
pub async fn hold_back_tokens(conn: &mut PgConnection) -> Result<(), postgres::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(BARS).execute(conn).await?;
    Ok(())
}

/// Stores it under the next revision, which it answers. Every other revocation waits until this transaction has ended.
pub async fn insert(conn: &mut PgConnection, revocation: &Revocation) -> Result<i64, postgres::Error> {
    let revision: i64 = sqlx::query_scalar("UPDATE revocation_head SET revision = revision + 1 RETURNING revision")
        .fetch_one(&mut *conn)
        .await?;
    let (kind, target) = words(&revocation.of);
    sqlx::query(
        "INSERT INTO revocations (id, revision, kind, target, lasting, reason, revoked_by, revoked_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(revocation.id)
    .bind(revision)
    .bind(kind)
    .bind(target)
    .bind(revocation.lasting)
    .bind(&revocation.reason)
    .bind(revocation.revoked_by.to_string())
    .bind(revocation.revoked_at)
    .execute(conn)
    .await?;
    Ok(revision)
}

pub async fn get(conn: &mut PgConnection, id: Uuid) -> Result<Option<Revocation>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, revision, kind, target, lasting, reason, revoked_by, revoked_at, lifted_by, lifted_at \
         FROM revocations WHERE id = $1 FOR NO KEY UPDATE",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(Row::revocation).transpose()
}

pub async fn lift(conn: &mut PgConnection, id: Uuid, lifted: &Lifted) -> Result<(), postgres::Error> {
    sqlx::query("UPDATE revocations SET lifted_by = $2, lifted_at = $3 WHERE id = $1")
        .bind(id)
        .bind(lifted.by.to_string())
        .bind(lifted.at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether a lasting revocation of this party or client stands.
pub async fn forbids(conn: &mut PgConnection, of: &Revoked) -> Result<bool, postgres::Error> {
    let (kind, target) = words(of);
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM revocations WHERE kind = $1 AND target = ANY (CASE WHEN $1 = 'PARTY' THEN one_party($2) ELSE ARRAY[$2] END) AND lasting AND lifted_at IS NULL)",
    )
    .bind(kind)
    .bind(target)
    .fetch_one(conn)
    .await?)
}

/// Those after a revision in order, at most `max`; those revoked before `since` no longer matter.
pub async fn after(
    conn: &mut PgConnection,
    revision: i64,
    since: DateTime<Utc>,
    max: i64,
) -> Result<Vec<Revocation>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, revision, kind, target, lasting, reason, revoked_by, revoked_at, lifted_by, lifted_at \
         FROM revocations WHERE revision > $1 AND revoked_at >= $2 ORDER BY revision LIMIT $3",
    )
    .bind(revision)
    .bind(since)
    .bind(max)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::revocation).collect()
}

/// The revision of the latest one.
pub async fn head(conn: &mut PgConnection) -> Result<i64, postgres::Error> {
    Ok(sqlx::query_scalar("SELECT revision FROM revocation_head").fetch_one(conn).await?)
}

pub fn audited(entry: Entry, revocation: &Revocation) -> Entry {
    let entry = match revocation.of {
        Revoked::Party(Party::Resident(id)) => entry.resident(id),
        _ => entry,
    };
    entry.row(TABLE, revocation.id)
}

fn words(of: &Revoked) -> (&'static str, String) {
    match of {
        Revoked::Token(id) => ("TOKEN", id.clone()),
        Revoked::Party(party) => ("PARTY", party.to_string()),
        Revoked::Client(id) => ("CLIENT", id.clone()),
    }
}

impl Row {
    fn revocation(self) -> Result<Revocation, postgres::Error> {
        let party = |name, text: &str| column::<Party>(TABLE, name, self.id, text);
        let of = match self.kind.as_str() {
            "TOKEN" => Revoked::Token(self.target),
            "PARTY" => Revoked::Party(party("target", &self.target)?),
            "CLIENT" => Revoked::Client(self.target),
            _ => return Err(postgres::Error::row_invalid(TABLE, "kind", self.id)),
        };
        let lifted = match (self.lifted_by, self.lifted_at) {
            (Some(by), Some(at)) => Some(Lifted { by: column(TABLE, "lifted_by", self.id, &by)?, at }),
            _ => None,
        };
        Ok(Revocation {
            id: self.id,
            revision: self.revision,
            of,
            lasting: self.lasting,
            reason: self.reason,
            revoked_by: column(TABLE, "revoked_by", self.id, &self.revoked_by)?,
            revoked_at: self.revoked_at,
            lifted,
        })
    }
}
