//! The mesh that is measured: how soon it is up, and what it takes while nobody calls.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use devstack::{Lifetime, Mesh, Plan, SERVICES};
use rust_decimal::Decimal;

use super::figure::{Figure, Goal};
use super::progress;
use crate::up::binaries;

const STARTUP_GOAL_S: i64 = 5;
const IDLE_GOAL_MIB: i64 = 40;
/// Until what a start needed is given back, and every loop has run.
const SETTLE: Duration = Duration::from_secs(5);

/// Where the mesh lives.
pub(super) struct Ground {
    root: PathBuf,
}

/// As the chart ships it (without a collector no trace is recorded), but that a few may book what takes a city otherwise.
fn settings() -> Vec<(String, String)> {
    let unlimited = ["PER_DAY_AND_DEPARTMENT", "PER_WEEK", "PER_MONTH", "PER_QUARTER"];
    let unlimited = unlimited.map(|period| (format!("BOOKINGS_{period}_MAX"), "1000000".to_owned()));
    let sampled = ("OTEL_TRACES_SAMPLER_ARG".to_owned(), "0.1".to_owned());
    unlimited.into_iter().chain([sampled]).collect()
}

impl Ground {
    pub(super) fn clear(root: &str) -> Result<Self> {
        let root = std::path::absolute(root)?;
        devstack::stop(&root)?;
        devstack::wipe(&root)?;
        Ok(Self { root })
    }

    pub(super) fn wipe(&self) -> Result<()> {
        devstack::wipe(&self.root)
    }

    /// The first start, which makes clusters, databases and keys.
    pub(super) async fn start(&self) -> Result<Mesh> {
        let plan = Plan {
            root: self.root.clone(),
            binaries: binaries()?,
            lifetime: Lifetime::Tethered,
            fresh: false,
            otlp_endpoint: None,
            settings: settings(),
            logins: false,
            gateway: false,
            template: None,
        };
        Mesh::start(plan, &progress).await
    }

    /// A start that finds everything made.
    pub(super) async fn start_again(&self) -> Result<(Mesh, Figure)> {
        let begun_at = Instant::now();
        let mesh = self.start().await?;
        let millis = i64::try_from(begun_at.elapsed().as_millis())?;
        let figure = Figure {
            bench: "startup".to_owned(),
            ours: Decimal::new(millis, 3).round_dp(2),
            reference: None,
            unit: "s",
            goal: Some(Goal::AtMost(Decimal::from(STARTUP_GOAL_S))),
        };
        Ok((mesh, figure))
    }
}

/// Resident memory of each service.
pub(super) async fn idle(mesh: &Mesh) -> Result<Vec<Figure>> {
    progress("letting the services idle");
    tokio::time::sleep(SETTLE).await;
    let figure = |name: &'static str| {
        let process = mesh.fleet().process(name).with_context(|| format!("{name} does not run"))?;
        anyhow::Ok(Figure {
            bench: format!("idle {name}"),
            ours: resident_mib(process.pid)?,
            reference: None,
            unit: "MiB",
            goal: Some(Goal::AtMost(Decimal::from(IDLE_GOAL_MIB))),
        })
    };
    SERVICES.into_iter().map(figure).collect()
}

fn resident_mib(pid: u32) -> Result<Decimal> {
    let path = Path::new("/proc").join(pid.to_string()).join("status");
    let status = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: Decimal = kib.trim().trim_end_matches("kB").trim().parse()?;
    Ok((kib / Decimal::from(1024)).round_dp(1))
}
