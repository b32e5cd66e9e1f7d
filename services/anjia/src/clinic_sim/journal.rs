//! What a desk has to say to the platform, written down before it is said: each with the request id it is said under, however often. It
//! survives the desk's own machine. It names persons by id alone.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use types::ids::{AppointmentId, RequestId, ResidentId, SlotId, VisitId};

/// Ids are chosen at the desk, so that later work can name earlier work that nobody has answered yet.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(super) enum Work {
    Book {
        appointment: AppointmentId,
        resident: ResidentId,
        slot: SlotId,
    },
    Cancel {
        appointment: AppointmentId,
    },
    /// Of an appointment, or without one.
    CheckIn {
        visit: VisitId,
        resident: ResidentId,
        appointment: Option<AppointmentId>,
        at: DateTime<Utc>,
    },
    EndVisit {
        visit: VisitId,
        at: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(super) enum Outcome {
    /// SHA-256 of the answer.
    Done {
        answer: String,
    },
    Refused {
        reason: String,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) request_id: RequestId,
    pub(super) work: Work,
}

#[derive(Debug, Serialize, Deserialize)]
enum Line {
    Noted(Entry),
    Settled { number: usize, outcome: Outcome },
}

#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    pub(super) entries: Vec<(Entry, Option<Outcome>)>,
}

impl Journal {
    /// What was written before is there again.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path);
        let file = file.with_context(|| format!("opening {}", path.display()))?;
        let mut journal = Self { file, path: path.to_owned(), entries: vec![] };
        for line in BufReader::new(File::open(path)?).lines() {
            match serde_json::from_str(&line?)? {
                Line::Noted(entry) => journal.entries.push((entry, None)),
                Line::Settled { number, outcome } => journal.place(number)?.1 = Some(outcome),
            }
        }
        Ok(journal)
    }

    /// The same, as another process would find it.
    pub(super) fn again(&self) -> Result<Self> {
        Self::open(&self.path)
    }

    pub(super) fn note(&mut self, work: Work) -> Result<usize> {
        let entry = Entry { request_id: RequestId::generate(), work };
        self.write(&Line::Noted(entry.clone()))?;
        self.entries.push((entry, None));
        Ok(self.entries.len() - 1)
    }

    pub(super) fn settle(&mut self, number: usize, outcome: Outcome) -> Result<()> {
        self.write(&Line::Settled { number, outcome: outcome.clone() })?;
        self.place(number)?.1 = Some(outcome);
        Ok(())
    }

    /// What nobody has answered yet, in the order in which it was written.
    pub(super) fn pending(&self) -> Vec<usize> {
        (0..).zip(&self.entries).filter(|(_, (_, outcome))| outcome.is_none()).map(|(number, _)| number).collect()
    }

    fn place(&mut self, number: usize) -> Result<&mut (Entry, Option<Outcome>)> {
        self.entries.get_mut(number).context("the journal settles what it does not hold")
    }

    /// On the disk before anything is said.
    fn write(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        Ok(self.file.sync_data()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_14_what_is_written_down_is_found_again_with_what_came_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("journal")).unwrap();
        let visit = VisitId::generate();
        journal.note(Work::EndVisit { visit, at: DateTime::UNIX_EPOCH }).unwrap();
        journal.note(Work::Cancel { appointment: AppointmentId::generate() }).unwrap();
        journal.settle(1, Outcome::Refused { reason: "APPOINTMENT_NOT_ACTIVE".to_owned() }).unwrap();
        let written = journal.entries.clone();
        let mut found = journal.again().unwrap();
        assert_eq!(found.entries, written);
        assert_eq!(found.pending(), [0]);
        assert!(found.settle(2, Outcome::Done { answer: String::new() }).is_err());
    }
}
