//! Replacing a data key while everything goes on.
//!
//! A new version is PENDING until every transaction has ended that could not open it; then it is ACTIVE and seals, and the one before
//! it is RETIRING: once every transaction has ended that may still seal with it, rows are sealed anew in small batches, in order, with
//! the cursor in the transaction of the batch; then it is RETIRED. Interrupted at any moment, the next run goes on. What rows say in
//! plain text does not change, so neither do the digests of the audit.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use tokio::time::sleep;
use types::region::RegionCode;
use uuid::Uuid;

use super::{
    data_keys,
    sealed::{Page, SealedTable},
};
use crate::{
    Database, Error, Scope,
    lease::{self, Lease},
};

const LEASE: &str = "keys";
const LEASE_DURATION: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);
/// Small enough to hold locks for a moment only.
const BATCH: i64 = 500;

/// Told as it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Progress {
    /// A new version was made, or an interrupted rotation is gone on with.
    Began { region: RegionCode, version: i32, resumed: bool },
    /// It seals from now on.
    Active { region: RegionCode, version: i32 },
    /// So many rows of the table have been sealed anew.
    Sealing { region: RegionCode, version: i32, table: &'static str, sealed_anew: i64, finished: bool },
    /// No row uses the versions before it.
    Retired { region: RegionCode, version: i32 },
    /// A data key was wrapped anew; its rows stay as they are.
    Rewrapped { region: String, version: i32, provider_key: String },
}

/// Replaces the data keys of these regions, or of all that have any. One runs at a time; others wait for it.
pub async fn rotate(
    db: &Database,
    tables: &[SealedTable],
    regions: Option<Vec<RegionCode>>,
    told: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), Error> {
    let rotation = Rotation::begin(db).await?;
    let regions = match regions {
        Some(regions) => regions,
        None => regions_with_keys(db).await?,
    };
    for region in regions {
        let mut tx = db.begin(Scope::Region(region)).await?;
        SealedTable::check_complete(&mut tx, tables).await?;
        tx.commit().await?;
        rotation.rotate(region, tables, told).await?;
    }
    rotation.lease.release(db).await
}

/// Wraps every data key anew, under the provider's present key. No row is touched.
pub async fn rewrap(db: &Database, told: &mut (dyn FnMut(Progress) + Send)) -> Result<(), Error> {
    let rotation = Rotation::begin(db).await?;
    let mut conn = db.service_connection().await?;
    for (region, version) in data_keys::all(&mut conn).await? {
        rotation.lease.renew(db).await?;
        let provider_key = data_keys::rewrap(&mut conn, db.vault().provider(), &region, version).await?;
        told(Progress::Rewrapped { region, version, provider_key });
    }
    drop(conn);
    rotation.lease.release(db).await
}

/// Regions that have data keys: all that have rows.
pub(crate) async fn regions_with_keys(db: &Database) -> Result<Vec<RegionCode>, Error> {
    let mut conn = db.service_connection().await?;
    Ok(data_keys::generations(&mut conn).await?.into_iter().map(|(region, _)| region).collect())
}

struct Rotation<'a> {
    db: &'a Database,
    lease: Lease,
}

impl<'a> Rotation<'a> {
    async fn begin(db: &'a Database) -> Result<Self, Error> {
        let owner = Uuid::now_v7();
        loop {
            match lease::acquire(db, LEASE, owner, LEASE_DURATION).await? {
                Some(lease) => return Ok(Self { db, lease }),
                // Another run, or what is left of one that was killed.
                None => sleep(POLL).await,
            }
        }
    }

    async fn rotate(
        &self,
        region: RegionCode,
        tables: &[SealedTable],
        told: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), Error> {
        let version = self.prepare(region, told).await?;
        told(Progress::Active { region, version });
        // Whoever seals under the version before has begun before now.
        self.outlive_older().await?;
        for table in SealedTable::PLATFORM.iter().chain(tables) {
            self.seal_anew(region, version, table, told).await?;
        }
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        data_keys::retire(&mut tx, region, version).await?;
        tx.commit().await?;
        told(Progress::Retired { region, version });
        Ok(())
    }

    /// The version that seals from now on, after every replica has learnt to open it.
    async fn prepare(&self, region: RegionCode, told: &mut (dyn FnMut(Progress) + Send)) -> Result<i32, Error> {
        let mut conn = self.db.service_connection().await?;
        let found = data_keys::unfinished(&mut conn, region).await?;
        let (version, resumed) = match found {
            Some(version) => (version, true),
            None => (data_keys::add(&mut conn, self.db.vault().provider(), region).await?, false),
        };
        told(Progress::Began { region, version, resumed });
        drop(conn);
        self.outlive_older().await?;
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        data_keys::activate(&mut tx, region, version).await?;
        tx.commit().await?;
        Ok(version)
    }

    /// Waits until every transaction of the service has ended that began before now.
    async fn outlive_older(&self) -> Result<(), Error> {
        let mut conn = self.db.service_connection().await?;
        let now: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut *conn).await?;
        while is_older_open(&mut conn, now).await? {
            self.lease.renew(self.db).await?;
            sleep(POLL).await;
        }
        Ok(())
    }

    async fn seal_anew(
        &self,
        region: RegionCode,
        version: i32,
        table: &SealedTable,
        told: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), Error> {
        loop {
            self.lease.renew(self.db).await?;
            let mut tx = self.db.begin(Scope::Region(region)).await?;
            let Some(cursor) = Cursor::lock(&mut tx, region, version, table.name).await? else {
                return Ok(());
            };
            let keys = tx.keys()?;
            let page = table.seal_page(&mut tx, &keys, cursor.after.as_deref(), BATCH).await?;
            let sealed_anew = cursor.sealed_anew + page.sealed_anew;
            cursor.advance(&mut tx, &page).await?;
            tx.commit().await?;
            let finished = page.last.is_none();
            told(Progress::Sealing { region, version, table: table.name, sealed_anew, finished });
            if finished {
                return Ok(());
            }
        }
    }
}

/// Sessions of one's own role are visible; others do not open what is sealed.
pub(crate) async fn is_older_open(conn: &mut PgConnection, than: DateTime<Utc>) -> Result<bool, Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user \
         AND pid <> pg_backend_pid() AND xact_start < $1)",
    )
    .bind(than)
    .fetch_one(conn)
    .await?)
}

struct Cursor {
    region: RegionCode,
    version: i32,
    table: &'static str,
    after: Option<String>,
    sealed_anew: i64,
}

impl Cursor {
    /// `None` if the table is done.
    async fn lock(
        conn: &mut PgConnection,
        region: RegionCode,
        version: i32,
        table: &'static str,
    ) -> Result<Option<Self>, Error> {
        sqlx::query(
            "INSERT INTO key_rotations (region, version, table_name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(region.as_str())
        .bind(version)
        .bind(table)
        .execute(&mut *conn)
        .await?;
        let (after, sealed_anew, is_finished): (Option<String>, i64, bool) = sqlx::query_as(
            "SELECT after, sealed_anew, finished_at IS NOT NULL FROM key_rotations \
             WHERE region = $1 AND version = $2 AND table_name = $3 FOR UPDATE",
        )
        .bind(region.as_str())
        .bind(version)
        .bind(table)
        .fetch_one(conn)
        .await?;
        Ok((!is_finished).then_some(Self { region, version, table, after, sealed_anew }))
    }

    async fn advance(&self, conn: &mut PgConnection, page: &Page) -> Result<(), Error> {
        sqlx::query(
            "UPDATE key_rotations SET after = coalesce($4, after), sealed_anew = sealed_anew + $5, moved_at = clock_timestamp(), \
             finished_at = CASE WHEN $4 IS NULL THEN clock_timestamp() END \
             WHERE region = $1 AND version = $2 AND table_name = $3",
        )
        .bind(self.region.as_str())
        .bind(self.version)
        .bind(self.table)
        .bind(page.last.as_deref())
        .bind(page.sealed_anew)
        .execute(conn)
        .await?;
        Ok(())
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Began { region, version, resumed: false } => write!(f, "{region}: made key {version}"),
            Self::Began { region, version, resumed: true } => write!(f, "{region}: goes on with key {version}"),
            Self::Active { region, version } => write!(f, "{region}: key {version} seals"),
            Self::Sealing { region, version, table, sealed_anew, finished } => {
                let end = if *finished { ", done" } else { "" };
                write!(f, "{region}: {table} under key {version}: {sealed_anew} rows{end}")
            }
            Self::Retired { region, version } => write!(f, "{region}: keys before {version} are retired"),
            Self::Rewrapped { region, version, provider_key } => {
                let whose = if region.is_empty() { "index" } else { region };
                write!(f, "{whose}: key {version} is wrapped by {provider_key}")
            }
        }
    }
}
