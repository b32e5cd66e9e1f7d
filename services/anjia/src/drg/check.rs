//! `anjia drg check`: whether records are grouped as they say they should be.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use drg::Tables;
use serde::Serialize;
use serde_json::{Value, json};

use super::cases::{self, Case};
use super::{Named, group};
use crate::print;

/// Group records that say what they should be grouped as, and show the ones that are not.
///
/// Exit codes: 0 all are exact, 1 some differ, 2 tables or records cannot be read, 3 no tables are named.
#[derive(Debug, clap::Parser)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) named: Named,
    /// Records, a JSON array; `-` reads standard input.
    pub(super) cases: PathBuf,
    /// Print `{total, exact, different: […]}`, and nothing else.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Checked {
    pub(super) total: usize,
    pub(super) exact: usize,
    pub(super) different: Vec<Value>,
}

pub(super) fn run(args: &Args) -> Result<Option<ExitCode>> {
    let Some(tables) = args.named.load()? else { return Ok(None) };
    let checked = check(&tables, &cases::read(&args.cases)?);
    if args.json {
        print(&serde_json::to_string(&checked)?)?;
    } else {
        for different in &checked.different {
            print(&different.to_string())?;
        }
        print(&format!("{} of {} exact", checked.exact, checked.total))?;
    }
    Ok(Some(if checked.different.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
}

/// A record that does not say what it should be is different: nothing can be said of it.
pub(super) fn check(tables: &Tables, cases: &[Case]) -> Checked {
    let is_exact = |case: &Case| case.expected.as_deref() == Some(tables.group(&case.record).code());
    let different = cases.iter().enumerate().filter(|(_, case)| !is_exact(case)).map(|(index, case)| {
        let explained = tables.explain(&case.record);
        json!({
            "case": index,
            "expected": case.expected,
            "group": explained.group.code(),
            "unusable": case.unusable,
            "steps": group::texts(&explained.steps),
        })
    });
    let different: Vec<Value> = different.collect();
    Checked { total: cases.len(), exact: cases.len() - different.len(), different }
}
