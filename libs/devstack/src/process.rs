//! Starting, watching and stopping one server process.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::account::Account;
use crate::record::ProcessRecord;

const POLL: Duration = Duration::from_millis(10);
const LOG_TAIL_LINES: usize = 25;

/// How long what is started shall live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Survives the command that started it, once released; until then it dies with it, so that a start that is cut short leaves
    /// nothing behind.
    Detached,
    /// Dies with the process that started it, however that ends.
    Tethered,
}

/// Runs the program in place of this shell and leaves a watcher behind that holds the reading end of a pipe from the parent.
/// A line means "collected, or released: nothing to do"; the end of the pipe without one means that the parent is gone.
/// `$0` is a folder to remove afterwards, or empty; `$1` the signal that ends the program.
const TETHER: &str = r#"
signal=$1; shift
exec 3<&0
(
  exec </dev/null >/dev/null 2>&1
  read -r _ <&3 && exit 0
  kill -s "$signal" $$
  tries=0
  while kill -0 $$ && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL $$
  [ -z "$0" ] || rm -rf -- "$0"
) &
exec "$@" </dev/null 3<&-
"#;

pub(crate) struct Launch<'a> {
    pub(crate) name: &'a str,
    pub(crate) program: &'a Path,
    pub(crate) args: Vec<OsString>,
    /// The whole environment but for `PATH` and the settings of logs and traces: nothing of a developer's shell leaks in.
    pub(crate) env: Vec<(String, OsString)>,
    pub(crate) log: &'a Path,
    pub(crate) account: Option<Account>,
    pub(crate) lifetime: Lifetime,
    /// What a tether sends when the parent is gone.
    pub(crate) last_signal: &'a str,
    /// What a tether removes when the parent is gone.
    pub(crate) scratch: Option<&'a Path>,
}

/// A running server. Dropping it kills it, unless it was released.
#[derive(Debug)]
pub(crate) struct Process {
    record: ProcessRecord,
    child: Child,
    tether: Option<ChildStdin>,
    lifetime: Lifetime,
    released: bool,
}

impl Process {
    pub(crate) fn spawn(launch: Launch<'_>) -> Result<Self> {
        let output = open_log(launch.log)?;
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(TETHER).arg(launch.scratch.unwrap_or(Path::new(""))).arg(launch.last_signal);
        command.arg(launch.program).args(&launch.args);
        command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output);
        clean_environment(&mut command);
        command.envs(launch.env).current_dir("/");
        // Its own group: Ctrl-C at the terminal is for the command, which then decides.
        command.process_group(0);
        if let Some(account) = launch.account {
            account.lend(&mut command);
        }
        let mut child = command.spawn().with_context(|| format!("starting {}", launch.program.display()))?;
        let tether = child.stdin.take();
        let record = ProcessRecord::of(launch.name, child.id(), launch.log)?;
        Ok(Self { record, child, tether, lifetime: launch.lifetime, released: false })
    }

    pub(crate) fn record(&self) -> &ProcessRecord {
        &self.record
    }

    pub(crate) fn exited(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// An error with the end of the log, if the process has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(status) = self.exited()? {
            bail!("{} ended with {status}\n{}", self.record.name, tail(&self.record.log));
        }
        Ok(())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.record.signal(signal);
    }

    /// Asks with `signal`, waits, and kills after `patience`.
    pub(crate) async fn stop(mut self, signal: Signal, patience: Duration) -> Result<()> {
        self.signal(signal);
        let asked_at = Instant::now();
        while self.exited()?.is_none() && asked_at.elapsed() < patience {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// As `stop`, for where nothing can be awaited. Leaves alone what was released.
    pub(crate) fn stop_blocking(mut self, signal: Signal, patience: Duration) {
        if self.released {
            return;
        }
        self.signal(signal);
        let asked_at = Instant::now();
        while matches!(self.exited(), Ok(None)) && asked_at.elapsed() < patience {
            std::thread::sleep(POLL);
        }
    }

    /// Lets it live on after this value, and this command, are gone, unless it is tethered for good.
    pub(crate) fn release(&mut self) {
        if self.lifetime == Lifetime::Detached {
            self.released = true;
            self.dismiss_watcher();
        }
    }

    fn dismiss_watcher(&mut self) {
        if let Some(mut tether) = self.tether.take() {
            let _ = tether.write_all(b"\n");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.released {
            return;
        }
        // Errors here mean that it is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.dismiss_watcher();
    }
}

/// Runs a command to its end; its output goes to `log`, whose end is shown on failure.
pub(crate) async fn run(
    name: &str,
    program: &Path,
    args: &[OsString],
    env: Vec<(String, OsString)>,
    log: &Path,
) -> Result<()> {
    let output = open_log(log)?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    clean_environment(&mut command);
    command.envs(env).current_dir("/");
    let mut command = tokio::process::Command::from(command);
    let status =
        command.kill_on_drop(true).status().await.with_context(|| format!("starting {}", program.display()))?;
    if !status.success() {
        bail!("{name} ended with {status}\n{}", tail(log));
    }
    Ok(())
}

fn clean_environment(command: &mut Command) {
    command.env_clear();
    let kept = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        matches!(name.as_ref(), "PATH" | "HOME" | "RUST_LOG" | "RUST_BACKTRACE" | "LOG_FORMAT")
            || name.starts_with("OTEL_")
    });
    command.envs(kept);
}

fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path).with_context(|| format!("opening {}", path.display()))
}

/// The last lines of a log, with its path.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LOG_TAIL_LINES)..).unwrap_or_default();
    format!("--- end of {} ---\n{}", log.display(), last.join("\n"))
}

pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("resolving {}", path.display()))
}
