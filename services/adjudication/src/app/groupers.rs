//! The versions of grouping tables at hand, put in each other's place while the service runs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use drg::{TableError, Tables};

use crate::domain::provider_payment::Shelf;

/// A folder with a folder of tables a version; none where cases come with their groups.
#[derive(Debug, Default)]
pub struct Groupers {
    folder: Option<PathBuf>,
    shelf: RwLock<Arc<Shelf>>,
    /// Of each version on the shelf, the files it was read from.
    read: RwLock<BTreeMap<String, Stamp>>,
}

/// Names, sizes and times of a folder's files: another stamp, other tables.
type Stamp = Vec<(String, u64, Option<SystemTime>)>;

/// Why a version is not on the shelf, or an earlier state of it still is.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error("the folder of grouping tables cannot be read: {0}")]
    Folder(#[from] io::Error),
    #[error("grouping tables {version}: {cause}")]
    Tables { version: String, cause: TableError },
}

impl Groupers {
    /// Refuses a folder that cannot be read now; what it holds later is taken up, or refused, version by version.
    pub fn of(folder: Option<PathBuf>) -> io::Result<Self> {
        if let Some(folder) = &folder {
            fs::read_dir(folder)?;
        }
        Ok(Self { folder, ..Self::default() })
    }

    /// What is at hand now. Whoever holds it goes on with it, whatever is swapped meanwhile.
    pub fn shelf(&self) -> Arc<Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads what is new or changed, and puts the new shelf in the place of the old one at once. Tables that are refused leave the
    /// version as it was. Blocks while it reads.
    pub fn refresh(&self) -> Vec<NotTaken> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let found = match versions(folder) {
            Ok(found) => found,
            Err(error) => return vec![error.into()],
        };
        let before = self.shelf();
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, mut stamps, mut not_taken) = (Shelf::new(), BTreeMap::new(), Vec::new());
        for (version, path, stamp) in found {
            let kept = before.get(&version).cloned();
            let is_known = read.get(&version) == Some(&stamp);
            let tables = match kept {
                Some(tables) if is_known => Some(tables),
                kept => match Tables::load(&path) {
                    Ok(tables) => Some(Arc::new(tables)),
                    Err(cause) => {
                        not_taken.push(NotTaken::Tables { version: version.clone(), cause });
                        kept
                    }
                },
            };
            stamps.insert(version.clone(), stamp);
            if let Some(tables) = tables {
                taken.insert(version, tables);
            }
        }
        *read = stamps;
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(taken);
        not_taken
    }
}

fn versions(folder: &Path) -> io::Result<Vec<(String, PathBuf, Stamp)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') {
            let stamp = stamp(&path)?;
            found.push((name, path, stamp));
        }
    }
    Ok(found)
}

fn stamp(folder: &Path) -> io::Result<Stamp> {
    let mut stamp = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        stamp.push((entry.file_name().to_string_lossy().into_owned(), about.len(), about.modified().ok()));
    }
    stamp.sort();
    Ok(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(version: &Path) {
        let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../libs/drg/tables/small");
        fs::create_dir_all(version).unwrap();
        for name in drg::REQUIRED {
            fs::copy(small.join(name), version.join(name)).unwrap();
        }
    }

    #[test]
    fn ad_07_tables_are_swapped_by_version_while_the_service_runs() {
        let folder = tempfile::tempdir().unwrap();
        let groupers = Groupers::of(Some(folder.path().to_owned())).unwrap();
        assert!(groupers.refresh().is_empty() && groupers.shelf().is_empty());

        copy(&folder.path().join("one"));
        assert!(groupers.refresh().is_empty());
        let held = groupers.shelf();
        let one = held.get("one").cloned().unwrap();

        // What did not change is not read again; what is new stands beside it.
        copy(&folder.path().join("two"));
        assert!(groupers.refresh().is_empty());
        let at_hand = groupers.shelf();
        assert_eq!(at_hand.keys().collect::<Vec<_>>(), ["one", "two"]);
        assert!(Arc::ptr_eq(&one, &at_hand["one"]));
        assert_eq!(held.len(), 1);

        // Tables that are refused leave the version as it was, and are told with file and line.
        let names = folder.path().join("one/complication.csv");
        fs::write(&names, "dx,level,exclusion_table\nX,BAD,\n").unwrap();
        let refused = groupers.refresh();
        assert!(refused[0].to_string().starts_with("grouping tables one: complication.csv:2: "), "{refused:?}");
        assert!(Arc::ptr_eq(&one, &groupers.shelf()["one"]));

        fs::write(&names, "dx,level,exclusion_table\nE11.900,CC,\n").unwrap();
        assert!(groupers.refresh().is_empty());
        assert_ne!(one.digest(), groupers.shelf()["one"].digest());
        fs::remove_dir_all(folder.path().join("two")).unwrap();
        assert!(groupers.refresh().is_empty());
        assert_eq!(groupers.shelf().keys().collect::<Vec<_>>(), ["one"]);
    }
}
