//! Which user the Postgres server runs as, and where its data may then lie.
//!
//! Postgres refuses to run as root. So root lends it the `postgres` account (or `nobody`, when the servers came from wheels),
//! and everybody else runs it as themselves.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account for a server whose data does, or will, lie in `data`. Existing data keeps its owner.
    pub(crate) fn for_server(data: &Path) -> Result<Self> {
        let own = Self { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() };
        if let Ok(found) = fs::metadata(data.join("PG_VERSION")) {
            let owner = Self { uid: found.uid(), gid: found.gid() };
            ensure!(
                own.is_root() || owner.uid == own.uid,
                "{} belongs to another user (uid {}); remove it or run as that user",
                data.display(),
                owner.uid
            );
            return Ok(owner);
        }
        if own.is_root() { Self::lent_by_root() } else { Ok(own) }
    }

    fn lent_by_root() -> Result<Self> {
        let accounts = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
        ["postgres", "nobody"].iter().find_map(|name| Self::parse(&accounts, name)).context(
            "Postgres does not run as root, and this machine has neither a postgres nor a nobody account to lend it",
        )
    }

    fn parse(accounts: &str, name: &str) -> Option<Self> {
        let fields: Vec<&str> = accounts
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then(|| fields.collect()))?;
        Some(Self { uid: fields.get(1)?.parse().ok()?, gid: fields.get(2)?.parse().ok()? })
    }

    fn is_root(self) -> bool {
        self.uid == 0
    }

    fn is_own(self) -> bool {
        self.uid == rustix::process::geteuid().as_raw()
    }

    /// Makes `command` run as this account, from a folder every account can enter.
    pub(crate) fn lend(self, command: &mut Command) {
        command.current_dir("/");
        if !self.is_own() {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Makes a folder this account owns: `wanted`, or, where the account cannot reach that, one under /var/tmp that is found
    /// again next time because its name is derived from `wanted`.
    pub(crate) fn place(self, wanted: &Path) -> Result<PathBuf> {
        fs::create_dir_all(wanted).with_context(|| format!("making {}", wanted.display()))?;
        if self.is_own() {
            return Ok(wanted.to_owned());
        }
        let parent = wanted.parent().unwrap_or(wanted);
        if self.can_enter(parent) {
            chown(wanted, Some(self.uid), Some(self.gid))
                .with_context(|| format!("giving away {}", wanted.display()))?;
            return Ok(wanted.to_owned());
        }
        let place = other_place(wanted);
        // With its mode from the beginning: what was found there is not touched, whatever it has become since the look.
        match DirBuilder::new().mode(0o700).create(&place) {
            Ok(()) => chown(&place, Some(self.uid), Some(self.gid))?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                // Anybody may have made it first: /var/tmp is everybody's.
                let found = fs::symlink_metadata(&place)?;
                if !found.is_dir() || found.uid() != self.uid {
                    bail!("{} is not a folder of ours; remove it", place.display());
                }
            }
            Err(error) => return Err(error).with_context(|| format!("making {}", place.display())),
        }
        Ok(place)
    }

    /// Whether this account may pass through `folder` and everything above it.
    pub(crate) fn can_enter(self, folder: &Path) -> bool {
        folder.ancestors().all(|step| {
            fs::metadata(step).is_ok_and(|found| {
                let bit = if found.uid() == self.uid {
                    0o100
                } else if found.gid() == self.gid {
                    0o010
                } else {
                    0o001
                };
                found.mode() & bit != 0
            })
        })
    }
}

/// Where `Account::place` puts what was wanted at `wanted`, when that cannot be reached.
pub(crate) fn other_place(wanted: &Path) -> PathBuf {
    PathBuf::from(format!("/var/tmp/anjia-{:016x}", fnv1a(wanted.as_os_str().as_encoded_bytes())))
}

/// FNV-1a: the name must be the same with the next compiler too, which the standard hasher does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_the_password_file() {
        let file =
            "root:x:0:0::/root:/bin/sh\npostgresql:x:7:8::/:\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(Account::parse(file, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(Account::parse(file, "nobody"), None);
    }

    #[test]
    fn the_name_of_the_other_place_never_changes() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
