//! The bureau's file: whole or refused, then read from where an import goes on. The format is `imports/README.md`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};

use chrono::NaiveDate;
use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};
use sha2::{Digest as _, Sha256};

use crate::domain::import::{COLUMNS, Line, Reason, Rejection};

/// More than any trailer has.
const TRAILER_BYTES_MAX: usize = 200;
const HASHED_AT_ONCE_BYTES: usize = 1 << 20;

/// Why a file is not touched at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("reading the file")]
    Read(#[from] io::Error),
    #[error("reading the file")]
    Csv(#[from] csv::Error),
    #[error("the file is cut off: it does not end with a trailer such as #END,<records>,<SHA-256>")]
    TrailerMissing,
    #[error("the file is cut off or was touched: its trailer is of other bytes")]
    DigestDiffers,
    #[error("the file is cut off or was touched: its trailer says {said} records, it has {found}")]
    CountDiffers { said: u64, found: u64 },
    #[error("the first line must be: {}", COLUMNS.join(","))]
    Header,
    #[error("the file was cut off or touched while it was read")]
    Meanwhile,
}

impl FileError {
    /// Why, in the record of a file that was refused.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Read(_) | Self::Csv(_) => "UNREADABLE",
            Self::TrailerMissing => "TRAILER_MISSING",
            Self::DigestDiffers => "DIGEST_DIFFERS",
            Self::CountDiffers { .. } => "COUNT_DIFFERS",
            Self::Header => "HEADER_DIFFERS",
            Self::Meanwhile => "CHANGED_MEANWHILE",
        }
    }
}

/// A file that is whole. It stays open: what is put in its place after the check is not what is read.
#[derive(Debug)]
pub(super) struct EnrolmentFile {
    file: File,
    /// Of every byte.
    pub digest: [u8; 32],
    pub records: u64,
    /// Where the trailer begins.
    body_end: u64,
    bytes: u64,
    /// Where the first record begins.
    pub first: Place,
}

/// A place in the file at which a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub offset: u64,
    pub line: u64,
}

/// A line as it was read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub line: u64,
    pub said: Result<Line, Rejection>,
}

struct Trailer {
    records: u64,
    body_digest: Vec<u8>,
}

impl EnrolmentFile {
    /// Reads the file twice, for its digest and for its records, and changes nothing.
    pub(super) fn check(file: &File) -> Result<Self, FileError> {
        let mut file = file.try_clone()?;
        let (trailer, body_end) = trailer(&mut file)?;
        let (body_digest, digest) = digests(&mut file, body_end)?;
        if body_digest.as_slice() != trailer.body_digest {
            return Err(FileError::DigestDiffers);
        }
        let mut reader = reader(&file, 0, body_end)?;
        let mut record = ByteRecord::new();
        if !reader.read_byte_record(&mut record)? || record.iter().ne(COLUMNS.iter().map(|column| column.as_bytes())) {
            return Err(FileError::Header);
        }
        let first = Place { offset: reader.position().byte(), line: reader.position().line() };
        let mut found = 0;
        while reader.read_byte_record(&mut record)? {
            found += 1;
        }
        if found != trailer.records {
            return Err(FileError::CountDiffers { said: trailer.records, found });
        }
        let bytes = file.metadata()?.len();
        Ok(Self { file, digest, records: found, body_end, bytes, first })
    }

    /// The records from a place on. One reader at a time: they share where the file is read.
    pub(super) fn lines(&self, from: Place) -> Result<Lines, FileError> {
        Ok(Lines { reader: reader(&self.file, from.offset, self.body_end)?, from, bytes: self.bytes })
    }
}

/// What is left to read.
pub(super) struct Lines {
    reader: Reader<Take<File>>,
    from: Place,
    /// Of the whole file.
    bytes: u64,
}

impl Lines {
    /// Where the next record begins.
    pub(super) fn place(&self) -> Place {
        let read = self.reader.position();
        Place { offset: self.from.offset + read.byte(), line: self.from.line + read.line() - 1 }
    }

    /// The next records, at most so many; none at the end. Refused if the file has become shorter or longer: the last of them may then be
    /// half a record, and where the next begins is not known.
    pub(super) fn next_batch(&mut self, records_max: usize, today: NaiveDate) -> Result<Vec<Parsed>, FileError> {
        let mut batch = Vec::with_capacity(records_max);
        let mut record = ByteRecord::new();
        while batch.len() < records_max {
            let line = self.place().line;
            if !self.reader.read_byte_record(&mut record)? {
                break;
            }
            batch.push(Parsed { line, said: parse(&record, today) });
        }
        if self.reader.get_ref().get_ref().metadata()?.len() != self.bytes {
            return Err(FileError::Meanwhile);
        }
        Ok(batch)
    }
}

fn parse(record: &ByteRecord, today: NaiveDate) -> Result<Line, Rejection> {
    let text = StringRecord::from_byte_record(record.clone()).map_err(|_| Rejection::of(Reason::InvalidField))?;
    Line::parse(&text.iter().collect::<Vec<_>>(), today)
}

fn reader(file: &File, from: u64, until: u64) -> Result<Reader<Take<File>>, FileError> {
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(from))?;
    // Flexible, so that a line with too few columns is that line's fault and not the file's.
    Ok(ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file.take(until.saturating_sub(from))))
}

fn trailer(file: &mut File) -> Result<(Trailer, u64), FileError> {
    let length = file.metadata()?.len();
    let tail_length = length.min(TRAILER_BYTES_MAX as u64);
    file.seek(SeekFrom::Start(length - tail_length))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let text = tail.trim_ascii_end();
    let begins = text.iter().rposition(|byte| *byte == b'\n').ok_or(FileError::TrailerMissing)? + 1;
    let trailer = text.get(begins..).and_then(Trailer::parse).ok_or(FileError::TrailerMissing)?;
    Ok((trailer, length - tail_length + begins as u64))
}

/// Of every byte of a file, whole or not.
pub(super) fn digest(mut file: &File) -> Result<[u8; 32], FileError> {
    file.rewind()?;
    let mut hasher = Sha256::new();
    hash(&mut hasher, &mut file)?;
    Ok(hasher.finalize().into())
}

/// Of the bytes before the trailer, and of all.
fn digests(file: &mut File, body_end: u64) -> Result<([u8; 32], [u8; 32]), FileError> {
    file.rewind()?;
    let mut hasher = Sha256::new();
    hash(&mut hasher, &mut file.by_ref().take(body_end))?;
    let body_digest = hasher.clone().finalize().into();
    hash(&mut hasher, file)?;
    Ok((body_digest, hasher.finalize().into()))
}

fn hash(hasher: &mut Sha256, from: &mut impl Read) -> io::Result<()> {
    let mut buffer = vec![0; HASHED_AT_ONCE_BYTES];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

impl Trailer {
    fn parse(line: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(line).ok()?.strip_prefix("#END,")?.split(',');
        let records = parts.next()?.parse().ok()?;
        let body_digest = hex::decode(parts.next()?).ok().filter(|digest| digest.len() == 32)?;
        parts.next().is_none().then_some(Self { records, body_digest })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const EXAMPLE: &str = include_str!("../../../imports/example.csv");

    fn check(text: &[u8]) -> Result<EnrolmentFile, FileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        check_at(file.path())
    }

    fn check_at(path: &Path) -> Result<EnrolmentFile, FileError> {
        EnrolmentFile::check(&File::open(path).unwrap())
    }

    fn today() -> NaiveDate {
        "2026-03-01".parse().unwrap()
    }

    #[test]
    fn id_03_the_example_is_read_from_any_record_on() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("imports/example.csv");
        let file = check_at(&path).unwrap();
        assert_eq!(file.records, 3);
        let mut lines = file.lines(file.first).unwrap();
        let first = lines.next_batch(2, today()).unwrap();
        assert_eq!(first.iter().map(|line| line.line).collect::<Vec<_>>(), [2, 3]);
        assert!(first.iter().all(|line| line.said.is_ok()));
        let rest = file.lines(lines.place()).unwrap().next_batch(10, today()).unwrap();
        assert_eq!(rest.iter().map(|line| line.line).collect::<Vec<_>>(), [4]);
        assert!(rest[0].said.is_ok());
    }

    #[test]
    fn id_03_a_file_that_is_swapped_after_its_check_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (checked, other) = (folder.path().join("checked.csv"), folder.path().join("other.csv"));
        std::fs::write(&checked, EXAMPLE).unwrap();
        std::fs::write(&other, EXAMPLE.replace("2010-01-01", "2011-01-01")).unwrap();
        let file = check_at(&checked).unwrap();
        let read = |file: &EnrolmentFile| {
            let batch = file.lines(file.first).unwrap().next_batch(10, today()).unwrap();
            batch.into_iter().map(|line| line.said.unwrap().terms.from).collect::<Vec<_>>()
        };
        let before = read(&file);
        std::fs::rename(&other, &checked).unwrap();
        assert_eq!(read(&file), before);
    }

    #[test]
    fn id_03_a_file_that_is_cut_off_while_it_is_read_gives_no_half_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.csv");
        let end = EXAMPLE.find("#END").unwrap();
        let last = EXAMPLE[..end - 1].rfind('\n').unwrap() + 1;
        for length in [0, last, last + 20, end, EXAMPLE.len() - 1] {
            std::fs::write(&path, EXAMPLE).unwrap();
            let file = check_at(&path).unwrap();
            let mut lines = file.lines(file.first).unwrap();
            assert_eq!(lines.next_batch(1, today()).unwrap().len(), 1);
            let place = lines.place();
            File::options().write(true).open(&path).unwrap().set_len(length as u64).unwrap();
            for mut lines in [lines, file.lines(place).unwrap()] {
                let read = lines.next_batch(1, today());
                assert!(matches!(read, Err(FileError::Meanwhile)), "cut off after {length} bytes: {read:?}");
            }
        }
    }

    #[test]
    fn id_03_a_file_that_is_cut_off_anywhere_is_refused() {
        let bytes = EXAMPLE.as_bytes();
        // Without its last line break alone it is still whole.
        assert!(check(&bytes[..bytes.len() - 1]).is_ok());
        for length in 0..bytes.len() - 1 {
            assert!(check(&bytes[..length]).is_err(), "cut off after {length} bytes");
        }
    }

    #[test]
    fn id_03_a_file_that_was_touched_is_refused() {
        let body = EXAMPLE.rsplit_once("#END").unwrap().0;
        assert!(matches!(check(EXAMPLE.replace("2010-01-01", "2011-01-01").as_bytes()), Err(FileError::DigestDiffers)));
        let with_count = |count: u32| format!("{body}#END,{count},{}\n", hex::encode(Sha256::digest(body)));
        assert!(check(with_count(3).as_bytes()).is_ok());
        assert!(matches!(check(with_count(2).as_bytes()), Err(FileError::CountDiffers { said: 2, found: 3 })));
        let headless = body.split_once('\n').unwrap().1;
        let text = format!("{headless}#END,3,{}\n", hex::encode(Sha256::digest(headless)));
        assert!(matches!(check(text.as_bytes()), Err(FileError::Header)));
    }
}
