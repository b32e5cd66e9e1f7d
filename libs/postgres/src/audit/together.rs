//! Entries of a batch: as many as there are, in one statement.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sqlx::{AssertSqlSafe, FromRow, types::Json};
use types::{
    ids::{DelegationId, OrganisationId, ResidentId},
    region::RegionCode,
};
use uuid::Uuid;

use super::{
    Entry, Named,
    digest::Salt,
    tables::{self, Audited, ROWS_MAX},
};
use crate::{Error, Transaction, statement::Statement, vault::PersonKey};

/// What the database answers of an entry.
#[derive(FromRow)]
pub(crate) struct Inserted {
    /// Its rows if they are not as it says.
    wrong: Option<Json<Vec<serde_json::Value>>>,
    /// The state of the erasure of its person.
    erasure: Option<String>,
    resident_id: Option<Uuid>,
}

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
    let entries = Entries::of(tx, entries).await?;
    let (statement, insert) = entries.insert(tx.region()?)?;
    let inserted = sqlx::query_as_with(AssertSqlSafe(insert), statement.into_arguments()).fetch_all(&mut **tx).await?;
    entries.inserted(tx, inserted)
}

/// Entries with what has to be known before they are written.
pub(crate) struct Entries {
    given: Vec<Entry>,
    tables: Vec<Arc<Audited>>,
    residents: BTreeSet<ResidentId>,
    persons: HashMap<ResidentId, PersonKey>,
}

impl Entries {
    pub(crate) async fn of(tx: &mut Transaction, entries: Vec<Entry>) -> Result<Self, Error> {
        let tables = named_tables(tx, &entries).await?;
        let residents: BTreeSet<ResidentId> = entries.iter().filter_map(|entry| entry.resident).collect();
        let persons = tx.person_keys(&residents).await?;
        Ok(Self { given: entries, tables, residents, persons })
    }

    /// Inserts them in their order. Begins the statement, which other parts may follow: the parameters of this one have fixed numbers.
    pub(crate) fn insert(&self, region: RegionCode) -> Result<(Statement, String), Error> {
        let Self { given: entries, tables, persons, .. } = self;
        let mut statement = Statement::in_region(region)?;
        let salts: Vec<Salt> = entries.iter().map(|_| Salt::generate()).collect();
        let stored: Vec<Vec<u8>> =
            entries.iter().zip(&salts).map(|entry| stored(entry, persons)).collect::<Result<_, _>>()?;
        statement.add(entries.iter().map(|entry| entry.actor.to_string()).collect::<Vec<_>>())?;
        statement.add(entries.iter().map(|entry| entry.subject.to_string()).collect::<Vec<_>>())?;
        statement.add(entries.iter().map(|entry| entry.organisation.map(OrganisationId::uuid)).collect::<Vec<_>>())?;
        statement.add(entries.iter().map(|entry| entry.delegation.map(DelegationId::uuid)).collect::<Vec<_>>())?;
        statement.add(entries.iter().map(|entry| entry.resident.map(ResidentId::uuid)).collect::<Vec<_>>())?;
        statement.add(entries.iter().map(|entry| entry.action.to_string()).collect::<Vec<_>>())?;
        statement.add(stored)?;
        for table in tables {
            let rows = rows_of(table, entries, &salts)?;
            let count = i64::try_from(rows.places.len()).unwrap_or(i64::MAX);
            statement.add(rows.places)?;
            statement.add(rows.ids)?;
            statement.add(rows.heads)?;
            statement.add(rows.removed)?;
            statement.add(rows.anew)?;
            statement.add(count)?;
        }
        Ok((statement, tables::insert_all(tables)))
    }

    /// Judges what was answered, entry by entry.
    pub(crate) fn inserted(self, tx: &mut Transaction, inserted: Vec<Inserted>) -> Result<(), Error> {
        let barred: BTreeSet<Uuid> = inserted
            .iter()
            .filter(|it| matches!(it.erasure.as_deref(), Some("CLOSED" | "ERASED")))
            .filter_map(|it| it.resident_id)
            .collect();
        let is_refused =
            |entry: &Entry| !entry.of_keeping && entry.resident.is_some_and(|it| barred.contains(&it.uuid()));
        if self.given.iter().any(is_refused) {
            return Err(Error::ResidentErased);
        }
        if let Some(Json(rows)) = inserted.into_iter().find_map(|it| it.wrong) {
            return Err(Error::RowNotAsRecorded { rows: serde_json::Value::from(rows).to_string() });
        }
        tx.unsealed = true;
        tx.concerned.extend(self.residents);
        Ok(())
    }
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
