//! `identity import-enrolments`: takes in the bureau's file, batch by batch. Each batch is one transaction: its enrolments, events,
//! audit entry, rejected lines, and where the next one begins.

mod command;
mod file;
mod persons;
mod plan;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use postgres::audit::{self, Entry};
use postgres::{Database, Scope, Transaction, events};
use types::clock::{Clock, local_date};
use types::ids::{ImportId, OrganisationId, ResidentId};
use types::region::RegionCode;

pub use command::run;
pub use file::FileError;
use file::{EnrolmentFile, Parsed, Place, digest};
use plan::Plan;

use super::coverage_changed;
use crate::domain::import::{Line, Reason, Rejection, UnknownPersons};
use crate::store::enrolment_imports::{self, Import, Refusal, RejectedLine, Standing};
use crate::store::{enrolment_batch, enrolments, organisations};

/// Everything an import needs.
pub struct Importer {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    /// The tenant.
    pub region: RegionCode,
    /// The bureau.
    pub recorder: OrganisationId,
    pub unknown: UnknownPersons,
    pub batch_rows: usize,
}

/// What an import has come to.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub import: ImportId,
    pub standing: Standing,
    /// Rows that an earlier run had done.
    pub done_before: i64,
}

/// Why an import ends early. What was committed stays, and the next run goes on there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("organisation {0} is not registered")]
    RecorderUnknown(OrganisationId),
    #[error("another process takes in this file")]
    AnotherProcess,
    #[error(transparent)]
    Storage(#[from] postgres::Error),
}

impl ImportError {
    /// Why, in the record of a file that was refused. None where the file is not at fault, nor who brings it.
    fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::File(error) => Some(error.reason()),
            Self::RecorderUnknown(_) => Some("RECORDER_UNKNOWN"),
            Self::AnotherProcess | Self::Storage(_) => None,
        }
    }
}

/// Why a batch was not committed.
#[derive(Debug)]
enum BatchError {
    /// Whoever has these numbers is registered out of sight.
    NumbersTaken(BTreeSet<String>),
    Ends(ImportError),
}

impl<E: Into<ImportError>> From<E> for BatchError {
    fn from(error: E) -> Self {
        Self::Ends(error.into())
    }
}

impl Importer {
    /// Takes in a file from where it was left, and says after each batch how it stands. Nothing is changed by a file that is not whole or
    /// that a stranger brings, nor by one that is done; that it was refused stands in the audit.
    pub async fn take_in(&self, path: &Path, tell: impl FnMut(Standing, i64)) -> Result<Outcome, ImportError> {
        let file = File::open(path).map_err(FileError::from)?;
        let taken_in = match EnrolmentFile::check(&file) {
            Ok(whole) => self.take_in_whole(&whole, tell).await,
            Err(error) => Err(error.into()),
        };
        if let Some(reason) = taken_in.as_ref().err().and_then(ImportError::refusal) {
            self.record_refusal(digest(&file)?, reason).await?;
        }
        taken_in
    }

    async fn take_in_whole(
        &self,
        file: &EnrolmentFile,
        mut tell: impl FnMut(Standing, i64),
    ) -> Result<Outcome, ImportError> {
        let (import, mut standing) = self.begin(file).await?;
        let done_before = standing.row_count;
        let from = match standing.number {
            0 => file.first,
            _ => Place { offset: standing.next_offset.unsigned_abs(), line: standing.next_line.unsigned_abs() },
        };
        let mut lines = file.lines(from)?;
        let today = local_date(self.clock.now());
        loop {
            let batch = lines.next_batch(self.batch_rows, today)?;
            if batch.is_empty() {
                break;
            }
            let done = self.take_in_batch(&import, standing.number + 1, &batch, lines.place()).await?;
            standing = standing.and(done);
            tell(standing, import.row_count);
        }
        if standing.row_count != import.row_count {
            // It was touched while it was read.
            let found = standing.row_count.unsigned_abs();
            return Err(FileError::CountDiffers { said: file.records, found }.into());
        }
        Ok(Outcome { import: import.id, standing, done_before })
    }

    /// Rejected lines after one, in order, at most so many.
    pub async fn rejections(&self, id: ImportId, after: i64, limit: i64) -> Result<Vec<RejectedLine>, ImportError> {
        let mut tx = self.db.begin(Scope::Region(self.region)).await?;
        let rejected = enrolment_imports::rejections(&mut tx, id, after, limit).await?;
        tx.commit().await?;
        Ok(rejected)
    }

    async fn begin(&self, file: &EnrolmentFile) -> Result<(Import, Standing), ImportError> {
        let mut tx = self.db.begin(Scope::Region(self.region)).await?;
        if !organisations::exists(&mut tx, self.recorder).await? {
            return Err(ImportError::RecorderUnknown(self.recorder));
        }
        let new = Import {
            id: ImportId::generate(),
            region: self.region,
            file_digest: file.digest,
            unknown_persons: self.unknown,
            row_count: signed(file.records),
            recorder: self.recorder,
            started_at: self.clock.now(),
        };
        let id = enrolment_imports::begin(&mut tx, &new).await?;
        let standing = enrolment_imports::standing(&mut tx, id).await?;
        tx.commit().await?;
        Ok((Import { id, ..new }, standing))
    }

    async fn record_refusal(&self, file_digest: [u8; 32], reason: &'static str) -> Result<(), ImportError> {
        let refusal =
            Refusal { region: self.region, file_digest, reason, recorder: self.recorder, refused_at: self.clock.now() };
        let mut tx = self.db.begin(Scope::Region(self.region)).await?;
        let id = enrolment_imports::refuse(&mut tx, &refusal).await?;
        let entry = Entry::by_service("identity", "identity.enrolment.import_refused");
        audit::record(&mut tx, entry.row(enrolment_imports::REFUSALS, id)).await?;
        Ok(tx.commit().await?)
    }

    async fn take_in_batch(
        &self,
        import: &Import,
        number: i64,
        batch: &[Parsed],
        next: Place,
    ) -> Result<Standing, ImportError> {
        let mut taken = BTreeSet::new();
        loop {
            match self.attempt(import, number, batch, next, &taken).await {
                Ok(done) => return Ok(done),
                // All of the batch at once: it is begun anew once, and not for each of them.
                Err(BatchError::NumbersTaken(numbers)) => taken.extend(numbers),
                Err(BatchError::Ends(error)) => return Err(error),
            }
        }
    }

    /// One transaction. `taken` are the numbers of persons whom another region has registered.
    async fn attempt(
        &self,
        import: &Import,
        number: i64,
        batch: &[Parsed],
        next: Place,
        taken: &BTreeSet<String>,
    ) -> Result<Standing, BatchError> {
        let now = self.clock.now();
        let mut rejected = vec![];
        let mut lines = vec![];
        for Parsed { line, said } in batch {
            match said {
                Ok(said) => lines.push((*line, said)),
                Err(rejection) => rejected.push(rejected_line(*line, *rejection, "")),
            }
        }

        let mut tx = self.db.begin(Scope::Region(self.region)).await?;
        let (persons, registered) = self.persons(&mut tx, &lines, taken, now).await?;
        let payers = known_payers(&mut tx, &lines).await?;
        let residents: Vec<ResidentId> = persons.values().filter_map(|found| found.ok()).collect();
        enrolment_batch::lock(&mut tx, &residents).await?;
        let believed = enrolment_batch::believed(&mut tx, &residents).await?;
        let mut plan = Plan::new(self.region, self.recorder, now, believed);
        for (line, said) in lines {
            let resident = persons.get(said.national_id.expose()).copied();
            let outcome = match said.terms.payer {
                Some(payer) if !payers.contains(&payer) => Err(Rejection::of(Reason::PayerUnknown)),
                _ => resident.unwrap_or(Err(Rejection::of(Reason::PersonUnknown))),
            };
            if let Err(rejection) = outcome.and_then(|resident| plan.add(resident, said.terms.clone())) {
                rejected.push(rejected_line(line, rejection, &said.national_id.masked()));
            }
        }
        let done = Standing {
            number,
            next_line: signed(next.line),
            next_offset: signed(next.offset),
            row_count: signed(batch.len() as u64),
            recorded: plan.recorded,
            corrected: plan.corrected,
            unchanged: plan.unchanged,
            rejected: signed(rejected.len() as u64),
            registered,
        };
        let first_line = batch.first().map_or(0, |parsed| signed(parsed.line));
        self.write(&mut tx, import, first_line, &done, &plan, &rejected).await?;
        tx.commit().await?;
        Ok(done)
    }

    async fn write(
        &self,
        tx: &mut Transaction,
        import: &Import,
        first_line: i64,
        done: &Standing,
        plan: &Plan,
        rejected: &[RejectedLine],
    ) -> Result<(), ImportError> {
        if !enrolment_imports::add_batch(tx, import, first_line, done).await? {
            return Err(ImportError::AnotherProcess);
        }
        enrolment_batch::supersede(tx, &plan.superseded).await?;
        enrolment_batch::insert(tx, self.region, &plan.written).await?;
        enrolment_imports::reject(tx, import, rejected).await?;
        let told = plan.changed.iter().map(|(resident, from)| coverage_changed::event(*resident, *from, plan.now));
        events::append_all(tx, told.collect()).await?;
        let entry = Entry::by_service("identity", "identity.enrolment.import");
        let entry = enrolment_imports::audited(entry, import, done.number, rejected);
        let changed = plan.superseded.iter().chain(&plan.written);
        audit::record(tx, changed.fold(entry, enrolments::listed)).await?;
        Ok(())
    }
}

/// Those of the payers named that are registered.
async fn known_payers(
    tx: &mut Transaction,
    lines: &[(u64, &Line)],
) -> Result<BTreeSet<OrganisationId>, postgres::Error> {
    let named: BTreeSet<OrganisationId> = lines.iter().filter_map(|(_, said)| said.terms.payer).collect();
    let mut known = BTreeSet::new();
    for payer in named {
        if organisations::exists(tx, payer).await? {
            known.insert(payer);
        }
    }
    Ok(known)
}

fn rejected_line(line: u64, rejection: Rejection, masked: &str) -> RejectedLine {
    RejectedLine {
        line: signed(line),
        reason: rejection.reason.to_string(),
        field: rejection.field.to_owned(),
        masked_id: masked.to_owned(),
    }
}

/// No file has as many bytes.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
