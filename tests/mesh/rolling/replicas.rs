//! Several processes of one service behind one address, replaced one by one as a Deployment replaces its pods.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use devstack::Fleet;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::front::{Front, Ready};

/// A readiness probe of a cluster comes more seldom; the notice of a draining replica is as much longer there.
const PROBE_EVERY: Duration = Duration::from_millis(50);
const START_PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Replicas {
    service: &'static str,
    program: PathBuf,
    environment: Vec<(String, std::ffi::OsString)>,
    logs: PathBuf,
    ready: Ready,
    running: VecDeque<Replica>,
    started: usize,
    _front: Front,
}

struct Replica {
    child: Child,
    log: PathBuf,
    probing: JoinHandle<()>,
}

impl Replicas {
    /// In the place of the fleet's own process, which must have ended: at the same address, with the same settings.
    pub(super) async fn start(fleet: &Fleet, service: &'static str, count: usize) -> Self {
        let url = fleet.url(service).expect("a service of the mesh");
        let ready = Ready::default();
        let front = Front::listen(url.trim_start_matches("https://"), ready.clone()).await;
        let logs = fleet.log(service).parent().expect("a folder of logs").to_owned();
        let mut replicas = Self {
            service,
            program: fleet.binary(service),
            environment: fleet.environment(service).expect("settings"),
            logs,
            ready,
            running: VecDeque::new(),
            started: 0,
            _front: front,
        };
        for _ in 0..count {
            replicas.add().await;
        }
        replicas
    }

    /// Replaces each: the new one is ready before the old one is asked to leave.
    pub(super) async fn roll(&mut self, grace: Duration) {
        for _ in 0..self.running.len() {
            self.add().await;
            let oldest = self.running.pop_front().expect("there was one before");
            oldest.leave(self.service, grace).await;
        }
    }

    async fn add(&mut self) {
        self.started += 1;
        let (grpc, ops) = (free_address(), free_address());
        let log = self.logs.join(format!("{}-{}.log", self.service, self.started));
        let mut command = Command::new(&self.program);
        command.arg("serve").env_clear().envs(self.environment.iter().cloned());
        command.env("LISTEN", grpc.to_string()).env("OPS_LISTEN", ops.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let mut child = command.stderr(std::fs::File::create(&log).expect("a log")).spawn().expect("it starts");
        let began = Instant::now();
        while !is_ready(ops).await {
            let has_ended = child.try_wait().expect("a status").is_some();
            assert!(!has_ended && began.elapsed() < START_PATIENCE, "{} is not ready: {}", self.service, said(&log));
            tokio::time::sleep(PROBE_EVERY).await;
        }
        let ready = self.ready.clone();
        ready.set(grpc, true);
        let probing = tokio::spawn(async move {
            while is_ready(ops).await {
                tokio::time::sleep(PROBE_EVERY).await;
            }
            ready.set(grpc, false);
        });
        self.running.push_back(Replica { child, log, probing });
    }
}

impl Replica {
    /// SIGTERM; it ends by itself, in order and in time.
    async fn leave(mut self, service: &str, grace: Duration) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)).expect("it runs");
        kill_process(pid, Signal::TERM).expect("it can be asked");
        let ended = tokio::time::timeout(grace, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("{service} outlived its grace: {}", said(&self.log)));
        let status = status.expect("a status");
        let said = said(&self.log);
        assert!(status.success(), "{service} ended with {status}: {said}");
        assert!(said.contains("draining") && !said.contains("dropped at the drain's limit"), "{service}: {said}");
        self.probing.await.expect("it was probed until then");
    }
}

fn said(log: &PathBuf) -> String {
    std::fs::read_to_string(log).expect("a log")
}

fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("its address")
}

async fn is_ready(ops: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(ops).await else { return false };
    let question = b"GET /ready HTTP/1.1\r\nhost: replica\r\nconnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(question).await.is_ok()
        && stream.read_to_string(&mut answer).await.is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
