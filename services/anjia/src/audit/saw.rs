use std::process::ExitCode;

use anyhow::{Context, Result};
use postgres::audit::{self, Access, Entry};
use postgres::vault::VaultConfig;
use postgres::{Database, PostgresConfig, Scope};
use serde_json::{Value, json};
use types::ids::ResidentId;
use types::region::RegionCode;

use crate::{Root, print};

/// The question itself, as audits record it.
const ASKED: &str = "platform.access.list";

/// Print who read or changed a resident's data, newest first, over all services. Asking is itself audited.
///
/// Exit codes: 0 printed, 1 nothing is known of such a resident, 2 it could not be looked up.
#[derive(Debug, clap::Args)]
pub(super) struct WhoSaw {
    /// Whose data.
    resident: ResidentId,
    /// Region of the resident.
    #[arg(long, default_value = "110000")]
    region: RegionCode,
    /// At most this many accesses of each service.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    #[command(flatten)]
    root: Root,
    /// Print one JSON document a line.
    #[arg(long)]
    json: bool,
}

pub(super) async fn who_saw(args: &WhoSaw) -> Result<ExitCode> {
    let record = args.root.mesh()?;
    let mut found: Vec<(String, Access)> = vec![];
    for (name, service) in &record.services {
        // As the service itself: row security shows the region, and the question stands in the audit like any other.
        let config = PostgresConfig {
            database_url: service.database_url.clone(),
            worker_database_url: None,
            pool_size: 1,
            statement_timeout_ms: 60_000,
            vault: VaultConfig { wrapping_key_file: Some(record.keys.join("wrapping.key")), ..VaultConfig::default() },
            audit: audit::AuditConfig::default(),
            events: postgres::events::EventsConfig::default(),
        };
        let database = Database::connect(&config).await.with_context(|| format!("reaching the database of {name}"))?;
        let mut tx = database.begin(Scope::Region(args.region)).await?;
        let accesses = audit::accesses(&mut tx, args.resident, None, args.limit).await?;
        let entry = Entry::by_service("anjia", ASKED).resident(args.resident);
        audit::record(&mut tx, entry).await?;
        tx.commit().await?;
        database.close().await;
        found.extend(accesses.into_iter().map(|access| (name.clone(), access)));
    }
    found.sort_by_key(|(_, access)| std::cmp::Reverse(access.occurred_at));
    // What remains of somebody unknown is that it was asked about them.
    if found.iter().all(|(_, access)| access.action == ASKED) {
        eprintln!("anjia: nothing is known of {} in region {}", args.resident, args.region);
        return Ok(ExitCode::FAILURE);
    }
    for (service, access) in &found {
        print(&if args.json { document(service, access).to_string() } else { line(service, access) })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn document(service: &str, access: &Access) -> Value {
    json!({
        "service": service,
        "position": access.position,
        "occurred_at": access.occurred_at,
        "action": access.action,
        "actor": access.actor,
        "subject": access.subject,
        "organisation_id": access.organisation_id,
        "delegation_id": access.delegation_id,
    })
}

fn line(service: &str, access: &Access) -> String {
    let whom = if access.actor == access.subject { String::new() } else { format!(" for {}", access.subject) };
    let position = access.position.map_or_else(|| service.to_owned(), |position| format!("{service}/{position}"));
    let at = access.occurred_at.format("%Y-%m-%d %H:%M:%S");
    let under = access.delegation_id.map(|id| format!(" under delegation {id}")).unwrap_or_default();
    format!("{at}  {:<36} {}{whom}{under}  ({position})", access.action, access.actor)
}
