//! Audit entries verified a second: chained, hashed into the tree, and their rows digested anew, beside rows that are only read.

use std::time::Instant;

use anyhow::{Context, Result};
use devstack::Mesh;
use postgres::audit::{self, AuditConfig, Entry};
use postgres::vault::VaultConfig;
use postgres::{Database, PostgresConfig, Scope, sealer};
use rust_decimal::Decimal;
use sqlx::{Connection as _, PgConnection};
use types::ids::ResidentId;
use types::region::RegionCode;
use uuid::Uuid;

use super::figure::{Figure, Goal};
use super::progress;
use crate::verify;
use crate::verify::databases::Databases;

const GOAL_ENTRIES_S: i64 = 20_000;
/// Enough to last longer than what starting to verify takes.
const ENTRIES: u32 = 40_000;
const ENTRIES_AT_ONCE: u32 = 500;
const SERVICE: &str = "scheduling";

pub(super) async fn measure(mesh: &Mesh) -> Result<Figure> {
    progress("recording what is verified next");
    let record = mesh.record(true)?;
    let service = record.services.get(SERVICE).context("scheduling is not up")?;
    let config = PostgresConfig {
        database_url: service.database_url.clone(),
        worker_database_url: Some(service.worker_database_url.clone()),
        pool_size: 4,
        statement_timeout_ms: 60_000,
        vault: VaultConfig { wrapping_key_file: Some(record.keys.join("wrapping.key")), ..VaultConfig::default() },
        audit: AuditConfig::default(),
        events: postgres::events::EventsConfig::default(),
    };
    let database = Database::connect(&config).await?;
    for _ in 0..ENTRIES / ENTRIES_AT_ONCE {
        visits(&database).await?;
    }
    sealer::seal_all(&database).await?;
    database.close().await;

    progress("verifying");
    let mut databases = Databases::connect(&record).await?;
    let begun_at = Instant::now();
    let verified = verify::audit::verify(&mut databases, SERVICE, &|_, _, _| {}).await?;
    let ours = a_second(verified.entries, begun_at)?;
    anyhow::ensure!(verified.is_whole(), "the audit is not whole: {:?}", verified.findings);
    anyhow::ensure!(verified.rows >= u64::from(ENTRIES), "only {} rows were digested", verified.rows);

    let mut owner = PgConnection::connect(&service.owner_database_url).await?;
    let begun_at = Instant::now();
    let read: Vec<(String, String)> =
        sqlx::query_as("SELECT entry::text, visit::text FROM audit_entries entry JOIN visits visit ON visit.id::text = entry.rows->0->>'id'")
            .fetch_all(&mut owner)
            .await?;
    let reference = Some(a_second(read.len() as u64, begun_at)?);
    let goal = Some(Goal::AtLeast(Decimal::from(GOAL_ENTRIES_S)));
    Ok(Figure { bench: "audit".to_owned(), ours, reference, unit: "entries/s", goal })
}

fn a_second(count: u64, begun_at: Instant) -> Result<Decimal> {
    let micros = Decimal::from(u64::try_from(begun_at.elapsed().as_micros())?);
    (Decimal::from(count) * Decimal::from(1_000_000))
        .checked_div(micros)
        .map(|rate| rate.round())
        .context("no time passed")
}

/// Visits as they are written, each with its entry.
async fn visits(database: &Database) -> Result<()> {
    let mut tx = database.begin(Scope::Region(RegionCode::BEIJING)).await?;
    for _ in 0..ENTRIES_AT_ONCE {
        let (id, resident) = (Uuid::now_v7(), ResidentId::generate());
        sqlx::query(
            "INSERT INTO visits (id, region, resident_id, organisation_id, tier, kind, journey_id, present, identity_proof, \
             checked_in_by, opened_at, state) VALUES ($1, current_setting('anjia.region'), $2, $1, 'COMMUNITY', 'OUTPATIENT', $1, \
             'SELF', 'ID_CARD', 'client:bench', now(), 'OPEN')",
        )
        .bind(id)
        .bind(resident.uuid())
        .execute(&mut *tx)
        .await?;
        let entry = Entry::by_service(SERVICE, "scheduling.visit.check_in").resident(resident).row("visits", id);
        audit::record(&mut tx, entry).await?;
    }
    Ok(tx.commit().await?)
}
