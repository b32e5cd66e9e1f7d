//! A mesh for one test: fresh databases, a Redis of its own where a service uses one, and the real binaries.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use chassis::channel::Channel;
use devstack::callers::{self, Client};
use devstack::{DatabaseUrls, Fleet, FleetPlan, Lifetime, Redis, Replica, SERVICES, service_name};
use futures_util::future::try_join_all;
use postgres::Database;
use sqlx::{Connection, PgConnection};

use crate::cluster::{Shared, shared};
use crate::{OrPanic, TestCaller, database, templates};

static NEXT_MESH: AtomicU32 = AtomicU32::new(1);

/// The only one.
const USES_REDIS: &str = "scheduling";

/// Everything in it dies when it is dropped.
#[derive(Debug)]
pub struct Mesh {
    fleet: Fleet,
    redis: Option<Redis>,
}

impl Mesh {
    /// Starts these services, and identity, without which nobody has a token. The callers of the journey are registered.
    pub async fn start(services: &[&str]) -> Self {
        Self::start_with(services, &[]).await
    }

    /// As `start`, with settings by the names that `<service> --help` prints, for every service.
    pub async fn start_with(services: &[&str], settings: &[(&str, &str)]) -> Self {
        Self::try_start(services, settings).await.or_panic()
    }

    async fn try_start(services: &[&str], settings: &[(&str, &str)]) -> Result<Self> {
        for name in services {
            service_name(name)?;
        }
        let wanted = |name: &&'static str| *name == "identity" || services.contains(name);
        let shared = shared().await?;
        let root = shared.folder.join(format!("mesh-{}", NEXT_MESH.fetch_add(1, Ordering::Relaxed)));
        let redis = if services.contains(&USES_REDIS) {
            Some(Redis::start(root.join("redis"), root.join("logs/redis.log"), Lifetime::Tethered).await?)
        } else {
            None
        };

        let names = SERVICES.into_iter().filter(wanted);
        let databases = try_join_all(names.map(async |name| {
            let fill = async |template: &DatabaseUrls| fill(shared, name, template).await;
            anyhow::Ok((name, templates::database(shared, name, name, fill).await?))
        }));
        let databases = databases.await?.into_iter().collect();
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let plan = plan(shared, root, databases);
        let redis_url = redis.as_ref().map_or(plan.redis_url.clone(), Redis::url);
        let mut fleet = Fleet::new(FleetPlan { redis_url, settings: settings.collect(), ..plan })?;
        fleet.start_all().await?;
        Ok(Self { fleet, redis })
    }

    /// A caller of the journey by its client id, such as `worker`; or a service, to call as it would.
    pub fn caller(&self, client_id: &str) -> TestCaller {
        let known = callers::all().into_iter().find(|client| client.client_id == client_id);
        self.caller_of(known.with_context(|| format!("nobody in the journey is called {client_id}")).or_panic())
    }

    /// Registers one more client, with a key of its own; one that is known is brought up to date.
    pub async fn register(&self, client: Client) -> TestCaller {
        self.fleet.register(vec![client.clone()]).await.or_panic();
        self.caller_of(client)
    }

    fn caller_of(&self, client: Client) -> TestCaller {
        TestCaller::new(client, &self.fleet)
    }

    /// A channel to a service, for its generated clients; each call goes over a connection of its caller's certificate. It stays good while the service is killed and started again.
    pub fn channel(&self, service: &str) -> Channel {
        self.fleet.channel(service).or_panic()
    }

    /// The same without a client certificate: no call on it is answered.
    pub fn channel_without_certificate(&self, service: &str) -> Channel {
        self.fleet.channel_without_certificate(service).or_panic()
    }

    /// The same with the certificate of one client or service on every call, whoever's token it carries.
    pub fn channel_as(&self, client_id: &str, service: &str) -> Channel {
        self.fleet.channel_as(client_id, service).or_panic()
    }

    /// `kill -9`.
    pub fn kill(&mut self, service: &str) {
        self.fleet.kill(service).or_panic();
    }

    /// Asks a service to leave, as an orchestrator does, and waits for it.
    pub async fn terminate(&mut self, service: &str) {
        self.fleet.stop(service).await.or_panic();
    }

    /// Starts a service that was killed, on the ports it had, and waits until it is ready.
    pub async fn start_again(&mut self, service: &str) {
        self.fleet.start(service).await.or_panic();
    }

    /// One more process of a service, on the same database and Redis. It dies when it is dropped.
    pub async fn replica(&self, service: &str) -> Replica {
        self.fleet.replica(service).await.or_panic()
    }

    /// To stop, kill, wipe, stall or start it again.
    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("a mesh with scheduling")
    }

    /// Ports, logs, settings and processes.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    pub fn database(&self, service: &str) -> &DatabaseUrls {
        self.fleet.database(service).or_panic()
    }

    /// A service's database as the service itself reaches it: to run what its loops run, at another time.
    pub async fn connect(&self, service: &str) -> Database {
        let wrapping_key_file = self.fleet.keys().secret("wrapping").or_panic();
        Database::connect(&database::config(self.database(service), &wrapping_key_file)).await.or_panic()
    }

    /// A service's database as its owner, who sees every region: to look at what calls left behind, never to act for them.
    pub async fn owner(&self, service: &str) -> PgConnection {
        PgConnection::connect(&self.database(service).owner).await.or_panic()
    }

    /// What a service has written to its log so far.
    pub fn log(&self, service: &str) -> String {
        std::fs::read_to_string(self.fleet.log(service)).or_panic()
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        templates::leave(self.fleet.names().into_iter().filter_map(|name| self.fleet.database(name).ok()));
    }
}

/// Migrates a template by the service's own binary; identity's knows the callers of the journey, too.
async fn fill(shared: &Shared, name: &'static str, template: &DatabaseUrls) -> Result<()> {
    let root = shared.folder.join(format!("template-{name}"));
    let fleet = Fleet::new(plan(shared, root, BTreeMap::from([(name, template.clone())])))?;
    fleet.migrate(name).await?;
    fleet.register(callers::all()).await
}

pub(crate) fn plan(shared: &Shared, root: PathBuf, databases: BTreeMap<&'static str, DatabaseUrls>) -> FleetPlan {
    FleetPlan {
        root,
        keys: shared.keys.clone(),
        binaries: shared.binaries.clone(),
        lifetime: Lifetime::Tethered,
        // Nobody listens there: neither migrating nor the others need a Redis.
        redis_url: "redis://127.0.0.1:1".to_owned(),
        databases,
        otlp_endpoint: None,
        settings: vec![],
    }
}
