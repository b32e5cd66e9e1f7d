//! `anjia drg group`: the group of each record, and why.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use drg::{Explanation, Group, Step};
use serde_json::{Value, json};

use super::Named;
use super::cases::{self, Case};
use crate::print;

/// Group records and say which category, adjacent group, complication and exclusion decided.
///
/// Exit codes: 0 done, 2 tables or records cannot be read, 3 no tables are named.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    named: Named,
    /// Records, a JSON array; `-` reads standard input.
    cases: PathBuf,
    /// Print one line of JSON a record, with the steps.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Option<ExitCode>> {
    let Some(tables) = args.named.load()? else { return Ok(None) };
    for (index, case) in cases::read(&args.cases)?.iter().enumerate() {
        let explained = tables.explain(&case.record);
        if args.json {
            print(&line(index, case, &explained, tables.digest()).to_string())?;
        } else {
            print(&page(index, case, &explained))?;
        }
    }
    Ok(Some(ExitCode::SUCCESS))
}

fn line(index: usize, case: &Case, explained: &Explanation<'_>, digest: &str) -> Value {
    let (mdc, adrg, name) = match explained.group {
        Group::Grouped { mdc, adrg, name, .. } => (mdc, adrg, name),
        Group::Ungroupable => ("", "", ""),
    };
    json!({
        "case": index,
        "mdc": mdc,
        "adrg": adrg,
        "drg": explained.group.code(),
        "name": name,
        "unusable": case.unusable,
        "steps": explained.steps,
        "texts": texts(&explained.steps),
        "tables": digest,
    })
}

fn page(index: usize, case: &Case, explained: &Explanation<'_>) -> String {
    let unusable = match case.unusable.as_slice() {
        [] => String::new(),
        fields => format!("   not usable: {}", fields.join(", ")),
    };
    let steps = explained.steps.iter().map(|step| format!("\n    {}\n    {}", step.zh(), step.en()));
    format!("{index}: {}{unusable}{}", explained.group.code(), steps.collect::<String>())
}

pub(super) fn texts(steps: &[Step]) -> Vec<Value> {
    steps.iter().map(|step| json!({ "zh": step.zh(), "en": step.en() })).collect()
}
