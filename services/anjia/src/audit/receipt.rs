use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use devstack::{MeshRecord, ServiceRecord};
use postgres::audit::{self, EntryTold, NoteVerifier, Receipt};
use sqlx::{Connection as _, PgConnection};

use crate::verify::databases::Anchored;
use crate::{Root, print};

/// Print a receipt for an entry: what proves it to whoever has nothing but the public key (`anjia audit key`).
///
/// Exit codes: 0 printed, 1 no signed checkpoint covers such an entry (yet), 2 it could not be looked up.
#[derive(Debug, clap::Args)]
pub(super) struct Prove {
    /// Whose audit, such as `identity`.
    service: String,
    /// Position of the entry, from 1.
    position: u64,
    #[command(flatten)]
    root: Root,
}

/// Check a receipt, offline, and print the entry it proves.
///
/// Exit codes: 0 it proves the entry, 1 it proves nothing, 2 file or key cannot be read.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The receipt, as `prove` printed it.
    file: PathBuf,
    /// The public key of the service's audit, as `key` prints it: `name+hash+base64`.
    #[arg(long)]
    key: String,
    /// Print the entry as JSON.
    #[arg(long)]
    json: bool,
}

/// Print the public key that a service's checkpoints are verified with, as standard tools read it.
///
/// Exit codes: 0 printed, 2 it could not be read.
#[derive(Debug, clap::Args)]
pub(super) struct Key {
    /// Whose audit, such as `identity`.
    service: String,
    /// The key that the service cosigns the checkpoints of another with, which it witnesses (C2SP tlog-cosignature).
    #[arg(long)]
    cosigner: bool,
    #[command(flatten)]
    root: Root,
}

pub(super) async fn prove(args: &Prove) -> Result<ExitCode> {
    let record = args.root.mesh()?;
    let mut connection = PgConnection::connect(&named(&record, &args.service)?.owner_database_url).await?;
    let Some(receipt) = audit::receipt(&mut connection, args.position).await? else {
        eprintln!("anjia: no signed checkpoint of {} covers an entry {}", args.service, args.position);
        return Ok(ExitCode::FAILURE);
    };
    print(&serde_json::to_string_pretty(&receipt)?)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn check(args: &Check) -> Result<ExitCode> {
    let key = NoteVerifier::parse(&args.key)?;
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("reading {}", args.file.display()))?;
    let proved = serde_json::from_str::<Receipt>(&text).map_err(anyhow::Error::from);
    match proved.and_then(|receipt| Ok(receipt.check(&key)?)) {
        Ok(told) => {
            print(&if args.json { serde_json::to_string_pretty(&told)? } else { sentence(&key, &told) })?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("anjia: the receipt proves nothing: {error:#}");
            Ok(ExitCode::FAILURE)
        }
    }
}

pub(super) fn key(args: &Key) -> Result<ExitCode> {
    let record = args.root.mesh()?;
    named(&record, &args.service)?;
    let verifier = Anchored::of(&record, &args.service)?.verifier;
    print(&if args.cosigner { verifier.as_cosigner() } else { verifier.to_string() })?;
    Ok(ExitCode::SUCCESS)
}

/// The service of that name.
fn named<'a>(record: &'a MeshRecord, name: &str) -> Result<&'a ServiceRecord> {
    record.services.get(name).with_context(|| {
        let known: Vec<&str> = record.services.keys().map(String::as_str).collect();
        format!("there is no service `{name}`; there are: {}", known.join(", "))
    })
}

fn sentence(key: &NoteVerifier, told: &EntryTold) -> String {
    let whom = if told.actor == told.subject { String::new() } else { format!(" for {}", told.subject) };
    let rows: Vec<String> = told.rows.iter().map(|row| format!("\n  {} {}/{}", row.what, row.table, row.id)).collect();
    format!(
        "Entry {} of {} is proved: {} by {}{whom} at {}{}",
        told.position,
        key.name(),
        told.action,
        told.actor,
        told.occurred_at.to_rfc3339(),
        rows.concat()
    )
}
