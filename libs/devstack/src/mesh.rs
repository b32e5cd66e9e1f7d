//! A whole mesh on this machine: Postgres, Redis, five services and their keys under one root.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;

use crate::callers;
use crate::cluster::{Cluster, ClusterPlan, Durability};
use crate::databases::{ROLE_ADMIN, create_database, urls};
use crate::fleet::{Fleet, FleetPlan, SERVICES};
use crate::gateway::Gateway;
use crate::keys::Keys;
use crate::process::{Lifetime, absolute};
use crate::provider::Provider;
use crate::record::{self, GatewayRecord, MeshRecord, State};
use crate::redis::Redis;

/// Told, in a few words, what happens next.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

#[derive(Debug, Clone)]
pub struct Plan {
    /// Holds everything of this mesh: `postgres/`, `redis/`, `keys/`, `logs/`, `mesh.json`.
    pub root: PathBuf,
    /// The folder of the service binaries.
    pub binaries: PathBuf,
    pub lifetime: Lifetime,
    /// Remove what an earlier mesh left under this root, data and keys included, and begin anew.
    pub fresh: bool,
    /// Where services send their traces, if anywhere.
    pub otlp_endpoint: Option<String>,
    /// Further settings, for every service, by the names in their `--help`.
    pub settings: Vec<(String, String)>,
    /// Whether people log in at a development provider, rather than each with a key of their own.
    pub logins: bool,
    /// Whether it can be reached from outside: REST and gRPC through Envoy, which must be installed.
    pub gateway: bool,
    /// Where there is no data yet: a data folder of Postgres to begin with, rather than an empty one.
    pub template: Option<PathBuf>,
}

/// A running mesh. Dropping it kills it, unless it was detached.
#[derive(Debug)]
pub struct Mesh {
    // Dropped in this order: services before their databases, so that none complains.
    gateway: Option<Gateway>,
    fleet: Fleet,
    provider: Option<Provider>,
    redis: Redis,
    cluster: Cluster,
    _lock: File,
}

impl Mesh {
    /// Starts everything and returns when all are ready. What an interrupted start left behind is stopped first; a mesh that
    /// is up under the same root is refused.
    pub async fn start(plan: Plan, progress: Progress<'_>) -> Result<Self> {
        let plan = Plan { root: absolute(&plan.root)?, ..plan };
        fs::create_dir_all(&plan.root).with_context(|| format!("making {}", plan.root.display()))?;
        if plan.fresh {
            // Asked before the lock is made, which looks like ours.
            record::check_ours(&plan.root)?;
        }
        let lock = lock(&plan.root)?;
        match MeshRecord::state(&plan.root)? {
            State::Up(_) => {
                anyhow::bail!("a mesh is already up under {0}; `anjia down --root {0}` stops it", plan.root.display())
            }
            State::Partly(record) => {
                progress("clearing away what an earlier start left");
                let ended = record.gone();
                if !plan.fresh && !ended.is_empty() {
                    progress(&format!("{} had ended; why may stand in logs.previous", ended.join(", ")));
                }
                record::stop(&plan.root)?;
            }
            State::Nothing => {}
        }
        if plan.fresh {
            record::clear(&plan.root)?;
        }
        let logs = plan.root.join("logs");
        // What the last run said may tell why it ended.
        let earlier = plan.root.join("logs.previous");
        if logs.exists() {
            let _ = fs::remove_dir_all(&earlier);
            fs::rename(&logs, &earlier)?;
        }

        let cluster = ClusterPlan {
            data: plan.root.join("postgres/data"),
            log: logs.join("postgres.log"),
            lifetime: plan.lifetime,
            durability: Durability::Durable,
            template: plan.template,
        };
        let first = if Cluster::is_made(&cluster)? { "" } else { ", for the first time here" };
        progress(&format!("starting Postgres and Redis{first}"));
        let cluster = Cluster::start(cluster);
        let redis = Redis::start(plan.root.join("redis"), logs.join("redis.log"), plan.lifetime);
        let (cluster, redis) = tokio::try_join!(cluster, redis)?;

        let databases: BTreeMap<_, _> = SERVICES.map(|name| (name, urls(&cluster, name, name))).into();
        let (root, binaries, lifetime) = (plan.root.clone(), plan.binaries.clone(), plan.lifetime);
        let provider = plan.logins.then(|| Provider::of(&root)).transpose()?;
        let gateway = plan.gateway.then(|| Gateway::of(&root)).transpose()?;
        let mut settings = plan.settings;
        if let Some(provider) = &provider {
            let file = root.join("federation.toml");
            provider.write_federation(&file)?;
            settings.push(("FEDERATION_FILE".to_owned(), file.display().to_string()));
        }
        let fleet = Fleet::new(FleetPlan {
            keys: Keys::in_folder(&plan.root.join("keys"))?,
            root: plan.root,
            binaries: plan.binaries,
            lifetime: plan.lifetime,
            redis_url: redis.url(),
            databases,
            otlp_endpoint: plan.otlp_endpoint,
            settings,
        })?;
        let mut mesh = Self { gateway, fleet, provider, redis, cluster, _lock: lock };
        // From here on `stop` finds what runs, also after a start that was interrupted.
        mesh.save(false)?;

        progress("bringing the databases up to date");
        try_join_all(SERVICES.map(|name| create_database(&mesh.cluster, name, name, None))).await?;
        mesh.fleet.migrate_all().await?;
        match &mut mesh.provider {
            None => mesh.fleet.register(callers::all()).await?,
            Some(provider) => {
                mesh.fleet.register_town(&provider.issuer()).await?;
                progress("starting the development provider of logins");
                provider.start(mesh.fleet.keys(), &binaries, root.join("logs/provider.log"), lifetime).await?;
            }
        }
        progress("starting identity, scheduling, adjudication, payment, referral");
        for name in SERVICES {
            mesh.fleet.launch(name)?;
        }
        mesh.save(false)?;
        mesh.fleet.wait_ready().await?;
        if let Some(gateway) = &mut mesh.gateway {
            progress("starting the gateway");
            gateway.start(&mesh.fleet, lifetime).await?;
        }
        mesh.save(true)?;
        Ok(mesh)
    }

    /// Lets a detached mesh live on without this command; `stop(root)` ends it.
    pub fn detach(mut self) -> Result<MeshRecord> {
        let record = self.record(true)?;
        self.gateway.iter_mut().for_each(Gateway::release);
        self.fleet.release();
        self.provider.iter_mut().for_each(Provider::release);
        self.redis.release();
        self.cluster.release();
        Ok(record)
    }

    /// Ends it in order: services drain, Postgres writes everything out.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(gateway) = self.gateway.take() {
            gateway.stop().await?;
        }
        for name in self.fleet.names() {
            if self.fleet.process(name).is_some() {
                self.fleet.stop(name).await?;
            }
        }
        if let Some(provider) = self.provider.take() {
            provider.stop().await?;
        }
        self.redis.stop().await?;
        self.cluster.stop().await?;
        fs::remove_file(self.fleet.root().join("mesh.json"))?;
        Ok(())
    }

    pub fn record(&self, ready: bool) -> Result<MeshRecord> {
        let root = self.fleet.root();
        Ok(MeshRecord {
            ready,
            root: root.to_owned(),
            keys: self.fleet.keys().folder().to_owned(),
            logs: root.join("logs"),
            postgres_url: self.cluster.url(ROLE_ADMIN, "postgres"),
            redis_url: self.redis.url(),
            postgres: self.cluster.process().cloned(),
            redis: self.redis.process().cloned(),
            provider: self.provider.as_ref().map(Provider::record),
            gateway: self.gateway.as_ref().map(Gateway::record),
            services: self.fleet.describe()?,
        })
    }

    /// Where it is reached from outside, if it is.
    pub fn gateway(&self) -> Option<GatewayRecord> {
        self.gateway.as_ref().map(Gateway::record)
    }

    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    pub fn fleet_mut(&mut self) -> &mut Fleet {
        &mut self.fleet
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub fn cluster_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    pub fn redis_mut(&mut self) -> &mut Redis {
        &mut self.redis
    }

    fn save(&self, ready: bool) -> Result<()> {
        self.record(ready)?.save()
    }
}

/// One start at a time under one root. The lock goes with the process that holds it.
fn lock(root: &Path) -> Result<File> {
    const PATIENCE_STEPS: u32 = 20;
    let path = root.join("lock");
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    for _ in 0..PATIENCE_STEPS {
        if file.try_lock().is_ok() {
            return Ok(file);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    ensure!(file.try_lock().is_ok(), "another command is working on {}; wait for it", root.display());
    Ok(file)
}
