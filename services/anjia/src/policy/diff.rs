//! `anjia policy diff`: what changes for whom between two policy documents, in words.

mod change;
mod examples;
mod facts;
mod ratios;
#[cfg(test)]
mod tests;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adjudication::domain::policy::Policy;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use self::change::Change;
use self::examples::Example;
use crate::print;

const EXIT_DIFFERS: u8 = 1;
const EXIT_UNREADABLE: u8 = 2;

/// Say in words, in Chinese and English, what changes for whom from one policy document to another.
///
/// Examples are bills wholly in scope, the first of the year, judged by the engine that settles claims.
///
/// Exit codes: 0 they say the same, 1 something changes, 2 one of them cannot be read or is no complete policy.
#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// The document that is in force.
    old: PathBuf,
    /// The document that would follow it.
    new: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What two documents differ in.
struct Differences {
    changes: Vec<Change>,
    examples: Vec<Example>,
}

pub(super) fn diff(args: &Diff) -> Result<ExitCode> {
    let read = read(&args.old).and_then(|old| Ok((old, read(&args.new)?)));
    let (old, new) = match read {
        Ok(documents) => documents,
        Err(error) => {
            eprintln!("anjia: {error:#}");
            return Ok(ExitCode::from(EXIT_UNREADABLE));
        }
    };
    let differences = Differences::between(&old, &new);
    print(&if args.json { serde_json::to_string_pretty(&differences.json())? } else { differences.text() })?;
    Ok(if differences.changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DIFFERS) })
}

/// The policy, and its document as it is written.
fn read(path: &Path) -> Result<(Policy, Value)> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let policy = Policy::read(&text).with_context(|| format!("{} is no complete policy", path.display()))?;
    Ok((policy, serde_json::from_str(&text)?))
}

impl Differences {
    fn between((old, old_document): &(Policy, Value), (new, new_document): &(Policy, Value)) -> Self {
        let mut changes = ratios::compare(old_document, new_document);
        changes.extend(change::compare(old_document, new_document));
        Self { changes, examples: examples::compare(old, new) }
    }

    fn text(&self) -> String {
        if self.changes.is_empty() {
            return "两份政策内容相同。\nBoth say the same.".to_owned();
        }
        let mut lines = vec!["变化 Changes".to_owned()];
        let mut tell = |[zh, en]: [String; 2]| lines.extend([format!("  · {zh}"), format!("    {en}")]);
        self.changes.iter().map(Change::words).for_each(&mut tell);
        if !self.examples.is_empty() {
            lines.extend([String::new(), "举例 Examples".to_owned()]);
            let mut tell = |[zh, en]: [String; 2]| lines.extend([format!("  · {zh}"), format!("    {en}")]);
            self.examples.iter().map(Example::words).for_each(&mut tell);
        }
        lines.join("\n")
    }

    fn json(&self) -> Value {
        json!({
            "same": self.changes.is_empty(),
            "changes": self.changes.iter().map(Change::json).collect::<Vec<_>>(),
            "examples": self.examples.iter().map(Example::json).collect::<Vec<_>>(),
        })
    }
}
