//! The files of a folder of tables, and where their bytes come from.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord};
use sha2::{Digest as _, Sha256};

use crate::error::{Problem, TableError};

/// Every folder has these.
pub const REQUIRED: [&str; 9] = [
    "mdc.csv",
    "mdc_dx.csv",
    "adrg.csv",
    "adrg_dx.csv",
    "adrg_procedure.csv",
    "valid_procedure.csv",
    "complication.csv",
    "exclusion.csv",
    "drg.csv",
];
/// What explanations call codes by. A folder without them explains by codes alone.
pub const OPTIONAL: [&str; 2] = ["dx_name.csv", "procedure_name.csv"];

/// The bytes of a folder's files. They need not lie in a folder.
#[derive(Debug, Default, Clone)]
pub struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self(files.into_iter().collect())
    }

    /// From a folder of the disk; files that are no table are left alone.
    pub fn read(folder: &Path) -> Result<Self, TableError> {
        let mut files = Vec::new();
        for name in REQUIRED.iter().chain(&OPTIONAL) {
            match std::fs::read(folder.join(name)) {
                Ok(bytes) => files.push(((*name).to_owned(), bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && OPTIONAL.contains(name) => {}
                Err(error) => return Err(whole(name, Problem::Unreadable(error.to_string()))),
            }
        }
        Ok(Self(files))
    }

    fn find(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, bytes)| bytes.as_slice())
    }

    /// One column of a table, row by row.
    pub fn column(&self, name: &str, column: usize) -> Result<Vec<String>, TableError> {
        let bytes = self.find(name).ok_or_else(|| whole(name, Problem::Unreadable("is not there".to_owned())))?;
        let mut values = Vec::new();
        for record in ReaderBuilder::new().from_reader(bytes).records() {
            let record = record.map_err(|error| whole(name, Problem::NotCsv(error.to_string())))?;
            values.push(record.get(column).unwrap_or_default().to_owned());
        }
        Ok(values)
    }

    /// SHA-256 over the tables that decide, in their fixed order: two folders with the same digest group alike.
    pub(crate) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for name in REQUIRED {
            let bytes = self.find(name).unwrap_or_default();
            hash.update(name.as_bytes());
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        }
        hex::encode(hash.finalize())
    }

    /// The rows of a table with exactly these columns, to be read in order. None where an optional file is not there.
    pub(crate) fn rows<const N: usize>(
        &self,
        name: &'static str,
        columns: [&'static str; N],
        mut row: impl FnMut(&Row<'_, N>) -> Result<(), Problem>,
    ) -> Result<u64, TableError> {
        let Some(bytes) = self.find(name) else {
            if OPTIONAL.contains(&name) {
                return Ok(0);
            }
            return Err(whole(name, Problem::Unreadable("is not there".to_owned())));
        };
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = ReaderBuilder::new().flexible(false).from_reader(bytes);
        let not_csv = |error: &csv::Error| {
            let line = error.position().map_or(0, csv::Position::line);
            TableError { file: name.to_owned(), line, problem: Problem::NotCsv(error.to_string()) }
        };
        let header = reader.headers().map_err(|error| not_csv(&error))?;
        if !header.iter().eq(columns) {
            let problem = Problem::Header { expected: columns.join(",") };
            return Err(TableError { file: name.to_owned(), line: 1, problem });
        }
        let mut record = StringRecord::new();
        let mut last = 1;
        while reader.read_record(&mut record).map_err(|error| not_csv(&error))? {
            let line = record.position().map_or(0, csv::Position::line);
            last = line;
            let read = Row { columns, record: &record };
            row(&read).map_err(|problem| TableError { file: name.to_owned(), line, problem })?;
        }
        Ok(last)
    }
}

pub(crate) fn whole(name: &str, problem: Problem) -> TableError {
    TableError { file: name.to_owned(), line: 0, problem }
}

pub(crate) struct Row<'a, const N: usize> {
    columns: [&'static str; N],
    record: &'a StringRecord,
}

impl<'a, const N: usize> Row<'a, N> {
    pub(crate) fn optional(&self, column: usize) -> &'a str {
        self.record.get(column).unwrap_or_default().trim()
    }

    pub(crate) fn text(&self, column: usize) -> Result<&'a str, Problem> {
        match self.optional(column) {
            "" => Err(Problem::Blank(self.column(column))),
            text => Ok(text),
        }
    }

    pub(crate) fn number(&self, column: usize) -> Result<u32, Problem> {
        let text = self.text(column)?;
        text.parse().map_err(|_| Problem::NotANumber { column: self.column(column), text: text.to_owned() })
    }

    pub(crate) fn optional_number(&self, column: usize) -> Result<Option<u32>, Problem> {
        if self.optional(column).is_empty() { Ok(None) } else { self.number(column).map(Some) }
    }

    pub(crate) fn column(&self, column: usize) -> &'static str {
        self.columns.get(column).copied().unwrap_or_default()
    }
}
