//! What a batch leaves behind, in one statement: each round trip to the database is a wait that every batch after it shares.

use sqlx::{AssertSqlSafe, types::Json};
use uuid::Uuid;

use crate::{
    Answered, Error, Transaction,
    audit::{Entries, Entry},
    events::{self, NewEvent},
    idempotency,
    statement::Statement,
};

/// Events, audit entries and answers of everybody in a batch, each in the order in which it is written.
#[derive(Debug)]
pub struct LeftBehind<'a, T> {
    pub events: Vec<NewEvent>,
    pub entries: Vec<Entry>,
    pub answered: Vec<Answered<'a, T>>,
}

/// Of each entry what is answered of an inserted one; at last, alone, how many answers were stored.
type Row = (Option<Json<Vec<serde_json::Value>>>, Option<String>, Option<Uuid>, Option<i64>);

/// Writes all that is left, stores the answers and commits them together with the work. Nothing of it is done, and
/// [`Error::RequestInProgress`] answered, if one of the keys was taken meanwhile: whoever asks again finds the answer.
pub async fn conclude<T>(mut tx: Transaction, left: LeftBehind<'_, T>) -> Result<(), Error> {
    let LeftBehind { events, entries, answered } = left;
    let (region, keys) = (tx.region()?, tx.keys()?);
    let entries = Entries::of(&mut tx, entries).await?;
    let mut statement = Statement::in_region(region)?;
    let noted = entries.insert(&mut statement)?;
    let told = events::insert_all(&mut statement, events)?;
    let stored = idempotency::insert_all(&mut statement, &keys, &answered)?;
    let conclude = AssertSqlSafe(format!(
        "WITH noted (wrong, erasure, resident_id) AS ({noted}), told AS ({told}), stored AS ({stored}) \
         SELECT wrong, erasure, resident_id, NULL::bigint FROM noted UNION ALL SELECT NULL, NULL, NULL, count(*) FROM stored",
    ));
    let rows: Vec<Row> = sqlx::query_as_with(conclude, statement.into_arguments()).fetch_all(&mut *tx).await?;
    let (mut inserted, mut stored_count) = (vec![], None);
    for (wrong, erasure, resident, count) in rows {
        match count {
            Some(count) => stored_count = Some(count),
            None => inserted.push((wrong, erasure, resident)),
        }
    }
    entries.inserted(&mut tx, inserted)?;
    if stored_count != i64::try_from(answered.len()).ok() {
        return Err(Error::RequestInProgress);
    }
    tx.finish().await
}
