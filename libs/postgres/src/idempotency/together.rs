//! Calls that are answered together, in one transaction of their region. Their keys are claimed with the answers, at its end and sorted:
//! two batches that share a key wait for each other and never in a circle.

use types::{ids::ResidentId, region::RegionCode};
use uuid::Uuid;

use super::{Call, IN_PROGRESS_WAIT_MS, Reply, Stored};
use crate::{Database, Error, Scope, Transaction, database::Plans, statement::Statement, vault};

/// A call with its answer, and whose data the answer tells of.
#[derive(Debug)]
pub struct Answered<'a, T> {
    pub call: &'a Call<T>,
    pub answer: &'a T,
    pub resident: Option<ResidentId>,
}

/// A [`Stored`] answer with the place of its call.
type Placed = (i64, Vec<u8>, Option<Vec<u8>>, Option<i32>);

/// The columns of the keys.
#[derive(Default)]
struct Keys {
    subjects: Vec<String>,
    request_ids: Vec<Uuid>,
    methods: Vec<&'static str>,
    actors: Vec<String>,
    organisations: Vec<String>,
}

impl Keys {
    fn of<'a, T: 'a>(calls: impl Iterator<Item = &'a Call<T>>) -> Self {
        let mut keys = Self::default();
        for call in calls {
            keys.subjects.push(call.key.subject.clone());
            keys.request_ids.push(call.key.request_id);
            keys.methods.push(call.key.method);
            keys.actors.push(call.key.actor.clone());
            keys.organisations.push(call.key.organisation.clone());
        }
        keys
    }
}

impl<T> Call<T> {
    /// Whose transaction it needs.
    pub const fn region(&self) -> RegionCode {
        self.region
    }

    /// Whether both are the same request, or would be but for their bodies.
    pub fn has_key_of(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// The answers of earlier calls with the same keys, each in its place; an error is that of the one call.
pub async fn replay_all<T>(
    tx: &mut Transaction,
    calls: &[&Call<T>],
) -> Result<Vec<Result<Option<Reply<T>>, Error>>, Error> {
    let Keys { subjects, request_ids, methods, actors, organisations } = Keys::of(calls.iter().copied());
    let rows: Vec<Placed> = sqlx::query_as(
        "SELECT asked.place, stored.body_digest, stored.response, stored.key_version \
         FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY \
             AS asked (subject, request_id, method, actor, organisation, place) \
         CROSS JOIN LATERAL (SELECT * FROM requests WHERE requests.subject = asked.subject AND requests.request_id = asked.request_id \
             AND requests.method = asked.method AND requests.actor = asked.actor AND requests.organisation = asked.organisation LIMIT 1) AS stored",
    )
    .bind(subjects)
    .bind(request_ids)
    .bind(methods)
    .bind(actors)
    .bind(organisations)
    .fetch_all(&mut **tx)
    .await?;
    let keys = tx.keys()?;
    let mut replies: Vec<Result<Option<Reply<T>>, Error>> = calls.iter().map(|_| Ok(None)).collect();
    for (place, body_digest, response, key_version) in rows {
        let index = usize::try_from(place - 1).unwrap_or(usize::MAX);
        if let (Some(call), Some(reply)) = (calls.get(index), replies.get_mut(index)) {
            *reply = call.open(&keys, (body_digest, response, key_version)).map(Some);
        }
    }
    Ok(replies)
}

/// Inserts the answers; answers a row for each whose key was not taken.
pub(crate) fn insert_all<T>(
    statement: &mut Statement,
    keys: &vault::Keys,
    answered: &[Answered<'_, T>],
) -> Result<String, Error> {
    let Keys { subjects, request_ids, methods, actors, organisations } = Keys::of(answered.iter().map(|it| it.call));
    let digests: Vec<&[u8]> = answered.iter().map(|it| it.call.body_digest.as_slice()).collect();
    let sealed = answered.iter().map(|it| keys.seal_bytes(it.call.cell(), &(it.call.encode)(it.answer)));
    let sealed: Vec<Vec<u8>> = sealed.collect::<Result<_, _>>()?;
    let residents: Vec<Option<Uuid>> = answered.iter().map(|it| it.resident.map(ResidentId::uuid)).collect();
    let key_version = statement.typed(keys.version())?;
    let lists = [
        statement.typed(subjects)?,
        statement.typed(request_ids)?,
        statement.typed(methods)?,
        statement.typed(actors)?,
        statement.typed(organisations)?,
        statement.typed(digests)?,
        statement.typed(sealed)?,
        statement.typed(residents)?,
    ];
    Ok(format!(
        "INSERT INTO requests (region, subject, request_id, method, actor, organisation, body_digest, response, key_version, resident_ids) \
         SELECT $1, subject, request_id, method, actor, organisation, body_digest, response, {key_version}, \
             array_remove(ARRAY[resident_id], NULL) \
         FROM unnest({}) AS answered (subject, request_id, method, actor, organisation, body_digest, response, resident_id) \
         ORDER BY subject, request_id, method, actor, organisation ON CONFLICT DO NOTHING RETURNING 1",
        lists.join(", ")
    ))
}

impl<T> Call<T> {
    pub(super) fn open(
        &self,
        keys: &vault::Keys,
        (body_digest, response, key_version): Stored,
    ) -> Result<Reply<T>, Error> {
        if body_digest != self.body_digest {
            return Err(Error::RequestIdReused);
        }
        match (response, key_version) {
            (Some(sealed), Some(version)) => Ok(Reply::Replayed(keys.open_bytes(self.cell(), version, &sealed)?)),
            _ => Err(Error::row_invalid("requests", "response", self.request_id)),
        }
    }
}

impl Database {
    /// Begins the transaction of a batch: it waits for no lock longer than a duplicate waits for the request it duplicates, and its
    /// statements are planned once a connection, whatever number of requests they are for.
    pub async fn begin_together(&self, region: RegionCode) -> Result<Transaction, Error> {
        self.begin_planning(Scope::Region(region), IN_PROGRESS_WAIT_MS, Plans::Kept).await
    }
}
