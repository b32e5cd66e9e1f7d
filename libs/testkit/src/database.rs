//! One service's database, without the service: for tests of stores and of use cases that call nobody.

use std::path::{Path, PathBuf};

use devstack::DatabaseUrls;
use postgres::vault::VaultConfig;
use postgres::{Database, PostgresConfig};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};

use crate::OrPanic;
use crate::cluster::shared;
use crate::templates;

const POOL_SIZE: u32 = 8;
const STATEMENT_TIMEOUT_MS: u32 = 5_000;

/// A fresh, migrated database, reached as the service's own roles: row security binds it as it binds the service.
#[derive(Debug)]
pub struct TestDb {
    urls: DatabaseUrls,
    wrapping_key_file: PathBuf,
    database: Database,
}

impl TestDb {
    /// For the package under test, whose name is the service's.
    pub async fn new(migrator: &'static Migrator) -> Self {
        let package = std::env::var_os("CARGO_PKG_NAME").and_then(|name| name.into_string().ok());
        let service = package.expect("cargo names the package under test; run tests with cargo");
        Self::of(&service, migrator).await
    }

    pub async fn of(service: &str, migrator: &'static Migrator) -> Self {
        let shared = shared().await.or_panic();
        let key = format!("{service} {:p}", std::ptr::from_ref(migrator));
        let fill = async |template: &DatabaseUrls| Ok(postgres::migrate(&template.owner, migrator, &[]).await?);
        let urls = templates::database(shared, service, &key, fill).await.or_panic();
        let wrapping_key_file = shared.keys.secret("wrapping").or_panic();
        let database = Database::connect(&config(&urls, &wrapping_key_file)).await.or_panic();
        Self { urls, wrapping_key_file, database }
    }

    pub fn database(&self) -> &Database {
        &self.database
    }

    /// To connect once more, as another replica would.
    pub fn config(&self) -> PostgresConfig {
        config(&self.urls, &self.wrapping_key_file)
    }

    pub fn urls(&self) -> &DatabaseUrls {
        &self.urls
    }

    /// As the owner, who sees every region: to look at what a use case left behind, never to act for it.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect(&self.urls.owner).await.or_panic()
    }
}

/// As if so many days had passed for what is kept for a time: every period of the database is shorter by them.
pub async fn pass_days(owner: &mut PgConnection, days: i64) {
    let shorter = sqlx::query("UPDATE personal_tables SET days = -$1::bigint").bind(days);
    shorter.execute(owner).await.or_panic();
}

impl Drop for TestDb {
    fn drop(&mut self) {
        templates::leave([&self.urls]);
    }
}

pub(crate) fn config(urls: &DatabaseUrls, wrapping_key_file: &Path) -> PostgresConfig {
    PostgresConfig {
        database_url: urls.service.clone(),
        worker_database_url: Some(urls.worker.clone()),
        pool_size: POOL_SIZE,
        statement_timeout_ms: STATEMENT_TIMEOUT_MS,
        vault: VaultConfig { wrapping_key_file: Some(wrapping_key_file.to_owned()), ..VaultConfig::default() },
        audit: postgres::audit::AuditConfig::default(),
        events: postgres::events::EventsConfig::default(),
    }
}
