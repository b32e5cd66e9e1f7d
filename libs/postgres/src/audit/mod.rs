//! Audit: who did what for whom, written in the transaction in which it was done.
//!
//! An entry names the rows that were read, written or removed. Of a written one it holds a salted digest of everything that stands in
//! it, so that an edit of the row itself is found later, and so that the entry says nothing about a person once the salt is gone. The
//! database digests the row as it stands when the entry is written: record after the row was written, not before. Which tables are
//! audited, migrations say once (`CALL audited('bills')`), for writing and for verifying alike; that list is audited itself, and
//! `undigested.toml` says why every other table is left out. The sealer chains committed entries, signs checkpoints and anchors them
//! outside the database; another service witnesses them.

mod access;
mod adopt;
mod anchor;
mod chain;
mod checkpoint;
mod digest;
mod held;
pub mod merkle;
mod note;
mod receipt;
mod row;
mod rows;
mod tables;
mod together;
mod told;
mod tree;
mod undigested;
mod verify;
mod witness;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, types::Json};
use types::{
    caller::{Caller, Party},
    ids::{DelegationId, OrganisationId, ResidentId},
    redacted::Redacted,
};

use crate::{Error, Transaction};

pub use access::{Access, AccessKey, accesses};
pub use adopt::{AuditCommand, adopt, run as command};
pub use anchor::{Anchor, Anchored};
pub use chain::{EntryTold, RowTold, seal};
pub use checkpoint::{AuditConfig, latest, prove_consistency, prove_inclusion};
pub(crate) use checkpoint::{CHECKPOINT_ENTRIES_MAX, Notary};
pub use note::{Checkpoint, NoteError, NoteSigner, NoteVerifier};
pub use receipt::{Receipt, ReceiptError, receipt};
pub use row::{Row, What, id};
pub use rows::{Opener, SealedCell, unlock};
pub(crate) use tables::{Audited, Tables};
pub use together::record_all;
pub(crate) use together::{Entries, Inserted};
pub use told::{Told, told};
pub use undigested::{Undigested, undecided, undigested};
pub use verify::{Against, Finding, Place, SeenByWitness, Verified, verify, verify_in};
pub use witness::{Doubt, Refused, Seen, Witness, Witnessed, anchored_as_witnessed, witnessed};

use digest::Salt;

/// What is about to be recorded.
#[derive(Debug, Clone)]
pub struct Entry {
    actor: Party,
    subject: Party,
    organisation: Option<OrganisationId>,
    delegation: Option<DelegationId>,
    resident: Option<ResidentId>,
    action: Cow<'static, str>,
    rows: Vec<Named>,
    /// Of what is done about data that is only kept: recorded also once the person is erased.
    of_keeping: bool,
}

/// The plain text of a sealed column, by the name of it.
pub(crate) type SealedText = (&'static str, Option<Redacted<String>>);

/// A row that the entry will name.
#[derive(Debug, Clone)]
struct Named {
    table: &'static str,
    id: String,
    sealed: Vec<SealedText>,
    removed: bool,
    /// Digested although this transaction did not write it.
    anew: bool,
}

impl Entry {
    /// `action` is `service.resource.verb`. Concerns the resident on whose behalf the caller acts, unless another is named.
    pub fn new(caller: &Caller, action: &'static str) -> Self {
        Self {
            actor: caller.acting().clone(),
            subject: caller.subject.clone(),
            organisation: caller.organisation,
            delegation: caller.delegation,
            resident: caller.resident(),
            action: Cow::Borrowed(action),
            rows: Vec::new(),
            of_keeping: false,
        }
    }

    /// What a background loop does without anybody's token, such as letting a hold expire.
    pub fn by_service(service: &str, action: &'static str) -> Self {
        let party = Party::Service(service.to_owned());
        Self {
            actor: party.clone(),
            subject: party,
            organisation: None,
            delegation: None,
            resident: None,
            action: Cow::Borrowed(action),
            rows: Vec::new(),
            of_keeping: true,
        }
    }

    /// What this crate does in a service's name; `what` follows the service in the action, such as `erasure.close`.
    pub(crate) fn by_platform(service: &str, what: &str) -> Self {
        Self { action: Cow::Owned(format!("{service}.{what}")), ..Self::by_service(service, "") }
    }

    /// A call that was refused to somebody whom a good token named. It concerns nobody's data: none was shown.
    pub(crate) fn refused(
        actor: &Party,
        subject: &Party,
        organisation: Option<OrganisationId>,
        delegation: Option<DelegationId>,
        action: &'static str,
    ) -> Self {
        let (actor, subject) = (actor.clone(), subject.clone());
        let action = Cow::Borrowed(action);
        Self { actor, subject, organisation, delegation, resident: None, action, rows: Vec::new(), of_keeping: true }
    }

    /// The person whose data it concerns.
    #[must_use]
    pub fn resident(self, resident: ResidentId) -> Self {
        Self { resident: Some(resident), ..self }
    }

    /// Recorded also of a person who is erased: what an operator is told of what is kept. Anything else is refused then.
    #[must_use]
    pub fn of_keeping(self) -> Self {
        Self { of_keeping: true, ..self }
    }

    /// A row that was written or read; which of the two, the database knows. `id` is its key, that of several
    /// columns joined by [`id()`].
    #[must_use]
    pub fn row(self, table: &'static str, id: impl fmt::Display) -> Self {
        self.sealed_row(table, id, [])
    }

    /// As [`Entry::row`], with the plain text of its sealed columns.
    #[must_use]
    pub fn sealed_row<'a>(
        self,
        table: &'static str,
        id: impl fmt::Display,
        sealed: impl IntoIterator<Item = (&'static str, Option<&'a str>)>,
    ) -> Self {
        let sealed = sealed.into_iter();
        let sealed = sealed.map(|(column, text)| (column, text.map(|text| Redacted::new(text.to_owned())))).collect();
        self.named(Named { table, id: id.to_string(), sealed, removed: false, anew: false })
    }

    /// A row that was there and is gone.
    #[must_use]
    pub fn removed(self, table: &'static str, id: impl fmt::Display) -> Self {
        self.named(Named { table, id: id.to_string(), sealed: vec![], removed: true, anew: false })
    }

    /// A row as it stands, with the plain text of its sealed columns: digested under the present key of the person although nothing of
    /// it changed.
    pub(crate) fn anew(self, table: &'static str, id: impl fmt::Display, sealed: Vec<SealedText>) -> Self {
        self.named(Named { table, id: id.to_string(), sealed, removed: false, anew: true })
    }

    fn named(mut self, row: Named) -> Self {
        self.rows.push(row);
        self
    }
}

impl Named {
    /// What is digested of the row before its columns; `None` if a sealed column was not given, which only a written row needs.
    fn head(&self, salt: &Salt, table: &Audited) -> Option<Vec<u8>> {
        let given = |column: &String| self.sealed.iter().find(|(name, _)| name == column);
        let sealed: Option<Vec<Option<&str>>> = table
            .sealed
            .iter()
            .map(|column| given(column).map(|(_, text)| text.as_ref().map(|text| text.expose().as_str())))
            .collect();
        let salt = salt.of_row(&table.name, &self.id);
        Some(digest::head(&salt, &table.name, &self.id, table.version(), &sealed?))
    }
}

/// Writes the entry in the transaction of what it tells of, after its rows. Its time is that of the transaction, by the database's
/// clock. Refused with [`Error::ResidentErased`] if the person is erased, or about to be: their data is only kept.
pub async fn record(tx: &mut Transaction, entry: Entry) -> Result<(), Error> {
    let region = tx.region()?;
    let mut tables: Vec<Arc<Audited>> = vec![];
    for row in &entry.rows {
        if !tables.iter().any(|table| table.name == row.table) {
            tables.push(tx.audited(row.table).await?);
        }
    }

    let person = match entry.resident {
        Some(resident) => Some(tx.person_key(resident).await?),
        None => None,
    };
    let salt = Salt::generate();
    let mut insert = sqlx::query_as(AssertSqlSafe(tables::insert(&tables)))
        .bind(region.as_str())
        .bind(entry.actor.to_string())
        .bind(entry.subject.to_string())
        .bind(entry.organisation.map(OrganisationId::uuid))
        .bind(entry.delegation.map(DelegationId::uuid))
        .bind(entry.resident.map(ResidentId::uuid))
        .bind(entry.action.as_ref())
        .bind(salt.stored(person.as_ref())?);
    for table in &tables {
        let (mut places, mut ids, mut heads, mut removed, mut anew) = (vec![], vec![], vec![], vec![], vec![]);
        for (place, row) in (0_i32..).zip(&entry.rows).filter(|(_, row)| row.table == table.name) {
            places.push(place);
            ids.push(row.id.clone());
            heads.push(row.head(&salt, table));
            removed.push(row.removed);
            anew.push(row.anew);
        }
        let count = i64::try_from(places.len()).unwrap_or(i64::MAX);
        insert = insert.bind(places).bind(ids).bind(heads).bind(removed).bind(anew).bind(count);
    }
    let (wrong, erasure): (Option<Json<Vec<serde_json::Value>>>, Option<String>) = insert.fetch_one(&mut **tx).await?;
    if !entry.of_keeping && matches!(erasure.as_deref(), Some("CLOSED" | "ERASED")) {
        return Err(Error::ResidentErased);
    }
    if let Some(Json(rows)) = wrong {
        return Err(Error::RowNotAsRecorded { rows: serde_json::Value::from(rows).to_string() });
    }
    tx.unsealed = true;
    tx.concerned.extend(entry.resident);
    Ok(())
}
