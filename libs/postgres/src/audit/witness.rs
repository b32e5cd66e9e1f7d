//! Witnessing another service's audit: its checkpoints are kept and cosigned as long as each follows from the one before. Whoever
//! rewrites that log, with its own key and without its anchor, still has the witness to explain.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::{FromRow, PgConnection};
use types::region::RegionCode;
use uuid::Uuid;

use super::{
    Entry,
    merkle::{self, Hash},
    note::{ANCHORED_SINCE, Checkpoint, NoteSigner, NoteVerifier},
    record, row,
};
use crate::{
    Database, Error, Scope, Transaction,
    events::{self, NewEvent},
};

const TABLE: &str = "witnessed_checkpoints";
const REFUSALS: &str = "witness_refusals";
/// No checkpoint is that long; what is longer is cut off before it is kept as evidence.
const NOTE_CHARACTERS_MAX: usize = 4000;

/// Why a checkpoint is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    #[error("it is not signed by the service whose log it is")]
    NotSigned,
    #[error("it covers less than was seen before")]
    Smaller,
    #[error("it says something else of as many entries as were seen before")]
    Forked,
    #[error("what was seen before is not its beginning")]
    Inconsistent,
    #[error("the log does not prove that what was seen before is its beginning")]
    Unproven,
}

impl Doubt {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NotSigned => "NOT_SIGNED",
            Self::Smaller => "SMALLER",
            Self::Forked => "FORKED",
            Self::Inconsistent => "INCONSISTENT",
            Self::Unproven => "UNPROVEN",
        }
    }
}

/// Who witnesses which log.
#[derive(Debug, Clone)]
pub struct Witness {
    pub(super) signer: NoteSigner,
    pub(super) log: NoteVerifier,
    /// How often to look.
    pub interval: Duration,
}

/// What was kept last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub checkpoint: Checkpoint,
    /// Within an hour.
    pub is_recent: bool,
}

/// What a witness says of the log it watches.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Witnessed {
    /// The log: `anjia/<service>`.
    pub origin: String,
    pub size: i64,
    /// Signed by the log, cosigned by the witness.
    pub note: String,
    pub witnessed_at: chrono::DateTime<chrono::Utc>,
    /// Why the log was refused since; none if it was not.
    pub refused: Option<String>,
}

impl Witness {
    /// The checkpoint in a note, if the log signed it.
    pub fn open(&self, note: &str) -> Result<Checkpoint, Doubt> {
        self.log.open(note).map_err(|_| Doubt::NotSigned)
    }

    /// Whether what is told follows from what was seen, as `proof` shows where it is larger.
    pub fn judge(seen: Option<&Checkpoint>, told: &Checkpoint, proof: &[Hash]) -> Result<(), Doubt> {
        let Some(seen) = seen else { return Ok(()) };
        if told.size < seen.size {
            return Err(Doubt::Smaller);
        }
        if told.size == seen.size {
            return if told.root == seen.root { Ok(()) } else { Err(Doubt::Forked) };
        }
        let is_consistent = merkle::is_consistent((seen.size, &seen.root), (told.size, &told.root), proof);
        if is_consistent { Ok(()) } else { Err(Doubt::Inconsistent) }
    }

    /// The checkpoint kept last; an error if what is kept is not what was signed.
    pub async fn seen(&self, db: &Database, region: RegionCode) -> Result<Option<Seen>, Error> {
        let mut tx = db.begin(Scope::Region(region)).await?;
        let last: Option<(i64, String, bool)> = sqlx::query_as(
            "SELECT size, note, witnessed_at > now() - interval '1 hour' FROM witnessed_checkpoints \
             WHERE origin = $1 ORDER BY size DESC LIMIT 1",
        )
        .bind(self.log.name())
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        let Some((size, note, is_recent)) = last else { return Ok(None) };
        let opened = self.log.open(&note).ok().filter(|opened| opened.size == size.unsigned_abs());
        let checkpoint = opened.filter(|_| self.signer.verifier().cosigned_at(&note).is_some());
        let checkpoint = checkpoint.ok_or_else(|| Error::row_invalid(TABLE, "note", size))?;
        Ok(Some(Seen { checkpoint, is_recent }))
    }

    /// Keeps and cosigns a checkpoint that was judged. Another replica may have.
    pub async fn keep(&self, db: &Database, region: RegionCode, told: &Checkpoint, note: &str) -> Result<(), Error> {
        let mut tx = db.begin(Scope::Region(region)).await?;
        let now: i64 = sqlx::query_scalar("SELECT extract(epoch FROM now())::bigint").fetch_one(&mut *tx).await?;
        let size = i64::try_from(told.size).unwrap_or(i64::MAX);
        let note = self.signer.cosign(note, now).ok_or_else(|| Error::row_invalid(TABLE, "note", size))?;
        let kept = sqlx::query(
            "INSERT INTO witnessed_checkpoints (origin, size, note) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(&told.origin)
        .bind(size)
        .bind(note)
        .execute(&mut *tx)
        .await?;
        if kept.rows_affected() == 1 {
            let entry = self.entry("platform.checkpoint.witness").row(TABLE, row::id(&[&told.origin, &size]));
            record(&mut tx, entry).await?;
        }
        tx.commit().await
    }

    /// Keeps the evidence of a checkpoint that does not follow, once, and tells of it as `event`; false if it is known.
    pub async fn refuse(
        &self,
        db: &Database,
        region: RegionCode,
        refused: Refused<'_>,
        event: &'static str,
    ) -> Result<bool, Error> {
        let Refused { doubt, seen_size, note } = refused;
        let seen_size = i64::try_from(seen_size).unwrap_or(i64::MAX);
        let evidence: String = note.chars().filter(|letter| *letter != '\0').take(NOTE_CHARACTERS_MAX).collect();
        let mut tx = db.begin(Scope::Region(region)).await?;
        let id = Uuid::now_v7();
        let new: Option<chrono::DateTime<chrono::Utc>> = sqlx::query_scalar(
            "INSERT INTO witness_refusals (id, origin, doubt, seen_size, note, note_digest) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT DO NOTHING RETURNING refused_at",
        )
        .bind(id)
        .bind(self.log.name())
        .bind(doubt.as_str())
        .bind(seen_size)
        .bind(&evidence)
        .bind(Sha256::digest(note).to_vec())
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(refused_at) = new {
            self.tell(&mut tx, NewEvent::new(event, id, self.told(doubt, seen_size), refused_at)).await?;
            record(&mut tx, self.entry("platform.checkpoint.refuse").row(REFUSALS, id)).await?;
        }
        tx.commit().await?;
        Ok(new.is_some())
    }

    fn told(&self, doubt: Doubt, seen_size: i64) -> serde_json::Value {
        json!({ "origin": self.log.name(), "doubt": doubt.as_str(), "seen_size": seen_size })
    }

    async fn tell(&self, tx: &mut Transaction, event: NewEvent) -> Result<(), Error> {
        events::append(tx, event).await?;
        Ok(())
    }

    fn entry(&self, action: &'static str) -> Entry {
        let name = self.signer.name();
        Entry::by_service(name.strip_prefix("anjia/").unwrap_or(name), action)
    }
}

/// A checkpoint that does not follow from what was seen.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    pub doubt: Doubt,
    pub seen_size: u64,
    /// What the log showed.
    pub note: &'a str,
}

/// What the log that it watches said of its anchor, for [`super::SeenByWitness`]: of every beginning of one, the last note that tells of it.
pub async fn anchored_as_witnessed(conn: &mut PgConnection) -> Result<Vec<String>, Error> {
    let said = "SELECT DISTINCT ON (since) note FROM witnessed_checkpoints, substring(note FROM '\n' || $1 || '([0-9]+)\n') AS since \
        WHERE since IS NOT NULL ORDER BY since, size DESC";
    Ok(sqlx::query_scalar(said).bind(ANCHORED_SINCE).fetch_all(conn).await?)
}

/// What this service's database says of the log it watches; `None` before the first checkpoint.
pub async fn witnessed(conn: &mut PgConnection) -> Result<Option<Witnessed>, Error> {
    Ok(sqlx::query_as(
        "SELECT origin, size, note, witnessed_at, (SELECT doubt FROM witness_refusals refusal \
             WHERE refusal.origin = kept.origin ORDER BY refused_at DESC LIMIT 1) AS refused \
         FROM witnessed_checkpoints kept ORDER BY size DESC LIMIT 1",
    )
    .fetch_optional(conn)
    .await?)
}
