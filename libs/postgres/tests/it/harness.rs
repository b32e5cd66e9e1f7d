//! One private cluster per run, one database per test.

use std::{collections::BTreeSet, path::PathBuf};

use chrono::{DateTime, Utc};
use devstack::{Cluster, ClusterPlan, DatabaseUrls, Durability, Lifetime};
use postgres::{Database, PostgresConfig, Scope, Transaction};
use sqlx::{PgConnection, migrate::Migrator};
use tokio::sync::OnceCell;
use types::{
    caller::{Caller, Party},
    ids::ResidentId,
    region::RegionCode,
};
use uuid::Uuid;

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("./tests/it/migrations");

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

pub(crate) const BEIJING: Scope = Scope::Region(RegionCode::BEIJING);
pub(crate) const ELSEWHERE: Scope = Scope::Region(RegionCode::DEMONSTRATION);

pub(crate) struct TestDb {
    pub(crate) db: Database,
    pub(crate) urls: DatabaseUrls,
    name: String,
}

impl TestDb {
    pub(crate) async fn new() -> Self {
        let name = format!("notes_{}", Uuid::now_v7().simple());
        let cluster = cluster().await;
        assert!(devstack::create_database(cluster, "notes", &name, None).await.unwrap());
        let urls = devstack::urls(cluster, "notes", &name);
        postgres::migrate(&urls.owner, &MIGRATOR).await.unwrap();
        let db = Database::connect(&config(&urls)).await.unwrap();
        Self { db, urls, name }
    }

    /// Another replica: its own pools and signals.
    pub(crate) async fn replica(&self) -> Database {
        Database::connect(&config(&self.urls)).await.unwrap()
    }

    /// The insider with the database: bound by nothing.
    pub(crate) async fn superuser(&self) -> PgConnection {
        cluster().await.admin(&self.name).await.unwrap()
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.superuser().await).await.unwrap()
    }
}

async fn cluster() -> &'static Cluster {
    CLUSTER
        .get_or_init(|| async {
            let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("postgres-it-{}", std::process::id()));
            std::fs::create_dir_all(&place).unwrap();
            let plan = ClusterPlan {
                data: devstack::scratch_place(&place).unwrap().join("data"),
                log: place.join("postgres.log"),
                lifetime: Lifetime::Tethered,
                durability: Durability::ThrowAway,
                template: None,
            };
            Cluster::start(plan).await.unwrap()
        })
        .await
}

pub(crate) fn config(urls: &DatabaseUrls) -> PostgresConfig {
    PostgresConfig {
        database_url: urls.service.clone(),
        worker_database_url: Some(urls.worker.clone()),
        pool_size: 8,
        statement_timeout_ms: 5000,
    }
}

pub(crate) fn caller(resident: ResidentId) -> Caller {
    Caller {
        subject: Party::Resident(resident),
        actor: None,
        organisation: None,
        roles: BTreeSet::new(),
        region: RegionCode::BEIJING,
        delegation: None,
        token_id: "token".to_owned(),
        expires_at: DateTime::UNIX_EPOCH,
    }
}

/// A moment; which one does not matter.
pub(crate) fn moment() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_780_000_000_123_456).unwrap()
}

pub(crate) async fn add_note(tx: &mut Transaction, text: &str) -> Result<Uuid, postgres::Error> {
    let id = Uuid::now_v7();
    let region = tx.region()?;
    sqlx::query("INSERT INTO notes (id, region, text) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(region.as_str())
        .bind(text)
        .execute(&mut **tx)
        .await?;
    Ok(id)
}

pub(crate) async fn notes_seen(db: &Database, scope: Scope) -> Vec<String> {
    let mut tx = db.begin(scope).await.unwrap();
    sqlx::query_scalar("SELECT text FROM notes ORDER BY id").fetch_all(&mut *tx).await.unwrap()
}
