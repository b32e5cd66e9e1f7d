//! `anjia up`: starts a mesh that outlives the command.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use devstack::{Lifetime, Mesh, MeshRecord, Plan, State};

use crate::setup::EXIT_MISSING;
use crate::{Root, print, told};

/// Start Postgres, Redis, the development provider of logins and the five services, and leave them running.
///
/// Does nothing if they run already. `anjia down` stops them; their data stays. Run again where some of it has ended it starts all anew,
/// a gateway too if there was one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    root: Root,
    /// Where services send their traces (OTLP over gRPC).
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
    /// Also start the gateway (Envoy): REST, and gRPC from outside. `tools/setup.sh gateway` fetches it.
    #[arg(long)]
    gateway: bool,
    /// Print what runs as JSON, and nothing else.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let started_at = Instant::now();
    let root = std::path::absolute(&args.root.root)?;
    if let State::Up(record) = MeshRecord::state(&root)? {
        ensure!(
            record.gateway.is_some() || !args.gateway,
            "Anjia is already up, without a gateway: `anjia down{0}` first, then `anjia up --gateway{0}`",
            told(&root)
        );
        show(&record, "already up", args.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    // What ended by itself, and not by `down`, is put back as it was.
    let gateway = args.gateway || MeshRecord::load(&root)?.is_some_and(|record| record.gateway.is_some());
    let lacking = devstack::servers().err().or_else(|| devstack::envoy().err().filter(|_| gateway));
    if let Some(error) = lacking {
        eprintln!("anjia: {error:#}");
        return Ok(ExitCode::from(EXIT_MISSING));
    }
    let plan = Plan {
        root,
        binaries: binaries()?,
        lifetime: Lifetime::Detached,
        fresh: false,
        otlp_endpoint: args.otlp_endpoint,
        settings: vec![],
        logins: true,
        gateway,
        template: None,
    };
    let mesh = tokio::select! {
        mesh = Mesh::start(plan, &|step| eprintln!("{step}")) => mesh?,
        // Leaving the start half done drops what it started, which stops it.
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted; what had started is stopped"),
    };
    let record = mesh.detach()?;
    let ready_tenths = started_at.elapsed().as_millis() / 100;
    show(&record, &format!("ready after {}.{} s", ready_tenths / 10, ready_tenths % 10), args.json)?;
    Ok(ExitCode::SUCCESS)
}

/// The services lie beside this program.
pub(crate) fn binaries() -> Result<PathBuf> {
    let program = std::env::current_exe().context("finding this program")?;
    Ok(program.parent().context("this program lies in no folder")?.to_owned())
}

fn describe(record: &MeshRecord, state: &str) -> String {
    let mut lines = vec![format!("\nAnjia is {state}.\n")];
    for (name, service) in &record.services {
        lines.push(format!("  {name:<13} {}   probes {}", service.url, service.ops_url));
    }
    if let Some(gateway) = &record.gateway {
        lines.push(format!("  {:<13} {}   probes {}", "gateway", gateway.url, gateway.ops_url));
        lines.push(format!("  {:<13} {}   with a client certificate", "", gateway.partners_url));
    }
    if let Some(provider) = &record.provider {
        lines.push(format!("  {:<13} {}   for development: no passwords", "logins", provider.issuer));
    }
    lines.push(format!("  {:<13} {}", "postgres", record.postgres_url));
    lines.push(format!("  {:<13} {}", "redis", record.redis_url));
    lines.push(format!("\n  keys  {}\n  logs  {}", record.keys.display(), record.logs.display()));
    let told = told(&record.root);
    let or_make = if told.is_empty() { " (or `make down`)" } else { "" };
    lines.push(format!("\n`anjia down{told}`{or_make} stops it; its data stays."));
    lines.join("\n")
}

fn show(record: &MeshRecord, state: &str, json: bool) -> Result<()> {
    if json { print(&serde_json::to_string_pretty(record)?) } else { print(&describe(record, state)) }
}
