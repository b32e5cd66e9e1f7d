use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection as _, PgPool, Postgres,
    migrate::Migrator,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::{Notify, watch};
use types::{region::RegionCode, setting::OfSetting as _};

use crate::{
    Error, PostgresConfig, Scope, Transaction,
    audit::{Notary, NoteVerifier, Tables, Witness},
    events::EventsConfig,
    metrics::{InUse, PoolMeter},
    migration,
    vault::Vault,
};

pub(crate) type Begun = (sqlx::Transaction<'static, Postgres>, InUse);

/// The keys in memory are not the newest.
const NEWER_KEYS: &str = "KEYS1";

/// First: an isolation level is set before anything is read.
const ISOLATION: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED";
/// Last: what was set before it becomes a part of the transaction, and what fails before it leaves the connection outside any.
const BEGIN: &str = "BEGIN";
/// A caller who waited this long for a connection is better answered "unavailable" than kept.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that was in use so lately is most likely there; where it is not, beginning is tried on another. To ask costs a round trip
/// with every transaction.
const LATELY: Duration = Duration::from_secs(1);

/// A service's database, reached as the service and, for background loops, as its worker.
#[derive(Debug, Clone)]
pub struct Database {
    service: Pool,
    worker: Option<Pool>,
    statement_timeout_ms: u32,
    vault: Arc<Vault>,
    pub(crate) events: EventsConfig,
    pub(crate) signals: Arc<Signals>,
}

/// The connections of one role.
#[derive(Debug, Clone)]
struct Pool {
    connections: PgPool,
    meter: PoolMeter,
}

impl Pool {
    async fn connect(options: PgConnectOptions, size: u32) -> Result<Self, Error> {
        let connections = PgPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|conn, used| {
                Box::pin(async move {
                    if used.idle_for > LATELY {
                        conn.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        // The flags tell also before there is any table; the tables tell also of an owner.
        let (role, synchronous_commit, is_unbound): (String, String, bool) = sqlx::query_as(
            "SELECT current_user::text, current_setting('synchronous_commit'), \
                (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) \
                OR EXISTS (SELECT FROM pg_class WHERE relrowsecurity AND NOT row_security_active(oid))",
        )
        .fetch_one(&connections)
        .await?;
        if synchronous_commit == "off" {
            return Err(Error::SynchronousCommitOff { role });
        }
        if is_unbound {
            return Err(Error::RoleUnbound { role });
        }
        let meter = PoolMeter::observing(&connections, &role);
        Ok(Self { connections, meter })
    }

    /// With these settings for the transaction, after a statement that refuses where it may not begin: one round trip.
    async fn begin(&self, settings: [(&'static str, String); 4], check: Option<String>) -> Result<Begun, sqlx::Error> {
        let settings = settings.map(|(name, value)| format!("SET LOCAL {name} = '{}'; ", value.replace('\'', "''")));
        let check = check.map(|check| format!("{check}; ")).unwrap_or_default();
        let statements = format!("{ISOLATION}; {}{check}{BEGIN}", settings.concat());
        // Each that is lost is gone from the pool then.
        for _ in 0..self.connections.options().get_max_connections() {
            match self.begin_with(statements.clone()).await {
                Err(error) if is_lost(&error) => {}
                begun => return begun,
            }
        }
        self.begin_with(statements).await
    }

    /// In a task of its own: whoever asks may be gone before it has begun, and would leave the connection to others within a transaction that
    /// nobody knows of.
    async fn begin_with(&self, statements: String) -> Result<Begun, sqlx::Error> {
        let connections = self.connections.clone();
        let begun = tokio::spawn(async move { connections.begin_with(AssertSqlSafe(statements)).await });
        self.meter.waited(async { begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed)) }).await
    }
}

/// The connection was cut off since it was last in use, by a restart or by whoever ended its backend: nothing was done on it.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02")),
        _ => false,
    }
}

/// How the statements of a transaction are planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plans {
    /// Anew, where that promises a better plan.
    AsNeeded,
    /// Once a connection: what is written for lists of any length has one good plan, and making another costs more than running it.
    Kept,
}

impl Plans {
    const fn mode(self) -> &'static str {
        match self {
            Self::AsNeeded => "auto",
            Self::Kept => "force_generic_plan",
        }
    }
}

/// Short cuts within one process: they save waiting and asking, nothing depends on them.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Somebody committed rows for the sealer.
    pub(crate) unsealed: Notify,
    /// The sealer of this process gave out positions.
    pub(crate) sealed: watch::Sender<()>,
    /// What the audit digests.
    pub(crate) audited: Tables,
    /// Who signs checkpoints of the audit, if anybody does.
    pub(crate) notary: Option<Notary>,
}

impl Database {
    /// Connects both roles. Refuses a database that acknowledges what it may still lose, and a role that row security does not
    /// bind: it would see every region, and nothing else would tell.
    pub async fn connect(config: &PostgresConfig) -> Result<Self, Error> {
        let vault = Arc::new(Vault::new(config.vault.provider()?));
        let as_service = options(&config.database_url, "DATABASE_URL")?;
        let as_worker =
            config.worker_database_url.as_deref().map(|url| options(url, "WORKER_DATABASE_URL")).transpose()?;
        let notary = Notary::load(as_service.get_username(), &config.audit)?;
        let service = Pool::connect(as_service, config.pool_size).await?;
        let worker = match as_worker {
            Some(options) => Some(Pool::connect(options, (config.pool_size / 4).max(2)).await?),
            None => None,
        };
        let signals = Arc::new(Signals {
            unsealed: Notify::new(),
            sealed: watch::Sender::new(()),
            audited: Tables::default(),
            notary,
        });
        let PostgresConfig { statement_timeout_ms, events, .. } = *config;
        Ok(Self { service, worker, statement_timeout_ms, vault, events, signals })
    }

    /// The only way to begin: READ COMMITTED, seeing what `scope` says, every statement limited in time.
    pub async fn begin(&self, scope: Scope) -> Result<Transaction, Error> {
        self.begin_with_lock_timeout(scope, 0).await
    }

    /// As [`Database::begin`]; waits for a lock at most `lock_timeout_ms`, 0 for as long as the statement may take.
    pub(crate) async fn begin_with_lock_timeout(
        &self,
        scope: Scope,
        lock_timeout_ms: u32,
    ) -> Result<Transaction, Error> {
        self.begin_planning(scope, lock_timeout_ms, Plans::AsNeeded).await
    }

    pub(crate) async fn begin_planning(
        &self,
        scope: Scope,
        lock_timeout_ms: u32,
        plans: Plans,
    ) -> Result<Transaction, Error> {
        match scope {
            Scope::Region(region) => self.begin_in(region, lock_timeout_ms, plans).await,
            Scope::Worker => {
                let begun = self.begin_as_worker(lock_timeout_ms).await?;
                Ok(Transaction::new(begun, scope, None, Arc::clone(&self.vault), Arc::clone(&self.signals)))
            }
        }
    }

    /// With the newest keys of the region in memory: it does not begin if there are newer ones.
    async fn begin_in(&self, region: RegionCode, lock_timeout_ms: u32, plans: Plans) -> Result<Transaction, Error> {
        loop {
            if let Ok(keys) = self.vault.keys(region) {
                let check = format!("SELECT require_newest_keys('{region}', {})", keys.generation());
                match self.service.begin(self.settings(region.as_str(), lock_timeout_ms, plans), Some(check)).await {
                    Ok(begun) => {
                        let (vault, signals) = (Arc::clone(&self.vault), Arc::clone(&self.signals));
                        return Ok(Transaction::new(begun, Scope::Region(region), Some(keys), vault, signals));
                    }
                    Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NEWER_KEYS) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            // Not inside a transaction: the provider may take its time.
            let mut conn = self.service.connections.acquire().await?;
            self.vault.load(&mut conn, region).await?;
        }
    }

    fn settings(&self, region: &str, lock_timeout_ms: u32, plans: Plans) -> [(&'static str, String); 4] {
        [
            ("anjia.region", region.to_owned()),
            ("statement_timeout", self.statement_timeout_ms.to_string()),
            ("lock_timeout", lock_timeout_ms.to_string()),
            ("plan_cache_mode", plans.mode().to_owned()),
        ]
    }

    async fn begin_as_worker(&self, lock_timeout_ms: u32) -> Result<Begun, Error> {
        let pool = self.worker.as_ref().ok_or(Error::WorkerRoleMissing)?;
        Ok(pool.begin(self.settings("", lock_timeout_ms, Plans::AsNeeded), None).await?)
    }

    /// The service's role outside any transaction and region: for the keys, which belong to no region.
    pub(crate) async fn service_connection(&self) -> Result<PoolConnection<Postgres>, Error> {
        Ok(self.service.connections.acquire().await?)
    }

    /// The keys of personal data; [`Database::begin`] keeps those of its region current.
    pub const fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Whether the database can be reached and is at least as new as this binary, and its data keys unwrap: a service that could
    /// open nothing takes no calls, and begins to as soon as the provider is back. `service` are the service's own migrations.
    pub async fn ready(&self, service: &Migrator) -> Result<(), Error> {
        let mut conn = self.service.connections.acquire().await?;
        migration::check(&mut conn, service).await?;
        self.vault.ready(&mut conn).await
    }

    /// Whose signature checkpoints of the audit bear; none if nobody signs.
    pub fn audit_verifier(&self) -> Option<NoteVerifier> {
        self.signals.notary.as_ref().map(Notary::verifier)
    }

    /// Who witnesses the audit of another service; none if this one has no key, or not the other's.
    pub fn witness(&self, service: &str) -> Result<Option<Witness>, Error> {
        self.signals.notary.as_ref().map_or(Ok(None), |notary| notary.witness(service))
    }

    /// Closes all connections, waiting for those in use.
    pub async fn close(&self) {
        self.service.connections.close().await;
        if let Some(worker) = &self.worker {
            worker.connections.close().await;
        }
    }
}

fn options(url: &str, setting: &'static str) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(url).of_setting(setting)?;
    Ok(options.options([("idle_in_transaction_session_timeout", "5000")]))
}
