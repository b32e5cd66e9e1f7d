//! A further process of a service of the fleet: what a cluster runs several of.

use std::time::Instant;

use anyhow::{Result, bail};
use chassis::channel::Channel;

use super::{Fleet, POLL, READY_PATIENCE, answers, service_name};
use crate::ports;
use crate::process::{self, Launch, Process};

/// On ports of its own; database, keys and settings are those of the other. Dropping it kills it.
#[derive(Debug)]
pub struct Replica {
    /// Lives as long as this does.
    _process: Process,
    channel: Channel,
}

impl Replica {
    /// To this process and no other.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }
}

impl Fleet {
    /// Starts one more of a service, and waits until it is ready.
    pub async fn replica(&self, name: &str) -> Result<Replica> {
        let name = service_name(name)?;
        let (grpc, ops) = (ports::free()?, ports::free()?);
        let mut env = self.environment(name)?;
        // What is said last holds.
        env.push(("LISTEN".into(), format!("127.0.0.1:{grpc}").into()));
        env.push(("OPS_LISTEN".into(), format!("127.0.0.1:{ops}").into()));
        let log = self.log(&format!("{name}-{grpc}"));
        let mut process = Process::spawn(Launch {
            name,
            program: &self.binary(name),
            args: vec!["serve".into()],
            env,
            log: &log,
            account: None,
            lifetime: self.plan.lifetime,
            last_signal: "KILL",
            scratch: None,
        })?;
        let asked_at = Instant::now();
        while !answers(ops, "/ready").await {
            process.check()?;
            if asked_at.elapsed() > READY_PATIENCE {
                bail!("{name} not ready after {} s\n{}", READY_PATIENCE.as_secs(), process::tail(&log));
            }
            tokio::time::sleep(POLL).await;
        }
        let channel = self.everybody.channel(name, &format!("https://127.0.0.1:{grpc}"))?;
        Ok(Replica { _process: process, channel })
    }
}
