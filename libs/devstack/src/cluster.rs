//! One private Postgres cluster: made when missing, started, stopped, killed and started again.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use sqlx::{Connection, PgConnection};

use crate::account::Account;
use crate::databases::ROLE_ADMIN;
use crate::ports;
use crate::process::{self, Launch, Lifetime, Process};
use crate::programs;
use crate::record::ProcessRecord;

const START_PATIENCE: Duration = Duration::from_mins(1);
const STOP_PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);
const PORT_TRIES: u32 = 5;
const CONNECTIONS_MAX: u32 = 300;
/// As many tests at once as there are cores, each with a mesh of its own.
const CONNECTIONS_MAX_TESTS: u32 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Everything acknowledged is on disk.
    Durable,
    /// For tests: nobody will miss it after a power cut. `synchronous_commit` stays on, services insist.
    ThrowAway,
}

#[derive(Debug, Clone)]
pub struct ClusterPlan {
    /// A folder named `data`; made when missing, by `initdb` or as a copy of `template`.
    pub data: PathBuf,
    pub log: PathBuf,
    pub lifetime: Lifetime,
    pub durability: Durability,
    /// A data folder that `Cluster::init` made, or whose server was stopped.
    pub template: Option<PathBuf>,
}

/// A running, or stopped, cluster. It keeps its port over restarts.
#[derive(Debug)]
pub struct Cluster {
    plan: ClusterPlan,
    account: Account,
    programs: programs::Postgres,
    port: u16,
    process: Option<Process>,
}

impl Cluster {
    /// Makes the data folder if there is none, and starts the server. Refuses if one already runs on the same data.
    pub async fn start(plan: ClusterPlan) -> Result<Self> {
        let (account, data) = placed(&plan)?;
        let made = data.join("PG_VERSION").exists();
        let plan = ClusterPlan { data, ..plan };
        let existing = plan.template.as_ref().filter(|_| !made).unwrap_or(&plan.data);
        let programs = programs::postgres(major_of(existing)?)?;
        if !made {
            match &plan.template {
                Some(template) => copy(template, &plan.data, account)?,
                None => init(&programs, &plan.data, account)?,
            }
        }
        refuse_second_start(&plan.data)?;
        let port = ports::usual(&plan.data, "postgres")?;
        let mut cluster = Self { plan, account, programs, port, process: None };
        let mut tries = 1;
        while let Err(error) = cluster.launch().await {
            let taken = format!("{error:#}").contains("could not bind");
            if !taken || tries == PORT_TRIES {
                return Err(error);
            }
            tries += 1;
            cluster.port = ports::free()?;
        }
        Ok(cluster)
    }

    /// Whether the data folder of this plan was made before.
    pub fn is_made(plan: &ClusterPlan) -> Result<bool> {
        Ok(placed(plan)?.1.join("PG_VERSION").exists())
    }

    /// Makes a data folder for a `template` in, or instead of, `folder`, unless it is there, and says where it lies. Whoever asks
    /// holds a lock, if several may.
    pub fn init(folder: &Path) -> Result<PathBuf> {
        let account = Account::for_server(&folder.join("data"))?;
        let data = account.place(folder)?.join("data");
        if !data.join("PG_VERSION").exists() {
            init(&programs::postgres(None)?, &data, account)?;
        }
        Ok(data)
    }

    /// The major version a new cluster would get.
    pub fn newest_major() -> Result<u32> {
        Ok(programs::postgres(None)?.major)
    }

    /// Its data folder, to be a `template` once it is stopped.
    pub fn data(&self) -> &Path {
        &self.plan.data
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// A superuser's connection, for making databases and for looking at what tests left there.
    pub async fn admin(&self, database: &str) -> Result<PgConnection> {
        let url = self.url(ROLE_ADMIN, database);
        PgConnection::connect(&url).await.with_context(|| format!("connecting to {url}"))
    }

    pub fn process(&self) -> Option<&ProcessRecord> {
        self.process.as_ref().map(Process::record)
    }

    /// Ends it in order, as an operator would (`pg_ctl stop -m fast`).
    pub async fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.stop(Signal::INT, STOP_PATIENCE).await,
            None => Ok(()),
        }
    }

    /// `kill -9`, as if the machine had lost it. The sessions notice within moments and end too.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port, after `stop` or `kill`; recovers if it must.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        let asked_at = Instant::now();
        while let Err(error) = self.launch().await {
            // Sessions of a killed server keep its memory for a moment longer.
            let lingering = format!("{error:#}").contains("still in use");
            if !lingering || asked_at.elapsed() > STOP_PATIENCE {
                return Err(error);
            }
            tokio::time::sleep(POLL * 5).await;
        }
        Ok(())
    }

    pub(crate) fn release(&mut self) {
        if let Some(process) = &mut self.process {
            process.release();
        }
    }

    async fn launch(&mut self) -> Result<()> {
        let scratch = (self.plan.durability == Durability::ThrowAway).then_some(self.plan.data.as_path());
        // Errors are looked for in what this attempt says, not in what an earlier one said.
        let _ = fs::remove_file(&self.plan.log);
        let mut process = Process::spawn(Launch {
            name: "postgres",
            program: &self.programs.server,
            args: self.arguments(),
            env: vec![],
            log: &self.plan.log,
            account: Some(self.account),
            lifetime: self.plan.lifetime,
            // Ends all sessions at once and frees their shared memory, which KILL would not.
            last_signal: "QUIT",
            scratch,
        })?;
        let asked_at = Instant::now();
        loop {
            process.check()?;
            if let Ok(connection) = self.admin("postgres").await {
                connection.close().await?;
                break;
            }
            ensure!(
                asked_at.elapsed() < START_PATIENCE,
                "Postgres is not ready after {} s\n{}",
                START_PATIENCE.as_secs(),
                process::tail(&self.plan.log)
            );
            tokio::time::sleep(POLL).await;
        }
        self.process = Some(process);
        Ok(())
    }

    fn arguments(&self) -> Vec<OsString> {
        let throw_away = self.plan.durability == Durability::ThrowAway;
        let mut settings = vec![
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".into(),
            "unix_socket_directories=".into(),
            format!("max_connections={}", if throw_away { CONNECTIONS_MAX_TESTS } else { CONNECTIONS_MAX }),
            "shared_buffers=64MB".into(),
            "timezone=UTC".into(),
            "log_timezone=UTC".into(),
            "logging_collector=off".into(),
            "synchronous_commit=on".into(),
            // After a crash one call for the file system, instead of one for every file of every database.
            "recovery_init_sync_method=syncfs".into(),
        ];
        if throw_away {
            // Dynamic shared memory goes into the data folder, which is removed, and not to /dev/shm.
            let faster = ["fsync=off", "full_page_writes=off", "dynamic_shared_memory_type=mmap", "autovacuum=off"];
            settings.extend(faster.map(str::to_owned));
        }
        let settings = settings.into_iter().flat_map(|setting| [OsString::from("-c"), OsString::from(setting)]);
        [OsString::from("-D"), self.plan.data.clone().into_os_string()].into_iter().chain(settings).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let throw_away = self.plan.durability == Durability::ThrowAway;
        // What is to be kept is written out, so that the next start has nothing to recover.
        let signal = if throw_away { Signal::QUIT } else { Signal::INT };
        if let Some(process) = self.process.take() {
            process.stop_blocking(signal, STOP_PATIENCE);
        }
        if throw_away {
            let _ = fs::remove_dir_all(&self.plan.data);
        }
    }
}

/// Who runs the server, and where its data lies: where the plan says, unless that account cannot reach it.
fn placed(plan: &ClusterPlan) -> Result<(Account, PathBuf)> {
    let made = plan.data.join("PG_VERSION").exists();
    // Only the owner of a template may read it.
    let account = Account::for_server(plan.template.as_ref().filter(|_| !made).unwrap_or(&plan.data))?;
    let folder = plan.data.parent().with_context(|| format!("{} is no place for data", plan.data.display()))?;
    // The folder above belongs to the server too, so that a tether can clear the data away.
    Ok((account, account.place(folder)?.join("data")))
}

fn init(programs: &programs::Postgres, data: &Path, account: Account) -> Result<()> {
    // An interrupted initdb must not be taken for a cluster: it works beside, and the result is renamed.
    let partial = data.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    let mut command = Command::new(&programs.initdb);
    command.args(["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions", "-U", ROLE_ADMIN, "-D"]);
    command.arg(&partial);
    account.lend(&mut command);
    finish(command, "initdb")?;
    fs::rename(&partial, data).with_context(|| format!("making {}", data.display()))
}

fn copy(template: &Path, data: &Path, account: Account) -> Result<()> {
    let mut command = Command::new("cp");
    command.args(["-a", "--reflink=auto", "--"]).arg(template).arg(data);
    account.lend(&mut command);
    finish(command, "copying the template cluster")
}

fn finish(mut command: Command, what: &str) -> Result<()> {
    let output = command.output().with_context(|| format!("starting {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{what} failed ({})\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn major_of(data: &Path) -> Result<Option<u32>> {
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => Ok(Some(text.trim().parse().with_context(|| format!("{} holds no cluster", data.display()))?)),
        Err(_) => Ok(None),
    }
}

/// Postgres guards its data with `postmaster.pid`, but trusts a number that may by now belong to another process.
fn refuse_second_start(data: &Path) -> Result<()> {
    let file = data.join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&file) else {
        return Ok(());
    };
    let pid: u32 = text.lines().next().and_then(|line| line.trim().parse().ok()).unwrap_or_default();
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let marker = data.as_os_str().as_encoded_bytes();
    if command_line.split(|byte| *byte == 0).any(|argument| argument == marker) {
        bail!("a Postgres (pid {pid}) already runs on {}", data.display());
    }
    fs::remove_file(&file).with_context(|| format!("removing the stale {}", file.display()))
}
