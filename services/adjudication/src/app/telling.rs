//! What a transaction has to tell once its rows are written: all audit entries in one statement, all events in another.

use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Error, Transaction};

use super::author::Author;

/// To be written at the end of the transaction, in this order. Entries digest the rows as they stand then.
#[derive(Debug)]
#[must_use]
pub(super) struct Telling<'a> {
    by: Author<'a>,
    entries: Vec<Entry>,
    events: Vec<NewEvent>,
}

impl<'a> Telling<'a> {
    pub(super) const fn by(by: Author<'a>) -> Self {
        Self { by, entries: Vec::new(), events: Vec::new() }
    }

    /// An entry in the author's name, to be completed.
    pub(super) fn begin(&self, action: &'static str) -> Entry {
        self.by.entry(action)
    }

    pub(super) fn traceparent(&self) -> Option<String> {
        self.by.traceparent.clone()
    }

    pub(super) fn entry(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// With the author's trace.
    pub(super) fn event(&mut self, event: NewEvent) {
        self.events.push(event.traceparent(self.by.traceparent.clone()));
    }

    pub(super) async fn write(self, tx: &mut Transaction) -> Result<(), Error> {
        events::append_all(tx, self.events).await?;
        audit::record_all(tx, self.entries).await
    }
}
