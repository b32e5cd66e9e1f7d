//! `anjia verify`: every invariant that the databases of a mesh can show, the audit chains, the ledger.
//!
//! A checker is one sentence with the query that finds where it does not hold ([`check`]); a file holds those of one invariant or
//! service. What still has to be sealed or taken in is waited for first, so a healthy mesh under load raises no false alarm.

mod acknowledged;
pub(crate) mod audit;
mod check;
mod claims;
pub(crate) mod databases;
mod events;
mod isolation;
mod payment;
mod pending;
mod persons;
mod report;
mod sagas;
mod scheduling;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::Result;
use devstack::MeshRecord;
use rust_decimal::Decimal;

pub(crate) use self::report::Report;

use self::check::{Check, Invariant};
use self::databases::Databases;
use self::report::Ledger;
use crate::{Root, print};

/// Something kept it from looking.
const EXIT_NOT_RUN: u8 = 2;

/// Check every invariant and the audit chains of a running mesh.
///
/// Exit codes: 0 everything holds, 1 something does not, 2 it could not be checked.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    root: Root,
    /// Print the report as JSON, and nothing else.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn command(args: &Args) -> Result<ExitCode> {
    let report = match look(args).await {
        Ok(report) => report,
        Err(error) => {
            eprintln!("anjia: {error:#}");
            return Ok(ExitCode::from(EXIT_NOT_RUN));
        }
    };
    if args.json {
        print(&serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&report.to_string())?;
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(args: &Args) -> Result<Report> {
    let record = args.root.mesh()?;
    let gone = record.gone();
    if !gone.is_empty() {
        eprintln!(
            "anjia: not running: {}; `anjia up{}` repairs the mesh, and what it left undone is finished then",
            gone.join(", "),
            args.root.told()
        );
    }
    run(&record).await
}

/// Checks a mesh, or the part of one that is there.
pub(crate) async fn run(record: &MeshRecord) -> Result<Report> {
    report(&mut Databases::connect(record).await?).await
}

async fn report(databases: &mut Databases) -> Result<Report> {
    let mut found = vec![];
    for check in checks() {
        if let Some(violations) = check.violations(databases).await? {
            found.push((check, violations));
        }
    }
    let (chains, faults) = audit::chains(databases).await?;
    let mut report = Report::new(chains, ledger(databases).await?);
    report.not_running = databases.gone().to_vec();
    for (check, violations) in found {
        report.add(check.invariant, check.name, violations);
    }
    report.add(Invariant::I8, "positions are gapless", faults.gaps);
    report.add(Invariant::I9, "the audit chain is whole", faults.breaks);
    report.add(Invariant::I9, "every row is as its last audit entry says", faults.rows);
    Ok(report)
}

/// In the order in which they are looked at.
fn checks() -> impl Iterator<Item = &'static Check> {
    let pending = pending::PENDING.iter();
    pending
        .chain(acknowledged::CHECKS)
        .chain(payment::CHECKS)
        .chain(scheduling::CHECKS)
        .chain(sagas::CHECKS)
        .chain(claims::CHECKS)
        .chain(events::CHECKS)
        .chain(audit::CHECKS)
        .chain(persons::CHECKS)
        .chain(isolation::CHECKS)
}

async fn ledger(databases: &mut Databases) -> Result<Option<Ledger>> {
    let Some(connection) = databases.get("payment") else {
        return Ok(None);
    };
    let (transfers, entries, sum): (i64, i64, Decimal) =
        sqlx::query_as("SELECT (SELECT count(*) FROM transfers), count(*), coalesce(sum(amount), 0.00) FROM entries")
            .fetch_one(&mut *connection)
            .await?;
    let balances: Vec<(String, Decimal)> = sqlx::query_as(
        "SELECT kind, coalesce(sum(amount), 0.00) FROM accounts LEFT JOIN entries ON entries.account_id = accounts.id GROUP BY kind",
    )
    .fetch_all(connection)
    .await?;
    Ok(Some(Ledger { transfers, entries, sum, balances: balances.into_iter().collect() }))
}
