//! The service binaries: their ports, keys and settings; migrating, starting, killing and starting them again.

mod replica;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chassis::Credentials;
use chassis::channel::Channel;
use futures_util::future::try_join_all;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::callers::{self, Client, REGION};
use crate::databases::DatabaseUrls;
use crate::everybody::Everybody;
use crate::keys::Keys;
use crate::ports;
use crate::process::{self, Launch, Lifetime, Process, absolute};
use crate::record::{ProcessRecord, ServiceRecord};

pub use replica::Replica;

/// Every service with a database, in the order in which a person would explain them.
pub const SERVICES: [&str; 5] = ["identity", "scheduling", "adjudication", "payment", "referral"];

/// The folder under a mesh's root to which audits are anchored, outside the databases; one in it for each service.
pub const ANCHOR: &str = "anchor";

/// The name of the key that signs a service's audit.
pub fn audit_key(service: &str) -> String {
    format!("audit-{service}")
}

/// Whose audit a service witnesses: each another's, in the direction of calls.
pub fn witnessed_by(witness: &str) -> Option<&'static str> {
    match witness {
        "scheduling" => Some("identity"),
        "adjudication" => Some("scheduling"),
        "payment" => Some("adjudication"),
        "referral" => Some("payment"),
        "identity" => Some("referral"),
        _ => None,
    }
}

const READY_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// The service of that name.
pub fn service_name(name: &str) -> Result<&'static str> {
    SERVICES.into_iter().find(|known| *known == name).with_context(|| format!("there is no service {name}"))
}

#[derive(Debug, Clone)]
pub struct FleetPlan {
    /// Holds `logs/` and `clients.json`.
    pub root: PathBuf,
    pub keys: Keys,
    /// The folder of the service binaries.
    pub binaries: PathBuf,
    pub lifetime: Lifetime,
    pub redis_url: String,
    pub databases: BTreeMap<&'static str, DatabaseUrls>,
    /// Where services send their traces, if anywhere.
    pub otlp_endpoint: Option<String>,
    /// Further settings, for every service.
    pub settings: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    grpc: u16,
    ops: u16,
}

/// The services that have a database in the plan; the others have an address too, where nobody answers.
#[derive(Debug)]
pub struct Fleet {
    plan: FleetPlan,
    ports: BTreeMap<&'static str, Ports>,
    running: BTreeMap<&'static str, Process>,
    everybody: Everybody,
}

impl Fleet {
    pub fn new(plan: FleetPlan) -> Result<Self> {
        let plan = FleetPlan { root: absolute(&plan.root)?, binaries: absolute(&plan.binaries)?, ..plan };
        let mut given = BTreeMap::new();
        for name in SERVICES {
            let usual = |what: &str| ports::usual(&plan.root, &format!("{name}/{what}"));
            given.insert(name, Ports { grpc: usual("grpc")?, ops: usual("ops")? });
        }
        let everybody = Everybody::new(plan.keys.clone());
        let fleet = Self { plan, ports: given, running: BTreeMap::new(), everybody };
        for name in fleet.names() {
            let binary = fleet.binary(name);
            ensure!(binary.is_file(), "{} is missing; `cargo build --workspace --bins` makes it", binary.display());
        }
        Ok(fleet)
    }

    pub fn names(&self) -> Vec<&'static str> {
        SERVICES.into_iter().filter(|name| self.plan.databases.contains_key(name)).collect()
    }

    pub fn keys(&self) -> &Keys {
        &self.plan.keys
    }

    /// What every service was told by this name, if anything.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.plan.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn root(&self) -> &Path {
        &self.plan.root
    }

    /// Where a service answers, or would if it ran.
    pub fn url(&self, name: &str) -> Result<String> {
        Ok(format!("https://127.0.0.1:{}", self.port(name)?.grpc))
    }

    /// To a service, for the calls of everybody in this process. It stays good while the service is killed and started again.
    pub fn channel(&self, name: &str) -> Result<Channel> {
        self.everybody.channel(name, &self.url(name)?)
    }

    /// The same without a certificate: nobody answers.
    pub fn channel_without_certificate(&self, name: &str) -> Result<Channel> {
        self.everybody.channel_without_certificate(name, &self.url(name)?)
    }

    /// The same with one client's, or one service's, certificate on every call.
    pub fn channel_as(&self, client_id: &str, name: &str) -> Result<Channel> {
        self.everybody.channel_as(client_id, name, &self.url(name)?)
    }

    /// By which a client obtains its tokens.
    pub fn credentials(&self, client_id: &str) -> Result<Credentials> {
        self.everybody.credentials(client_id, &self.url("identity")?)
    }

    pub fn ops_url(&self, name: &str) -> Result<String> {
        Ok(format!("http://127.0.0.1:{}", self.port(name)?.ops))
    }

    pub fn database(&self, name: &str) -> Result<&DatabaseUrls> {
        self.plan.databases.get(name).with_context(|| format!("{name} is not part of this mesh"))
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.plan.root.join("logs").join(format!("{name}.log"))
    }

    pub async fn migrate_all(&self) -> Result<()> {
        try_join_all(self.names().into_iter().map(|name| self.migrate(name))).await.map(drop)
    }

    /// Brings the database of a service to its binary's version, as its owner.
    pub async fn migrate(&self, name: &str) -> Result<()> {
        let mut env = self.environment(name)?;
        env.push(("OWNER_DATABASE_URL".into(), self.database(name)?.owner.clone().into()));
        self.command(name, &["migrate".into()], env).await
    }

    /// Tells identity about clients; those it knows are brought up to date.
    pub async fn register(&self, clients: Vec<Client>) -> Result<()> {
        if self.plan.databases.contains_key("identity") {
            let file = self.plan.root.join("clients.json");
            self.plan.keys.write_clients(clients, &file)?;
            self.bootstrap(file).await?;
        }
        Ok(())
    }

    /// Tells identity about machines by their keys and about people by their logins at `issuer`. People's own keys are removed.
    pub(crate) async fn register_town(&self, issuer: &str) -> Result<()> {
        for person in callers::people() {
            self.plan.keys.forget(&person.client_id)?;
        }
        let file = self.plan.root.join("clients.json");
        self.plan.keys.write_town(callers::machines(), &callers::logins(issuer), &file)?;
        self.bootstrap(file).await
    }

    async fn bootstrap(&self, file: PathBuf) -> Result<()> {
        let arguments = ["bootstrap".into(), "--file".into(), file.into_os_string()];
        self.command("identity", &arguments, self.environment("identity")?).await
    }

    /// Starts all at once and waits until each says it is ready.
    pub async fn start_all(&mut self) -> Result<()> {
        for name in self.names() {
            self.launch(name)?;
        }
        self.wait_ready().await
    }

    /// Starts one on the ports it always had, and waits until it is ready.
    pub async fn start(&mut self, name: &str) -> Result<()> {
        self.launch(name)?;
        self.wait_ready().await
    }

    /// Whoever starts from now on sends traces and metrics there, if anywhere.
    pub fn send_traces_to(&mut self, otlp_endpoint: Option<String>) {
        self.plan.otlp_endpoint = otlp_endpoint;
    }

    /// `kill -9`.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        let process = self.running.remove(name).with_context(|| format!("{name} does not run"))?;
        drop(process);
        Ok(())
    }

    /// Asks one to leave, as an orchestrator does, and waits for it.
    pub async fn stop(&mut self, name: &str) -> Result<()> {
        let process = self.running.remove(name).with_context(|| format!("{name} does not run"))?;
        process.stop(Signal::TERM, STOP_PATIENCE).await
    }

    pub fn process(&self, name: &str) -> Option<&ProcessRecord> {
        self.running.get(name).map(Process::record)
    }

    /// Fails with the log's end if a service ended that nobody killed.
    pub fn check(&mut self) -> Result<()> {
        self.running.values_mut().try_for_each(Process::check)
    }

    pub fn describe(&self) -> Result<BTreeMap<String, ServiceRecord>> {
        let describe = |name: &'static str| -> Result<(String, ServiceRecord)> {
            let database = self.database(name)?;
            let record = ServiceRecord {
                url: self.url(name)?,
                ops_url: self.ops_url(name)?,
                database_url: database.service.clone(),
                worker_database_url: database.worker.clone(),
                owner_database_url: database.owner.clone(),
                process: self.process(name).cloned(),
            };
            Ok((name.to_owned(), record))
        };
        self.names().into_iter().map(describe).collect()
    }

    pub(crate) fn release(&mut self) {
        self.running.values_mut().for_each(Process::release);
    }

    pub(crate) fn launch(&mut self, name: &str) -> Result<()> {
        let name = service_name(name)?;
        ensure!(!self.running.contains_key(name), "{name} already runs");
        let process = Process::spawn(Launch {
            name,
            program: &self.binary(name),
            args: vec!["serve".into()],
            env: self.environment(name)?,
            log: &self.log(name),
            account: None,
            lifetime: self.plan.lifetime,
            last_signal: "KILL",
            scratch: None,
        })?;
        self.running.insert(name, process);
        Ok(())
    }

    pub(crate) async fn wait_ready(&mut self) -> Result<()> {
        let asked_at = Instant::now();
        let mut waiting: Vec<&'static str> = self.running.keys().copied().collect();
        while !waiting.is_empty() {
            self.check()?;
            let mut still = vec![];
            for name in waiting {
                if !answers(self.port(name)?.ops, "/ready").await {
                    still.push(name);
                }
            }
            waiting = still;
            if let Some(name) = waiting.first() {
                if asked_at.elapsed() > READY_PATIENCE {
                    let log = process::tail(&self.log(name));
                    bail!("{} not ready after {} s\n{log}", waiting.join(", "), READY_PATIENCE.as_secs());
                }
                tokio::time::sleep(POLL).await;
            }
        }
        // Whoever answered was ours, and not a stranger on a port that ours could not have.
        self.check()
    }

    /// Runs a command of a service's binary to its end, such as `data-keys rotate`, with the settings it serves with.
    pub async fn run(&self, name: &str, arguments: &[&str]) -> Result<()> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        self.command(name, &arguments, self.environment(name)?).await
    }

    async fn command(&self, name: &str, arguments: &[OsString], env: Vec<(String, OsString)>) -> Result<()> {
        let verb = arguments.first().map(|verb| verb.to_string_lossy().into_owned()).unwrap_or_default();
        let log = self.log(&format!("{name}-{verb}"));
        process::run(&format!("`{name} {verb}`"), &self.binary(name), arguments, env, &log).await
    }

    /// The program of a service, or one beside it.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.plan.binaries.join(name)
    }

    fn port(&self, name: &str) -> Result<Ports> {
        self.ports.get(name).copied().with_context(|| format!("there is no service {name}"))
    }

    /// What a service is started with: the names are those of its own settings; `<service> --help` prints them.
    pub fn environment(&self, name: &str) -> Result<Vec<(String, OsString)>> {
        let ports = self.port(name)?;
        let database = self.database(name)?;
        let certificate = self.plan.keys.certificates().of(name)?;
        let mut env: Vec<(String, OsString)> = vec![
            ("LISTEN".into(), format!("127.0.0.1:{}", ports.grpc).into()),
            ("OPS_LISTEN".into(), format!("127.0.0.1:{}", ports.ops).into()),
            ("DATABASE_URL".into(), database.service.clone().into()),
            ("WORKER_DATABASE_URL".into(), database.worker.clone().into()),
            ("REDIS_URL".into(), self.plan.redis_url.clone().into()),
            ("CLIENT_KEY_FILE".into(), self.plan.keys.private(name)?.into_os_string()),
            ("WRAPPING_KEY_FILE".into(), self.plan.keys.secret("wrapping")?.into_os_string()),
            ("TLS_CERT_FILE".into(), certificate.clone().into()),
            ("TLS_KEY_FILE".into(), certificate.into()),
            ("TLS_CA_FILE".into(), self.plan.keys.certificates().ca()?.into()),
            ("AUDIT_KEY_FILE".into(), self.plan.keys.private(&audit_key(name))?.into_os_string()),
            ("AUDIT_ANCHOR_FOLDER".into(), self.root().join(ANCHOR).into()),
            ("REGION".into(), REGION.into()),
            // Nobody balances over replicas here, so nobody needs the time to notice that one leaves.
            ("DRAIN_NOTICE_MS".into(), "0".into()),
        ];
        for peer in SERVICES {
            env.push((format!("{}_URL", peer.to_uppercase()), self.url(peer)?.into()));
        }
        if let Some(witnessed) = witnessed_by(name) {
            let key = self.plan.keys.public(&audit_key(witnessed))?;
            env.push(("AUDIT_WITNESSED_KEY_FILE".into(), key.into_os_string()));
        }
        if name == "identity" {
            env.push(("TOKEN_KEY_FOLDER".into(), self.plan.keys.signing()?.into_os_string()));
        }
        if let Some(endpoint) = &self.plan.otlp_endpoint {
            env.push(("OTEL_EXPORTER_OTLP_ENDPOINT".into(), endpoint.into()));
        }
        env.extend(self.plan.settings.iter().map(|(name, value)| (name.clone(), value.into())));
        Ok(env)
    }
}

/// Whether an ops port answers this path with 200. No HTTP client for one line.
pub(crate) async fn answers(port: u16, path: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await?;
        std::io::Result::Ok(status.ends_with(b" 200"))
    };
    matches!(tokio::time::timeout(Duration::from_secs(1), ask).await, Ok(Ok(true)))
}
