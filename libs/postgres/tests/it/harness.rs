//! A database per test, and what the tests write into it.

use chrono::{DateTime, Utc};
use postgres::{
    Database, PostgresConfig, Scope, Transaction,
    erasure::{self, State},
};
use sqlx::{PgConnection, migrate::Migrator};
use types::{
    caller::{Caller, Party},
    ids::ResidentId,
    region::RegionCode,
};
use uuid::Uuid;

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("./tests/it/migrations");

pub(crate) const BEIJING: Scope = Scope::Region(RegionCode::BEIJING);
pub(crate) const ELSEWHERE: Scope = Scope::Region(RegionCode::DEMONSTRATION);

pub(crate) struct TestDb {
    pub(crate) db: Database,
    own: testkit::TestDb,
}

impl TestDb {
    pub(crate) async fn new() -> Self {
        let own = testkit::TestDb::of("notes", &MIGRATOR).await;
        Self { db: own.database().clone(), own }
    }

    pub(crate) fn config(&self) -> PostgresConfig {
        self.own.config()
    }

    pub(crate) fn owner_url(&self) -> &str {
        &self.own.urls().owner
    }

    /// Another replica: its own pools and signals.
    pub(crate) async fn replica(&self) -> Database {
        Database::connect(&self.config()).await.unwrap()
    }

    /// The insider with the database, bound by neither grants nor row security.
    pub(crate) async fn insider(&self) -> PgConnection {
        self.own.owner().await
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.insider().await).await.unwrap()
    }
}

pub(crate) fn caller(resident: ResidentId) -> Caller {
    Caller::new(Party::Resident(resident), RegionCode::BEIJING)
}

/// Closes a person, as before an erasure; answers the request.
pub(crate) async fn closed(db: &Database, scope: Scope, residents: &[ResidentId]) -> Uuid {
    let (mut tx, id) = (db.begin(scope).await.unwrap(), Uuid::now_v7());
    erasure::set(&mut tx, "notes", residents, id, State::Closed).await.unwrap();
    tx.commit().await.unwrap();
    id
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
