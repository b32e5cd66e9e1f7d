//! The same rows by `pgbench`: one guarded statement to a booking, written out in `booking.sql`, 16 clients.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use devstack::{Mesh, callers};
use proto::anjia::scheduling::v1::Slot;
use rust_decimal::Decimal;
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;
use uuid::Uuid;

const SCRIPT: &str = include_str!("booking.sql");
const CLIENTS: &str = "16";
const SECONDS: &str = "5";

pub(super) struct Reference {
    program: PathBuf,
    script: PathBuf,
    database_url: String,
    owner_database_url: String,
}

impl Reference {
    /// With these slots to book.
    pub(super) async fn prepare(mesh: &Mesh, slots: &[Slot]) -> Result<Self> {
        let record = mesh.record(true)?;
        let service = record.services.get("scheduling").context("scheduling is not up")?;
        let [server, _] = devstack::servers()?;
        let script = mesh.fleet().root().join("booking.sql");
        std::fs::write(&script, SCRIPT)?;
        let reference = Self {
            program: server.with_file_name("pgbench"),
            script,
            database_url: service.database_url.clone(),
            owner_database_url: service.owner_database_url.clone(),
        };
        let mut owner = reference.owner().await?;
        let ids: Vec<Uuid> = slots.iter().map(|slot| Ok(slot.slot_id.parse()?)).collect::<Result<_>>()?;
        sqlx::query("CREATE TABLE bench_slots (number integer PRIMARY KEY, slot_id uuid NOT NULL)")
            .execute(&mut owner)
            .await?;
        sqlx::query(
            "INSERT INTO bench_slots SELECT place, id FROM unnest($1::uuid[]) WITH ORDINALITY AS given (id, place)",
        )
        .bind(ids)
        .execute(&mut owner)
        .await?;
        Ok(reference)
    }

    /// Bookings a second.
    pub(super) async fn run(&self) -> Result<Decimal> {
        let output = Command::new(&self.program)
            .args(["--no-vacuum", "--protocol=prepared", "--client", CLIENTS, "--jobs=2", "--time", SECONDS])
            .arg("--file")
            .arg(&self.script)
            .arg(&self.database_url)
            .env("PGOPTIONS", format!("-c anjia.region={}", callers::REGION))
            .stdin(Stdio::null())
            .output()
            .await
            .with_context(|| format!("starting {}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
        let rate =
            said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<Decimal>().ok());
        Ok(rate.with_context(|| format!("pgbench says no rate: {said}"))?.round_dp(1))
    }

    pub(super) async fn analyse(&self) -> Result<()> {
        sqlx::raw_sql("ANALYZE").execute(&mut self.owner().await?).await?;
        Ok(())
    }

    pub(super) async fn clear(&self) -> Result<()> {
        sqlx::query("DROP TABLE bench_slots").execute(&mut self.owner().await?).await?;
        Ok(())
    }

    async fn owner(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.owner_database_url).await?)
    }
}
