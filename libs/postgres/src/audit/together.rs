//! Entries of a batch: as many as there are, in one statement.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sqlx::{AssertSqlSafe, types::Json};
use types::ids::{DelegationId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::{
    Entry, Named,
    digest::Salt,
    tables::{self, Audited, ROWS_MAX},
};
use crate::{Error, Transaction, vault::PersonKey};

/// What the database answers of an entry: its rows if they are not as it says, the state of the erasure of its person, and who that is.
type Inserted = (Option<Json<Vec<serde_json::Value>>>, Option<String>, Option<Uuid>);

/// Rows of one table, of all entries.
#[derive(Default)]
struct Rows {
    places: Vec<i32>,
    ids: Vec<String>,
    heads: Vec<Option<Vec<u8>>>,
    removed: Vec<bool>,
    anew: Vec<bool>,
}

/// Writes many entries in their order, each as [`super::record`] would: all or none. For an entry of somebody who is erased all are refused.
pub async fn record_all(tx: &mut Transaction, entries: Vec<Entry>) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let region = tx.region()?;
    let tables = named_tables(tx, &entries).await?;
    let residents: BTreeSet<ResidentId> = entries.iter().filter_map(|entry| entry.resident).collect();
    let persons = tx.person_keys(&residents).await?;
    let salts: Vec<Salt> = entries.iter().map(|_| Salt::generate()).collect();
    let stored: Vec<Vec<u8>> =
        entries.iter().zip(&salts).map(|entry| stored(entry, &persons)).collect::<Result<_, _>>()?;

    let mut insert = sqlx::query_as(AssertSqlSafe(tables::insert_all(&tables)))
        .bind(region.as_str())
        .bind(entries.iter().map(|entry| entry.actor.to_string()).collect::<Vec<_>>())
        .bind(entries.iter().map(|entry| entry.subject.to_string()).collect::<Vec<_>>())
        .bind(entries.iter().map(|entry| entry.organisation.map(OrganisationId::uuid)).collect::<Vec<_>>())
        .bind(entries.iter().map(|entry| entry.delegation.map(DelegationId::uuid)).collect::<Vec<_>>())
        .bind(entries.iter().map(|entry| entry.resident.map(ResidentId::uuid)).collect::<Vec<_>>())
        .bind(entries.iter().map(|entry| entry.action.to_string()).collect::<Vec<_>>())
        .bind(stored);
    for table in &tables {
        let rows = rows_of(table, &entries, &salts)?;
        let count = i64::try_from(rows.places.len()).unwrap_or(i64::MAX);
        insert =
            insert.bind(rows.places).bind(rows.ids).bind(rows.heads).bind(rows.removed).bind(rows.anew).bind(count);
    }
    let inserted: Vec<Inserted> = insert.fetch_all(&mut **tx).await?;
    let barred: BTreeSet<Uuid> = inserted
        .iter()
        .filter(|(_, erasure, _)| matches!(erasure.as_deref(), Some("CLOSED" | "ERASED")))
        .filter_map(|(.., resident)| *resident)
        .collect();
    let is_refused = |entry: &Entry| !entry.of_keeping && entry.resident.is_some_and(|it| barred.contains(&it.uuid()));
    if entries.iter().any(is_refused) {
        return Err(Error::ResidentErased);
    }
    if let Some(Json(rows)) = inserted.into_iter().find_map(|(wrong, ..)| wrong) {
        return Err(Error::RowNotAsRecorded { rows: serde_json::Value::from(rows).to_string() });
    }
    tx.unsealed = true;
    tx.concerned.extend(residents);
    Ok(())
}

async fn named_tables(tx: &mut Transaction, entries: &[Entry]) -> Result<Vec<Arc<Audited>>, Error> {
    let mut tables: Vec<Arc<Audited>> = vec![];
    for row in entries.iter().flat_map(|entry| &entry.rows) {
        if !tables.iter().any(|table| table.name == row.table) {
            tables.push(tx.audited(row.table).await?);
        }
    }
    Ok(tables)
}

fn stored((entry, salt): (&Entry, &Salt), persons: &HashMap<ResidentId, PersonKey>) -> Result<Vec<u8>, Error> {
    salt.stored(entry.resident.and_then(|resident| persons.get(&resident)))
}

fn rows_of(table: &Audited, entries: &[Entry], salts: &[Salt]) -> Result<Rows, Error> {
    let mut rows = Rows::default();
    for (number, (entry, salt)) in (1_i32..).zip(entries.iter().zip(salts)) {
        for (place, row) in (0_i32..).zip(&entry.rows).filter(|(_, row)| row.table == table.name) {
            let within = Some(place).filter(|place| *place < ROWS_MAX);
            let place = within.zip(number.checked_mul(ROWS_MAX)).map(|(place, first)| first + place);
            rows.push(place.ok_or_else(|| too_many(row))?, row, row.head(salt, table));
        }
    }
    Ok(rows)
}

impl Rows {
    fn push(&mut self, place: i32, row: &Named, head: Option<Vec<u8>>) {
        self.places.push(place);
        self.ids.push(row.id.clone());
        self.heads.push(head);
        self.removed.push(row.removed);
        self.anew.push(row.anew);
    }
}

fn too_many(row: &Named) -> Error {
    Error::row_invalid("audit_entries", "rows", &row.id)
}
