//! Where checkpoints are kept outside the database: a folder that only grows, on another disk or a mounted object store.
//!
//! Each checkpoint is a file of its own that is made once and never opened for writing again; beside it stand the hashes of the
//! entries since the one before, so that a rewritten chain is not only found, but the first entry of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::merkle::Hash;

/// A checkpoint as it was anchored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchored {
    pub size: u64,
    pub note: String,
    /// Hashes of the entries up to `size`, as many as were new.
    pub hashes: Vec<Hash>,
}

impl Anchored {
    /// The size of the checkpoint before it; 0 before the first.
    pub(super) fn first(&self) -> u64 {
        self.size.saturating_sub(self.hashes.len() as u64)
    }
}

/// The folder of one service.
#[derive(Debug, Clone)]
pub struct Anchor {
    folder: PathBuf,
}

impl Anchor {
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a checkpoint for good. One of the same size that says something else is an error: two histories were signed.
    pub(super) fn keep(&self, anchored: &Anchored) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        write_once(&self.path(anchored.size, "hashes"), &anchored.hashes.concat())?;
        write_once(&self.path(anchored.size, "note"), anchored.note.as_bytes())?;
        File::open(&self.folder)?.sync_all()
    }

    /// Whether a checkpoint of that size was anchored.
    pub fn has(&self, size: u64) -> bool {
        self.path(size, "note").exists()
    }

    /// All that was anchored, from the first on; one after the other, since there may be many.
    pub fn all(&self) -> io::Result<impl Iterator<Item = io::Result<Anchored>>> {
        let mut sizes = vec![];
        match fs::read_dir(&self.folder) {
            Ok(files) => {
                for file in files {
                    let name = file?.file_name();
                    let size = name
                        .to_str()
                        .and_then(|name| name.strip_suffix(".note"))
                        .and_then(|size| size.parse::<u64>().ok());
                    sizes.extend(size);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        sizes.sort_unstable();
        Ok(sizes.into_iter().map(|size| self.get(size)))
    }

    fn get(&self, size: u64) -> io::Result<Anchored> {
        let hashes = fs::read(self.path(size, "hashes"))?;
        let (hashes, rest) = hashes.as_chunks();
        if !rest.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a file of hashes was cut off"));
        }
        Ok(Anchored { size, note: fs::read_to_string(self.path(size, "note"))?, hashes: hashes.to_vec() })
    }

    fn path(&self, size: u64, kind: &str) -> PathBuf {
        self.folder.join(format!("{size:020}.{kind}"))
    }
}

/// Writes a file that was not there, down to the disk; one that was there must hold the same.
fn write_once(path: &Path, content: &[u8]) -> io::Result<()> {
    let written = path.with_extension("new");
    match fs::read(path) {
        Ok(before) if before == content => return Ok(()),
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the anchor holds another checkpoint of this size",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&written)?;
    file.write_all(content)?;
    file.sync_all()?;
    // A link fails where the name is taken, so nothing is ever replaced.
    fs::hard_link(&written, path)?;
    fs::remove_file(written)
}
