//! `mesh.json`: what runs, for `anjia down`, for people and for programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use crate::account::other_place;
use crate::fleet::{ANCHOR, audit_key};

const FILE: &str = "mesh.json";
/// Services drain before they leave; what is still there afterwards is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(12);
/// What was killed is gone by then; a start that follows finds its data free.
const KILL_PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// A process as found again later: its id alone may by then belong to somebody else, its start time tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRecord {
    pub name: String,
    pub pid: u32,
    /// Clock ticks between the machine's start and the process's (field 22 of `/proc/<pid>/stat`).
    pub started_ticks: u64,
    pub log: PathBuf,
}

impl ProcessRecord {
    pub(crate) fn of(name: &str, pid: u32, log: &Path) -> Result<Self> {
        let (_, started_ticks) = stat(pid).with_context(|| format!("{name} (pid {pid}) ended at once"))?;
        Ok(Self { name: name.to_owned(), pid, started_ticks, log: log.to_owned() })
    }

    /// Whether this very process still runs; one that ended and waits to be collected does not.
    pub fn is_running(&self) -> bool {
        stat(self.pid).is_some_and(|(state, started_ticks)| started_ticks == self.started_ticks && state != 'Z')
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return;
        };
        if self.is_running() {
            // It may end between the look and the signal; then there is nothing left to do.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// State letter and start time of a process, if there is one.
fn stat(pid: u32) -> Option<(char, u64)> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may itself hold blanks and brackets.
    let mut fields = line.rsplit_once(") ")?.1.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let started_ticks = fields.nth(18)?.parse().ok()?;
    Some((state, started_ticks))
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceRecord {
    pub url: String,
    pub ops_url: String,
    pub database_url: String,
    pub worker_database_url: String,
    pub owner_database_url: String,
    pub process: Option<ProcessRecord>,
}

/// The development provider, where people log in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProviderRecord {
    pub issuer: String,
    pub process: Option<ProcessRecord>,
}

/// Where REST, and gRPC from outside, is served.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GatewayRecord {
    /// For apps, without a certificate.
    pub url: String,
    /// For banks and hospitals, with theirs.
    pub partners_url: String,
    pub ops_url: String,
    pub process: Option<ProcessRecord>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MeshRecord {
    pub ready: bool,
    pub root: PathBuf,
    pub keys: PathBuf,
    pub logs: PathBuf,
    pub postgres_url: String,
    pub redis_url: String,
    pub postgres: Option<ProcessRecord>,
    pub redis: Option<ProcessRecord>,
    /// Without one people have keys of their own.
    #[serde(default)]
    pub provider: Option<ProviderRecord>,
    #[serde(default)]
    pub gateway: Option<GatewayRecord>,
    pub services: BTreeMap<String, ServiceRecord>,
}

impl MeshRecord {
    /// Where a service's audit is anchored.
    pub fn anchor(&self, service: &str) -> PathBuf {
        self.root.join(ANCHOR).join(service)
    }

    /// The private key that signs a service's audit.
    pub fn audit_key(&self, service: &str) -> PathBuf {
        self.keys.join(format!("{}.pem", audit_key(service)))
    }
}

/// What is found under a root.
#[derive(Debug)]
pub enum State {
    Nothing,
    /// Everything that was started still runs.
    Up(Box<MeshRecord>),
    /// Some of it ended, or the start was interrupted.
    Partly(Box<MeshRecord>),
}

impl MeshRecord {
    pub fn load(root: &Path) -> Result<Option<Self>> {
        let path = root.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        let record: Self = serde_json::from_slice(&text).with_context(|| {
            format!(
                "{} is not what was written there; remove it, and what it told of must be stopped by hand",
                path.display()
            )
        })?;
        Ok(Some(record).filter(|record| !record.is_of_another(root)))
    }

    /// A copied checkout brings its `mesh.json` along; what that tells of belongs to the original, as long as there is one.
    fn is_of_another(&self, root: &Path) -> bool {
        matches!((fs::canonicalize(&self.root), fs::canonicalize(root)), (Ok(own), Ok(found)) if own != found)
    }

    pub fn state(root: &Path) -> Result<State> {
        let Some(record) = Self::load(root)? else {
            return Ok(State::Nothing);
        };
        let alive = record.processes().iter().filter(|process| process.is_running()).count();
        if record.ready && alive == record.processes_wanted() {
            return Ok(State::Up(Box::new(record)));
        }
        Ok(if alive == 0 { State::Nothing } else { State::Partly(Box::new(record)) })
    }

    fn processes_wanted(&self) -> usize {
        self.services.len() + 2 + usize::from(self.provider.is_some()) + usize::from(self.gateway.is_some())
    }

    /// Who is called from outside, in the order in which they should stop.
    fn callees(&self) -> impl Iterator<Item = &ProcessRecord> {
        let gateway = self.gateway.iter().filter_map(|gateway| gateway.process.as_ref());
        let services = self.services.values().filter_map(|service| service.process.as_ref());
        gateway.chain(services).chain(self.provider.iter().filter_map(|provider| provider.process.as_ref()))
    }

    pub(crate) fn save(&self) -> Result<()> {
        let path = self.root.join(FILE);
        // A reader sees the old file or the new one, never half of one.
        let next = self.root.join("mesh.json.next");
        fs::write(&next, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&next, &path).with_context(|| format!("writing {}", path.display()))
    }

    /// What was started and no longer runs.
    pub fn gone(&self) -> Vec<&str> {
        let gone = self.processes().into_iter().filter(|process| !process.is_running());
        gone.map(|process| process.name.as_str()).collect()
    }

    /// In the order in which they should stop.
    pub fn processes(&self) -> Vec<&ProcessRecord> {
        self.callees().chain(self.redis.as_ref()).chain(self.postgres.as_ref()).collect()
    }
}

/// What `stop` did.
#[derive(Debug, Default, Serialize)]
pub struct Down {
    pub stopped: Vec<String>,
    /// Did not leave in time.
    pub killed: Vec<String>,
}

/// Stops what a detached start left running under `root`, and nothing else: services first, then Redis and Postgres.
pub fn stop(root: &Path) -> Result<Down> {
    let mut down = Down::default();
    if let Some(record) = MeshRecord::load(root)? {
        stop_all(record.callees().collect(), Signal::TERM, &mut down);
        stop_all(record.redis.iter().collect(), Signal::TERM, &mut down);
        // INT is Postgres's fast shutdown: it ends sessions, but writes everything out.
        stop_all(record.postgres.iter().collect(), Signal::INT, &mut down);
        fs::remove_file(root.join(FILE))?;
    }
    Ok(down)
}

/// Removes `root` with everything in it and, where Postgres could not work there, its data elsewhere. Only after `stop`. Refuses
/// a folder that nothing of ours ever ran in.
pub fn wipe(root: &Path) -> Result<()> {
    clear(root)?;
    remove(root)
}

/// As `wipe`, but keeps the folder and its lock.
pub(crate) fn clear(root: &Path) -> Result<()> {
    let root = std::path::absolute(root)?;
    check_ours(&root)?;
    remove(&other_place(&root.join("postgres")))?;
    let entries = fs::read_dir(&root).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name() != "lock").try_for_each(|entry| remove(&entry.path()))
}

/// A mistyped root must not cost a home. Ours has a lock, or Postgres's folder, from its first moment on.
pub(crate) fn check_ours(root: &Path) -> Result<()> {
    let is_empty = fs::read_dir(root).map_or(true, |mut entries| entries.next().is_none());
    let is_ours = root.join("lock").is_file() || root.join("postgres").is_dir();
    ensure!(is_empty || is_ours, "{} holds no mesh; nothing is removed", root.display());
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn stop_all(processes: Vec<&ProcessRecord>, signal: Signal, down: &mut Down) {
    let mut running: Vec<_> = processes.into_iter().filter(|process| process.is_running()).collect();
    for process in &running {
        process.signal(signal);
    }
    let asked_at = Instant::now();
    while !running.is_empty() && asked_at.elapsed() < STOP_PATIENCE {
        std::thread::sleep(POLL);
        running.retain(|process| {
            let still = process.is_running();
            if !still {
                down.stopped.push(process.name.clone());
            }
            still
        });
    }
    for process in &running {
        process.signal(Signal::KILL);
        down.killed.push(process.name.clone());
    }
    let killed_at = Instant::now();
    while running.iter().any(|process| process.is_running()) && killed_at.elapsed() < KILL_PATIENCE {
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_recognised_by_its_start_time() {
        let own = ProcessRecord::of("test", std::process::id(), Path::new("/dev/null")).unwrap();
        assert!(own.is_running());
        let reused = ProcessRecord { started_ticks: own.started_ticks - 1, ..own };
        assert!(!reused.is_running());
    }

    #[test]
    fn a_copied_mesh_does_not_speak_for_the_original() {
        let folder = tempfile::tempdir().unwrap();
        let [original, copy] = ["original", "copy"].map(|name| folder.path().join(name));
        fs::create_dir_all(&original).unwrap();
        fs::create_dir_all(&copy).unwrap();
        let record = MeshRecord {
            ready: true,
            root: original.clone(),
            keys: original.join("keys"),
            logs: original.join("logs"),
            postgres_url: String::new(),
            redis_url: String::new(),
            postgres: None,
            redis: None,
            provider: None,
            gateway: None,
            services: BTreeMap::new(),
        };
        record.save().unwrap();
        fs::copy(original.join(FILE), copy.join(FILE)).unwrap();
        assert!(MeshRecord::load(&original).unwrap().is_some());
        assert!(MeshRecord::load(&copy).unwrap().is_none());
        // One that was moved is the same mesh in another place.
        fs::remove_dir_all(&original).unwrap();
        assert!(MeshRecord::load(&copy).unwrap().is_some());
    }

    #[test]
    fn only_what_held_a_mesh_is_wiped() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::write(home.join("letters"), "dear").unwrap();
        let refused = wipe(&home).unwrap_err().to_string();
        assert!(refused.contains("holds no mesh") && home.join("letters").exists(), "{refused}");

        fs::write(home.join("lock"), "").unwrap();
        wipe(&home).unwrap();
        assert!(!home.exists());
        wipe(&home).unwrap();
    }
}
