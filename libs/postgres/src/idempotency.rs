//! A write repeated under its `request_id` takes effect once and is answered alike.

mod together;

use proto::{
    Idempotent,
    convert::{self, FieldError},
};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use types::{
    caller::{Caller, Party},
    ids::{OrganisationId, RequestId},
    region::RegionCode,
};

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Database, Error, Scope, Transaction,
    database::is_lost,
    vault::{Cell, Keys, Page},
};

pub(crate) use together::insert_all;
pub use together::{Answered, replay_all};

/// How long a duplicate waits for the request it duplicates.
const IN_PROGRESS_WAIT_MS: u32 = 500;

/// In place of who asked, where nothing may name them.
const CONFIDENTIAL: &str = "confidential";

/// One mutating call: who asks for what under which key, and how its answer is kept.
#[derive(Debug, Clone)]
pub struct Call<T> {
    key: Key,
    region: RegionCode,
    request_id: RequestId,
    body_digest: [u8; 32],
    encode: fn(&T) -> Vec<u8>,
}

/// What a request is known by, as the columns of the primary key have it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    subject: String,
    request_id: Uuid,
    method: &'static str,
    actor: String,
    organisation: String,
}

/// The answer to a call: just worked out, or the encoded first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<T> {
    Done(T),
    Replayed(Vec<u8>),
}

impl<T> Reply<T> {
    /// The answer as a message, however it came about.
    pub fn into_message<M: prost::Message + Default>(
        self,
        encode: impl FnOnce(T) -> M,
    ) -> Result<M, prost::DecodeError> {
        match self {
            Self::Done(value) => Ok(encode(value)),
            Self::Replayed(bytes) => M::decode(bytes.as_slice()),
        }
    }
}

/// What beginning a call came to.
#[derive(Debug)]
pub enum Begun<T> {
    /// The key is claimed in this transaction. Do the work, then [`Call::commit`].
    Fresh(Transaction),
    /// It was done before.
    Replayed(Reply<T>),
}

impl<T> Call<T> {
    /// `method` is the full name without the leading slash; `encode` yields the bytes that a repetition is answered with.
    pub fn new<M: Idempotent>(
        caller: &Caller,
        method: &'static str,
        message: &M,
        encode: fn(&T) -> Vec<u8>,
    ) -> Result<Self, FieldError> {
        let request_id: RequestId = convert::id("request_id", message.request_id())?;
        let body = message.without_request_id().encode_to_vec();
        let key = Key {
            subject: caller.subject.to_string(),
            request_id: request_id.uuid(),
            method,
            actor: caller.actor.as_ref().map(Party::to_string).unwrap_or_default(),
            organisation: caller.organisation.as_ref().map(OrganisationId::to_string).unwrap_or_default(),
        };
        Ok(Self { key, region: caller.region, request_id, body_digest: Sha256::digest(body).into(), encode })
    }

    /// As [`Call::new`], of a caller whom nothing that is kept may name. A repetition is known by digests of caller and body together with
    /// the `request_id`, which is not kept either: only who knows it can tell whose call that was, or try what stood in it.
    pub fn confidential<M: Idempotent>(
        caller: &Caller,
        method: &'static str,
        message: &M,
        encode: fn(&T) -> Vec<u8>,
    ) -> Result<Self, FieldError> {
        let call = Self::new(caller, method, message, encode)?;
        let (key, secret) = (&call.key, call.key.request_id.as_bytes());
        let known_by = Key {
            subject: CONFIDENTIAL.to_owned(),
            request_id: Uuid::from_bytes(first_half(key.digest())),
            method,
            actor: String::new(),
            organisation: String::new(),
        };
        let body_digest = digest(&[secret, &call.body_digest]);
        Ok(Self { key: known_by, body_digest, ..call })
    }

    pub const fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// Stores the answer and commits it together with the work.
    pub async fn commit(&self, mut tx: Transaction, value: T) -> Result<Reply<T>, Error> {
        let keys = tx.keys()?;
        let sealed = keys.seal_bytes(self.cell(), &(self.encode)(&value))?;
        let stored = sqlx::query(
            "UPDATE requests SET response = $6, key_version = $7, resident_ids = $8 \
             WHERE subject = $1 AND request_id = $2 AND method = $3 AND actor = $4 AND organisation = $5",
        )
        .bind(&self.key.subject)
        .bind(self.key.request_id)
        .bind(self.key.method)
        .bind(&self.key.actor)
        .bind(&self.key.organisation)
        .bind(sealed)
        .bind(keys.version())
        .bind(tx.concerned.iter().map(|resident| resident.uuid()).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
        // No row: `tx` is not the transaction in which this call was claimed.
        tx.unanswered = stored.rows_affected() == 0;
        tx.finish().await?;
        Ok(Reply::Done(value))
    }

    /// Claims the key; false if a committed request holds it.
    async fn claim(&self, tx: &mut Transaction) -> Result<bool, Error> {
        // Waits for a transaction that holds the same key. Once the key is ours the wait for locks is no longer limited.
        let is_claimed = sqlx::query_scalar(
            "WITH claimed AS (INSERT INTO requests (subject, request_id, method, actor, organisation, region, body_digest) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING set_config('lock_timeout', '0', true)) \
             SELECT EXISTS (SELECT FROM claimed)",
        )
        .bind(&self.key.subject)
        .bind(self.key.request_id)
        .bind(self.key.method)
        .bind(&self.key.actor)
        .bind(&self.key.organisation)
        .bind(self.region.as_str())
        .bind(self.body_digest.as_slice())
        .fetch_one(&mut **tx)
        .await
        .map_err(Error::from)
        .map_err(|error| if error.is_lock_timeout() { Error::RequestInProgress } else { error })?;
        tx.unanswered = is_claimed;
        Ok(is_claimed)
    }

    /// Whether a committed request holds the key. Not within a transaction: the region is that of the statement alone.
    async fn is_known(&self, conn: &mut PgConnection) -> Result<bool, Error> {
        // CASE evaluates in this order, and the subquery when it is asked for its value: row security finds the region.
        let known = sqlx::query_scalar(
            "SELECT CASE WHEN set_config('anjia.region', $1, true) = $1 THEN EXISTS (SELECT FROM requests \
             WHERE subject = $2 AND request_id = $3 AND method = $4 AND actor = $5 AND organisation = $6) ELSE false END",
        )
        .bind(self.region.as_str())
        .bind(&self.key.subject)
        .bind(self.key.request_id)
        .bind(self.key.method)
        .bind(&self.key.actor)
        .bind(&self.key.organisation)
        .fetch_one(conn)
        .await?;
        Ok(known)
    }

    async fn stored(&self, tx: &mut Transaction) -> Result<Option<Reply<T>>, Error> {
        let row: Option<Stored> = sqlx::query_as(
            "SELECT body_digest, response, key_version FROM requests \
             WHERE subject = $1 AND request_id = $2 AND method = $3 AND actor = $4 AND organisation = $5",
        )
        .bind(&self.key.subject)
        .bind(self.key.request_id)
        .bind(self.key.method)
        .bind(&self.key.actor)
        .bind(&self.key.organisation)
        .fetch_optional(&mut **tx)
        .await?;
        let keys = tx.keys()?;
        row.map(|stored| self.open(&keys, stored)).transpose()
    }

    /// Where the answer stands.
    fn cell(&self) -> Cell {
        let Key { subject, request_id, method, actor, organisation } = &self.key;
        answer_cell(subject, *request_id, method, actor, organisation)
    }
}

impl Key {
    fn digest(&self) -> [u8; 32] {
        let Self { subject, request_id, method, actor, organisation } = self;
        digest_of_key(subject, *request_id, method, actor, organisation)
    }
}

/// Digest of the body, sealed answer, version of the key that sealed it.
type Stored = (Vec<u8>, Option<Vec<u8>>, Option<i32>);

/// Where the answer to a request stands: the row is named by a digest of its key, which is not one id.
fn answer_cell(subject: &str, request_id: Uuid, method: &str, actor: &str, organisation: &str) -> Cell {
    let row = Uuid::from_bytes(first_half(digest_of_key(subject, request_id, method, actor, organisation)));
    Cell { table: "requests", column: "response", row }
}

fn digest_of_key(subject: &str, request_id: Uuid, method: &str, actor: &str, organisation: &str) -> [u8; 32] {
    digest(&[subject.as_bytes(), request_id.as_bytes(), method.as_bytes(), actor.as_bytes(), organisation.as_bytes()])
}

/// No part runs into the next one.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

fn first_half(digest: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

/// The key of a stored answer, in the order of the primary key.
type Place = (String, Uuid, String, String, String);

/// Seals the next answers anew that are not sealed with the newest key yet. The cursor is the key of the last one, as JSON.
pub(crate) async fn seal_page(
    conn: &mut PgConnection,
    keys: &Keys,
    after: Option<&str>,
    limit: i64,
) -> Result<Page, Error> {
    let after: Place = match after {
        Some(after) => {
            serde_json::from_str(after).map_err(|_| Error::row_invalid("key_rotations", "after", "requests"))?
        }
        None => Place::default(),
    };
    let answers: Vec<StoredAnswer> = sqlx::query_as(
        "SELECT subject, request_id, method, actor, organisation, region, response, key_version FROM requests \
         WHERE (subject, request_id, method, actor, organisation) > ($1, $2, $3, $4, $5) AND response IS NOT NULL \
         ORDER BY subject, request_id, method, actor, organisation LIMIT $6 FOR NO KEY UPDATE",
    )
    .bind(after.0)
    .bind(after.1)
    .bind(after.2)
    .bind(after.3)
    .bind(after.4)
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    let mut sealed_anew = 0;
    for answer in answers.iter().filter(|answer| answer.key_version != keys.version()) {
        let sealed = keys.seal_bytes(answer.cell(), &Zeroizing::new(answer.open(keys)?))?;
        sqlx::query(
            "UPDATE requests SET response = $6, key_version = $7 \
             WHERE subject = $1 AND request_id = $2 AND method = $3 AND actor = $4 AND organisation = $5",
        )
        .bind(&answer.subject)
        .bind(answer.request_id)
        .bind(&answer.method)
        .bind(&answer.actor)
        .bind(&answer.organisation)
        .bind(sealed)
        .bind(keys.version())
        .execute(&mut *conn)
        .await?;
        sealed_anew += 1;
    }
    let last =
        answers.last().map(|last| (&last.subject, last.request_id, &last.method, &last.actor, &last.organisation));
    let last = last.map(|key| serde_json::to_string(&key)).transpose();
    Ok(Page { sealed_anew, last: last.map_err(|_| Error::row_invalid("requests", "subject", "new"))? })
}

/// A stored answer as a checker finds it.
#[derive(Debug, sqlx::FromRow)]
pub struct StoredAnswer {
    pub subject: String,
    pub request_id: Uuid,
    pub method: String,
    pub actor: String,
    pub organisation: String,
    pub region: String,
    pub response: Vec<u8>,
    pub key_version: i32,
}

impl StoredAnswer {
    /// The encoded answer. `keys` are those of its region.
    pub fn open(&self, keys: &Keys) -> Result<Vec<u8>, Error> {
        keys.open_bytes(self.cell(), self.key_version, &self.response)
    }

    fn cell(&self) -> Cell {
        answer_cell(&self.subject, self.request_id, &self.method, &self.actor, &self.organisation)
    }
}

impl Database {
    /// The answer of an earlier call with the same key. Asked before checks that call others, so that a repetition does not
    /// depend on them.
    pub async fn replay<T>(&self, call: &Call<T>) -> Result<Option<Reply<T>>, Error> {
        // Hardly any call is a repetition: one statement tells, without a transaction around it.
        match call.is_known(&mut *self.service_connection().await?).await {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            // Whoever begins tries another one.
            Err(Error::Database(error)) if is_lost(&error) => {}
            Err(error) => return Err(error),
        }
        let mut tx = self.begin(Scope::Region(call.region)).await?;
        let reply = call.stored(&mut tx).await?;
        tx.finish().await?;
        Ok(reply)
    }

    /// Begins the transaction of a call and claims its key in it.
    pub async fn begin_call<T>(&self, call: &Call<T>) -> Result<Begun<T>, Error> {
        let mut tx = self.begin_with_lock_timeout(Scope::Region(call.region), IN_PROGRESS_WAIT_MS).await?;
        if call.claim(&mut tx).await? {
            return Ok(Begun::Fresh(tx));
        }
        // A key held in another region is out of sight: the caller's region changed, and so did what was asked.
        let reply = call.stored(&mut tx).await?.ok_or(Error::RequestIdReused)?;
        tx.finish().await?;
        Ok(Begun::Replayed(reply))
    }
}
