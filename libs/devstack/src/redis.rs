//! A private Redis that remembers nothing over a restart: what it holds can be rebuilt, and everything must work without.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ports;
use crate::process::{self, Launch, Lifetime, Process, absolute};
use crate::programs;
use crate::record::ProcessRecord;

const START_PATIENCE: Duration = Duration::from_secs(15);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);
const PORT_TRIES: u32 = 5;

/// A running, or stopped, server. It keeps its port over restarts.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    folder: PathBuf,
    log: PathBuf,
    lifetime: Lifetime,
    port: u16,
    process: Option<Process>,
}

impl Redis {
    pub async fn start(folder: PathBuf, log: PathBuf, lifetime: Lifetime) -> Result<Self> {
        let folder = absolute(&folder)?;
        std::fs::create_dir_all(&folder)?;
        let program = programs::redis()?;
        let port = ports::usual(&folder, "redis")?;
        let mut redis = Self { program, folder, log: absolute(&log)?, lifetime, port, process: None };
        let mut tries = 1;
        while let Err(error) = redis.restart().await {
            let taken = format!("{error:#}").contains("already in use");
            if !taken || tries == PORT_TRIES {
                return Err(error);
            }
            tries += 1;
            redis.port = ports::free()?;
        }
        Ok(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn process(&self) -> Option<&ProcessRecord> {
        self.process.as_ref().map(Process::record)
    }

    pub async fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.stop(Signal::TERM, STOP_PATIENCE).await,
            None => Ok(()),
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it, empty, on the same port.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        let mut process = Process::spawn(Launch {
            name: "redis",
            program: &self.program,
            args: self.arguments(),
            env: vec![],
            log: &self.log,
            account: None,
            lifetime: self.lifetime,
            last_signal: "KILL",
            scratch: None,
        })?;
        let asked_at = Instant::now();
        while self.ask("PING").await.ok().as_deref() != Some("+PONG") {
            process.check()?;
            ensure!(
                asked_at.elapsed() < START_PATIENCE,
                "Redis is not ready after {} s\n{}",
                START_PATIENCE.as_secs(),
                process::tail(&self.log)
            );
            tokio::time::sleep(POLL).await;
        }
        // An answer from a stranger on the port would look the same.
        process.check()?;
        self.process = Some(process);
        Ok(())
    }

    /// Loses everything it holds.
    pub async fn wipe(&self) -> Result<()> {
        let answer = self.ask("FLUSHALL").await?;
        ensure!(answer == "+OK", "Redis answered FLUSHALL with {answer}");
        Ok(())
    }

    /// Stops answering, without closing a connection, until `resume`.
    pub fn stall(&self) {
        if let Some(process) = &self.process {
            process.signal(Signal::STOP);
        }
    }

    pub fn resume(&self) {
        if let Some(process) = &self.process {
            process.signal(Signal::CONT);
        }
    }

    pub(crate) fn release(&mut self) {
        if let Some(process) = &mut self.process {
            process.release();
        }
    }

    async fn ask(&self, command: &str) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer).await?;
        Ok(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).trim_end().to_owned())
    }

    fn arguments(&self) -> Vec<OsString> {
        let port = self.port.to_string();
        let settings = [
            ["--port", port.as_str()],
            ["--bind", "127.0.0.1"],
            ["--save", ""],
            ["--appendonly", "no"],
            ["--daemonize", "no"],
            ["--maxmemory", "256mb"],
            ["--maxmemory-policy", "allkeys-lru"],
        ];
        let settings = settings.into_iter().flatten().map(OsString::from);
        settings.chain([OsString::from("--dir"), self.folder.clone().into_os_string()]).collect()
    }
}
