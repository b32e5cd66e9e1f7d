//! Where checkpoints are kept outside the database: a folder that only grows, on another disk or a mounted object store.
//!
//! Each checkpoint is a file of its own that is made once and never opened for writing again; beside it stand the hashes of the
//! entries since the one before, so that a rewritten chain is not only found, but the first entry of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

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

    /// Makes the folder where it is missing.
    pub(super) fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)
    }

    /// Keeps a checkpoint for good. One of the same size that says something else is an error: two histories were signed.
    pub(super) fn keep(&self, anchored: &Anchored) -> io::Result<()> {
        self.make()?;
        write_once(&self.path(anchored.size, "hashes"), &anchored.hashes.concat(), &WAYS)?;
        write_once(&self.path(anchored.size, "note"), anchored.note.as_bytes(), &WAYS)?;
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

/// A way to give a written file its name for good, if that name is free.
type Way = fn(written: &Path, path: &Path, content: &[u8]) -> io::Result<()>;

/// The first that the file system has. Mounted object stores may lack the first two; with the last a file is seen when it is complete
/// there, and elsewhere a crash may leave a part of it, which [`write_once`] tells from a whole one.
const WAYS: [Way; 3] = [link, rename, create];

fn link(written: &Path, path: &Path, _: &[u8]) -> io::Result<()> {
    fs::hard_link(written, path)?;
    fs::remove_file(written)
}

fn rename(written: &Path, path: &Path, _: &[u8]) -> io::Result<()> {
    Ok(renameat_with(CWD, written, CWD, path, RenameFlags::NOREPLACE)?)
}

fn create(written: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    write(OpenOptions::new().write(true).create_new(true), path, content)?;
    fs::remove_file(written)
}

fn write(how: &OpenOptions, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = how.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Writes a file that was not there, down to the disk; one that was there must hold the same.
fn write_once(path: &Path, content: &[u8], ways: &[Way]) -> io::Result<()> {
    let taken = || io::Error::new(io::ErrorKind::AlreadyExists, "the anchor holds another checkpoint of this size");
    match fs::read(path) {
        Ok(before) if before == content => return Ok(()),
        // Cut off while it was created: nobody has read a checkpoint in it.
        Ok(before) if content.starts_with(&before) => fs::remove_file(path)?,
        Ok(_) => return Err(taken()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let written = path.with_extension("new");
    write(OpenOptions::new().write(true).create(true).truncate(true), &written, content)?;
    for way in ways {
        match way(&written, path, content) {
            // None of them replaces what is there.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(taken()),
            Err(error) if is_unknown_here(&error) => {}
            told => return told,
        }
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "the anchor's file system can neither link, nor rename, nor create anew",
    ))
}

/// How file systems say that they have no such thing.
fn is_unknown_here(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::Unsupported | Kind::PermissionDenied | Kind::InvalidInput | Kind::TooManyLinks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(_: &Path, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    #[test]
    fn pl_01_a_checkpoint_is_kept_for_good_on_file_systems_that_lack_links_or_renaming_too() {
        for ways in [[link, rename, create], [refused, rename, create], [refused, refused, create]] as [[Way; 3]; 3] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("1.note");
            write_once(&path, b"first", &ways).unwrap();
            write_once(&path, b"first", &ways).unwrap();
            assert_eq!(write_once(&path, b"other", &ways).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&path).unwrap(), b"first");
            let kept: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
            assert_eq!(kept, ["1.note"], "nothing lies beside it");
        }
    }

    #[test]
    fn no_way_replaces_a_checkpoint_that_came_in_between() {
        let folder = tempfile::tempdir().unwrap();
        let (written, path) = (folder.path().join("1.new"), folder.path().join("1.note"));
        fs::write(&path, "first").unwrap();
        for way in WAYS {
            fs::write(&written, "late").unwrap();
            assert_eq!(way(&written, &path, b"late").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&path).unwrap(), b"first");
        }
    }

    #[test]
    fn a_file_that_was_cut_off_while_it_was_created_is_made_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.note");
        for before in ["", "fir"] {
            fs::write(&path, before).unwrap();
            write_once(&path, b"first", &[create]).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"first");
        }
        assert_eq!(write_once(&path, b"firs", &[create]).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(write_once(&folder.path().join("2.note"), b"x", &[refused]).is_err());
    }
}
