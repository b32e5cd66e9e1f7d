//! What a batch leaves behind, in one statement: each round trip to the database is a wait that every batch after it shares.

use sqlx::{AssertSqlSafe, FromRow};

use crate::{
    Answered, Error, Transaction,
    audit::{Entries, Entry, Inserted},
    events::{self, NewEvent},
    idempotency,
};

/// Events, audit entries and answers of everybody in a batch, each in the order in which it is written.
#[derive(Debug)]
pub struct LeftBehind<'a, T> {
    pub events: Vec<NewEvent>,
    pub entries: Vec<Entry>,
    pub answered: Vec<Answered<'a, T>>,
}

/// One for each entry, and one of no entry that has the count.
#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    inserted: Inserted,
    /// How many answers were stored.
    stored_count: Option<i64>,
}

/// Writes all that is left, stores the answers and commits them together with the work. Nothing of it is done, and
/// [`Error::RequestInProgress`] answered, if one of the keys was taken meanwhile: whoever asks again finds the answer.
pub async fn conclude<T>(mut tx: Transaction, left: LeftBehind<'_, T>) -> Result<(), Error> {
    let LeftBehind { events, entries, answered } = left;
    let (region, keys) = (tx.region()?, tx.keys()?);
    let entries = Entries::of(&mut tx, entries).await?;
    let (mut statement, noted) = entries.insert(region)?;
    let told = events::insert_all(&mut statement, events)?;
    let stored = idempotency::insert_all(&mut statement, &keys, &answered)?;
    let conclude = AssertSqlSafe(format!(
        "WITH noted AS ({noted}), told AS ({told}), stored AS ({stored}) \
         SELECT wrong, erasure, resident_id, NULL::bigint AS stored_count FROM noted \
         UNION ALL SELECT NULL, NULL, NULL, count(*) FROM stored",
    ));
    let rows: Vec<Row> = sqlx::query_as_with(conclude, statement.into_arguments()).fetch_all(&mut *tx).await?;
    let stored_count = rows.iter().find_map(|row| row.stored_count);
    entries.inserted(&mut tx, rows.into_iter().map(|row| row.inserted).collect())?;
    if stored_count != i64::try_from(answered.len()).ok() {
        return Err(Error::RequestInProgress);
    }
    tx.finish().await
}
