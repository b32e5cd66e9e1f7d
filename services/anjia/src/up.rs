//! `anjia up`: starts a mesh that outlives the command.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use devstack::{Lifetime, Mesh, MeshRecord, Plan, State};

use crate::Root;
use crate::setup::EXIT_MISSING;

/// Start Postgres, Redis and the five services, and leave them running.
///
/// Does nothing if they run already. `anjia down` stops them; their data stays.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    root: Root,
    /// Where services send their traces (OTLP over gRPC).
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
    /// Print what runs as JSON, and nothing else.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let started_at = Instant::now();
    let root = std::path::absolute(&args.root.root)?;
    if let State::Up(record) = MeshRecord::state(&root)? {
        print(&record, "already up", args.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Err(error) = devstack::servers() {
        eprintln!("anjia: {error:#}");
        return Ok(ExitCode::from(EXIT_MISSING));
    }
    let plan = Plan {
        root,
        binaries: binaries()?,
        lifetime: Lifetime::Detached,
        otlp_endpoint: args.otlp_endpoint,
        settings: vec![],
    };
    let mesh = tokio::select! {
        mesh = Mesh::start(plan, &|step| eprintln!("{step}")) => mesh?,
        // Leaving the start half done drops what it started, which stops it.
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted; what had started is stopped"),
    };
    let record = mesh.detach()?;
    let ready_tenths = started_at.elapsed().as_millis() / 100;
    print(&record, &format!("ready after {}.{} s", ready_tenths / 10, ready_tenths % 10), args.json)?;
    Ok(ExitCode::SUCCESS)
}

/// The services lie beside this program.
pub(crate) fn binaries() -> Result<PathBuf> {
    let program = std::env::current_exe().context("finding this program")?;
    Ok(program.parent().context("this program lies in no folder")?.to_owned())
}

fn print(record: &MeshRecord, state: &str, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(record)?);
        return Ok(());
    }
    println!("\nAnjia is {state}.\n");
    for (name, service) in &record.services {
        println!("  {name:<13} {}   health and metrics {}", service.url, service.ops_url);
    }
    println!("  {:<13} {}", "postgres", record.postgres_url);
    println!("  {:<13} {}", "redis", record.redis_url);
    println!("\n  keys  {}\n  logs  {}", record.keys.display(), record.logs.display());
    println!("\n`anjia down` (or `make down`) stops it; its data stays.");
    Ok(())
}
