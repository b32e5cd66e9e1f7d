use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::ids::{ErasureId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::erasure::{Erasure, Kept, Obligation, Receipt, SERVICES, Standing, State, Word};

const TABLE: &str = "erasure_requests";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    state: String,
    requested_by: String,
    evidence: String,
    requested_at: DateTime<Utc>,
    closing_since: Option<DateTime<Utc>>,
    erased_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
    receipt_zh: Option<String>,
    receipt_en: Option<String>,
}

#[derive(FromRow)]
struct StandingRow {
    service: String,
    word: Option<String>,
    open: Json<Vec<Obligation>>,
    kept: Json<Vec<Kept>>,
    reported_at: Option<DateTime<Utc>>,
}

/// What of a state stands in columns: its word and when it was come to.
struct Words {
    state: &'static str,
    closing_since: Option<DateTime<Utc>>,
    erased_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
}

impl Words {
    const fn of(state: State) -> Self {
        let none = Self { state: "", closing_since: None, erased_at: None, completed_at: None, cancelled_at: None };
        match state {
            State::Requested => Self { state: "REQUESTED", ..none },
            State::Blocked => Self { state: "BLOCKED", ..none },
            State::Closing { since } => Self { state: "CLOSING", closing_since: Some(since), ..none },
            State::Erased { at } => Self { state: "ERASED", erased_at: Some(at), ..none },
            State::Completed { erased_at, at } => {
                Self { state: "COMPLETED", erased_at: Some(erased_at), completed_at: Some(at), ..none }
            }
            State::Cancelled { at } => Self { state: "CANCELLED", cancelled_at: Some(at), ..none },
        }
    }
}

/// The word of a state, as events and answers have it.
pub const fn word(state: State) -> &'static str {
    Words::of(state).state
}

pub async fn insert(conn: &mut PgConnection, erasure: &Erasure) -> Result<(), postgres::Error> {
    sqlx::query(
        "INSERT INTO erasure_requests (id, region, resident_id, state, requested_by, evidence, requested_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(erasure.id.uuid())
    .bind(erasure.region.as_str())
    .bind(erasure.resident.uuid())
    .bind(word(erasure.state))
    .bind(erasure.requested_by.to_string())
    .bind(&erasure.evidence)
    .bind(erasure.requested_at)
    .execute(&mut *conn)
    .await?;
    for standing in &erasure.standings {
        put(conn, erasure, standing).await?;
    }
    Ok(())
}

/// Writes its state, its receipt and every service's word. Answers whether the request itself changed, which is for the audit.
pub async fn update(conn: &mut PgConnection, erasure: &Erasure) -> Result<bool, postgres::Error> {
    let words = Words::of(erasure.state);
    let receipt = erasure.receipt.as_ref();
    let done = sqlx::query(
        "UPDATE erasure_requests SET state = $2, closing_since = $3, erased_at = $4, completed_at = $5, cancelled_at = $6, \
         receipt_zh = $7, receipt_en = $8 WHERE id = $1 \
         AND (state, closing_since, erased_at, completed_at, cancelled_at, receipt_zh, receipt_en) \
             IS DISTINCT FROM ($2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(erasure.id.uuid())
    .bind(words.state)
    .bind(words.closing_since)
    .bind(words.erased_at)
    .bind(words.completed_at)
    .bind(words.cancelled_at)
    .bind(receipt.map(|receipt| receipt.zh.as_str()))
    .bind(receipt.map(|receipt| receipt.en.as_str()))
    .execute(&mut *conn)
    .await?;
    for standing in &erasure.standings {
        put(conn, erasure, standing).await?;
    }
    Ok(done.rows_affected() == 1)
}

async fn put(conn: &mut PgConnection, erasure: &Erasure, standing: &Standing) -> Result<(), postgres::Error> {
    sqlx::query(
        "INSERT INTO erasure_standings (erasure_id, service, region, word, open, kept, reported_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (erasure_id, service) DO UPDATE \
         SET word = $4, open = $5, kept = $6, reported_at = $7 \
         WHERE erasure_standings.reported_at IS DISTINCT FROM $7 OR erasure_standings.word IS DISTINCT FROM $4",
    )
    .bind(erasure.id.uuid())
    .bind(&standing.service)
    .bind(erasure.region.as_str())
    .bind(standing.word.map(Word::as_str))
    .bind(Json(&standing.open))
    .bind(Json(&standing.kept))
    .bind(standing.reported_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn get(conn: &mut PgConnection, id: ErasureId) -> Result<Option<Erasure>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, state, requested_by, evidence, requested_at, closing_since, erased_at, completed_at, \
         cancelled_at, receipt_zh, receipt_en FROM erasure_requests WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(&mut *conn)
    .await?;
    match row {
        Some(row) => row.erasure(conn).await.map(Some),
        None => Ok(None),
    }
}

/// The same, one transaction at a time.
pub async fn lock(conn: &mut PgConnection, id: ErasureId) -> Result<Option<Erasure>, postgres::Error> {
    let found: Option<Uuid> = sqlx::query_scalar("SELECT id FROM erasure_requests WHERE id = $1 FOR NO KEY UPDATE")
        .bind(id.uuid())
        .fetch_optional(&mut *conn)
        .await?;
    if found.is_some() { get(conn, id).await } else { Ok(None) }
}

/// The one of a person that was not taken back, by any id of theirs.
pub async fn of(conn: &mut PgConnection, resident: ResidentId) -> Result<Option<ErasureId>, postgres::Error> {
    let found: Option<Uuid> = sqlx::query_scalar(
        "SELECT id FROM erasure_requests WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND state <> 'CANCELLED'",
    )
    .bind(resident.uuid())
    .fetch_optional(conn)
    .await?;
    Ok(found.map(ErasureId::from_uuid))
}

pub fn audited(entry: Entry, erasure: &Erasure) -> Entry {
    entry.resident(erasure.resident).row(TABLE, erasure.id)
}

impl Row {
    async fn erasure(self, conn: &mut PgConnection) -> Result<Erasure, postgres::Error> {
        let standings: Vec<StandingRow> = sqlx::query_as(
            "SELECT service, word, open, kept, reported_at FROM erasure_standings WHERE erasure_id = $1",
        )
        .bind(self.id)
        .fetch_all(conn)
        .await?;
        let mut standings: Vec<Standing> =
            standings.into_iter().map(|row| row.standing(self.id)).collect::<Result<_, _>>()?;
        standings.sort_by_key(|standing| SERVICES.iter().position(|service| *service == standing.service));
        Ok(Erasure {
            id: ErasureId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            state: self.state()?,
            requested_by: column(TABLE, "requested_by", self.id, &self.requested_by)?,
            evidence: self.evidence,
            requested_at: self.requested_at,
            standings,
            receipt: self.receipt_zh.zip(self.receipt_en).map(|(zh, en)| Receipt { zh, en }),
        })
    }

    fn state(&self) -> Result<State, postgres::Error> {
        let at =
            |column, at: Option<DateTime<Utc>>| at.ok_or_else(|| postgres::Error::row_invalid(TABLE, column, self.id));
        Ok(match self.state.as_str() {
            "REQUESTED" => State::Requested,
            "BLOCKED" => State::Blocked,
            "CLOSING" => State::Closing { since: at("closing_since", self.closing_since)? },
            "ERASED" => State::Erased { at: at("erased_at", self.erased_at)? },
            "COMPLETED" => State::Completed {
                erased_at: at("erased_at", self.erased_at)?,
                at: at("completed_at", self.completed_at)?,
            },
            "CANCELLED" => State::Cancelled { at: at("cancelled_at", self.cancelled_at)? },
            _ => return Err(postgres::Error::row_invalid(TABLE, "state", self.id)),
        })
    }
}

impl StandingRow {
    fn standing(self, of: Uuid) -> Result<Standing, postgres::Error> {
        let invalid = || postgres::Error::row_invalid("erasure_standings", "word", of);
        let word = self.word.as_deref().map(|word| Word::parse(word).ok_or_else(invalid)).transpose()?;
        let (open, kept, reported_at) = (self.open.0, self.kept.0, self.reported_at);
        Ok(Standing { service: self.service, word, open, kept, reported_at })
    }
}
