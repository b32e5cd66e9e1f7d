use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::{Notify, watch};

use crate::{Error, PostgresConfig, Scope, Transaction, audit::Tables, migration};

/// A caller who waited this long for a connection is better answered "unavailable" than kept.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// A service's database, reached as the service and, for background loops, as its worker.
#[derive(Debug, Clone)]
pub struct Database {
    service: PgPool,
    worker: Option<PgPool>,
    statement_timeout_ms: u32,
    pub(crate) signals: Arc<Signals>,
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
}

impl Database {
    /// Connects both roles. Refuses a database that acknowledges what it may still lose, and a role that row security does not
    /// bind: it would see every region, and nothing else would tell.
    pub async fn connect(config: &PostgresConfig) -> Result<Self, Error> {
        let service = pool(&config.database_url, config.pool_size).await?;
        let worker = match &config.worker_database_url {
            Some(url) => Some(pool(url, (config.pool_size / 4).max(2)).await?),
            None => None,
        };
        let signals =
            Arc::new(Signals { unsealed: Notify::new(), sealed: watch::Sender::new(()), audited: Tables::default() });
        Ok(Self { service, worker, statement_timeout_ms: config.statement_timeout_ms, signals })
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
        let pool = match scope {
            Scope::Region(_) => &self.service,
            Scope::Worker => self.worker.as_ref().ok_or(Error::WorkerRoleMissing)?,
        };
        let mut tx = pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        sqlx::query(
            "SELECT set_config('anjia.region', $1, true), set_config('statement_timeout', $2, true), \
             set_config('lock_timeout', $3, true)",
        )
        .bind(scope.region().map(String::from).unwrap_or_default())
        .bind(self.statement_timeout_ms.to_string())
        .bind(lock_timeout_ms.to_string())
        .execute(&mut *tx)
        .await?;
        Ok(Transaction::new(tx, scope, Arc::clone(&self.signals)))
    }

    /// Whether the database can be reached and is at least as new as this binary. `service` are the service's own migrations.
    pub async fn ready(&self, service: &Migrator) -> Result<(), Error> {
        let mut conn = self.service.acquire().await?;
        migration::check(&mut conn, service).await
    }

    /// Closes all connections, waiting for those in use.
    pub async fn close(&self) {
        self.service.close().await;
        if let Some(worker) = &self.worker {
            worker.close().await;
        }
    }
}

async fn pool(url: &str, size: u32) -> Result<PgPool, Error> {
    let options = PgConnectOptions::from_str(url)?.options([("idle_in_transaction_session_timeout", "5000")]);
    let pool =
        PgPoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_TIMEOUT).connect_with(options).await?;
    // The flags tell also before there is any table; the tables tell also of an owner.
    let (role, synchronous_commit, is_unbound): (String, String, bool) = sqlx::query_as(
        "SELECT current_user::text, current_setting('synchronous_commit'), \
                (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) \
                OR EXISTS (SELECT FROM pg_class WHERE relrowsecurity AND NOT row_security_active(oid))",
    )
    .fetch_one(&pool)
    .await?;
    if synchronous_commit == "off" {
        return Err(Error::SynchronousCommitOff { role });
    }
    if is_unbound {
        return Err(Error::RoleUnbound { role });
    }
    Ok(pool)
}
