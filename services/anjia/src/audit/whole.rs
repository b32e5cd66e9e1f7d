use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Result;
use postgres::audit::Verified;
use serde_json::{Value, json};

use crate::verify::audit;
use crate::verify::databases::Databases;
use crate::{Root, print};

/// How many findings are printed; all are counted.
const PRINTED_MAX: usize = 20;

/// Verify the audit of every service: the whole chain, every row against its last entry, and both against the signed checkpoints
/// outside the databases and against what another service witnessed.
///
/// Exit codes: 0 whole, 1 something was edited, removed, reordered or slipped in, 2 it could not be verified.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// One service only.
    service: Option<String>,
    #[command(flatten)]
    root: Root,
    /// Print one document of JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn verify(args: &Verify) -> Result<ExitCode> {
    let mut databases = Databases::connect(&args.root.mesh()?).await?;
    let is_watched = std::io::stderr().is_terminal();
    let progress = |service: &str, entries: u64, rows: u64| {
        if is_watched {
            eprint!("\r  {service}: {entries} entries, {rows} rows …");
        }
    };
    let mut verified = BTreeMap::new();
    for service in
        databases.names().into_iter().filter(|name| args.service.as_ref().is_none_or(|wanted| wanted == name))
    {
        verified.insert(service.clone(), audit::verify(&mut databases, &service, &progress).await?);
    }
    anyhow::ensure!(!verified.is_empty(), "there is no such service");
    if is_watched {
        eprintln!();
    }
    let is_whole = verified.values().all(Verified::is_whole);
    let text = if args.json { serde_json::to_string_pretty(&document(&verified, is_whole))? } else { table(&verified) };
    print(&text)?;
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn document(verified: &BTreeMap<String, Verified>, is_whole: bool) -> Value {
    let service = |verified: &Verified| {
        let found =
            |finding: &postgres::audit::Finding| json!({ "place": finding.place.to_string(), "what": finding.what });
        json!({
            "whole": verified.is_whole(),
            "entries": verified.entries,
            "root": hex::encode(verified.root),
            "rows": verified.rows,
            "erased": verified.erased,
            "anchored": verified.anchored,
            "witnessed": verified.witnessed,
            "uncovered": verified.uncovered,
            "wrong": verified.wrong,
            "findings": verified.findings.iter().map(found).collect::<Vec<_>>(),
        })
    };
    let services: BTreeMap<&String, Value> =
        verified.iter().map(|(name, verified)| (name, service(verified))).collect();
    json!({ "whole": is_whole, "services": services })
}

fn table(verified: &BTreeMap<String, Verified>) -> String {
    let mut table = format!(
        "{:<14} {:>9} {:>9} {:>9} {:>12} {:>10} {:>10}",
        "", "entries", "rows", "erased", "checkpoints", "witnessed", "uncovered"
    );
    for (service, verified) in verified {
        let verdict = if verified.is_whole() { "whole" } else { "NOT WHOLE" };
        // Cannot fail: it writes into memory.
        let _ = write!(
            table,
            "\n{service:<14} {:>9} {:>9} {:>9} {:>12} {:>10} {:>10}  {verdict}",
            verified.entries, verified.rows, verified.erased, verified.anchored, verified.witnessed, verified.uncovered
        );
        for finding in verified.findings.iter().take(PRINTED_MAX) {
            let _ = write!(table, "\n  ✗ {}: {}", finding.place, finding.what);
        }
        if verified.wrong > PRINTED_MAX as u64 {
            let _ = write!(table, "\n  … {} in all", verified.wrong);
        }
    }
    table
}
