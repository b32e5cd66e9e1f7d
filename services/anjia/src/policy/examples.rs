//! `anjia policy examples`: replays worked examples on the engine that settles, and says which are exact to the fen.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adjudication::domain::example::{Example, ExampleError, Outcome};
use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::print;

/// Replay worked examples: published arithmetic, one case per file, to the fen.
///
/// An example whose published figures do not add up among themselves counts as a difference, not as a failure.
///
/// Exit codes: 0 none failed, 1 one is off, was refused or cannot be read.
#[derive(Debug, clap::Args)]
pub(super) struct Examples {
    /// The folder with the examples (`*.json`); relative to the current folder.
    #[arg(default_value = "services/adjudication/policies/examples")]
    dir: PathBuf,
    /// Print one document of JSON: `{total, exact, differences, failed}`.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    total: usize,
    exact: usize,
    differences: usize,
    failed: Vec<Failure>,
}

#[derive(Debug, Serialize)]
struct Failure {
    /// The example's id, or its file where it cannot be read.
    id: String,
    why: Vec<String>,
}

pub(super) fn examples(args: &Examples) -> Result<ExitCode> {
    let mut report = Report::default();
    for file in files(&args.dir)? {
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let said = report.take(&file, &text);
        if !args.json {
            print(&said)?;
        }
    }
    let Report { total, exact, differences, failed } = &report;
    if args.json {
        print(&serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&format!(
            "{total} examples: {exact} exact, {differences} whose published figures do not add up, {} failed",
            failed.len()
        ))?;
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// In the order of their names.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("json")) {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("no examples (*.json) in {}", dir.display());
    }
    files.sort();
    Ok(files)
}

impl Report {
    /// Counts an example and answers the line that says how it went.
    fn take(&mut self, file: &Path, text: &str) -> String {
        self.total += 1;
        let example = match Example::read(text) {
            Ok(example) => example,
            Err(error) => return self.fail(file.display().to_string(), "cannot be read", vec![error.to_string()]),
        };
        let id = example.id.clone();
        match replay(file, &example) {
            Ok(Outcome::Exact) => {
                self.exact += 1;
                format!("{id:<8} exact       {}", example.title.en)
            }
            Ok(Outcome::Difference { published, adds_up_to }) => {
                self.differences += 1;
                format!(
                    "{id:<8} difference  {}: published {published}, adds up to {adds_up_to}, off by {}",
                    example.title.en,
                    published - adds_up_to
                )
            }
            Ok(Outcome::Off(off)) => {
                let why = off
                    .iter()
                    .map(|off| format!("{}: expected {}, found {}", off.figure, off.expected, off.found))
                    .collect();
                self.fail(id, "off", why)
            }
            Ok(Outcome::Refused(refusal)) => self.fail(id, "refused", vec![refusal.to_string()]),
            Err(why) => self.fail(id, "cannot be run", vec![why]),
        }
    }

    fn fail(&mut self, id: String, how: &str, why: Vec<String>) -> String {
        let said = format!("{id:<8} {how:<11} {}", why.join("; "));
        self.failed.push(Failure { id, why });
        said
    }
}

/// The policy's file lies relative to the example's.
fn replay(file: &Path, example: &Example) -> Result<Outcome, String> {
    let policy = match &example.policy {
        None => None,
        Some(policy) => {
            let path = file.parent().unwrap_or(Path::new("")).join(policy);
            let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            Some(text)
        }
    };
    example.replay(policy.as_deref()).map_err(|error: ExampleError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../adjudication/policies/examples")
    }

    fn report_on(dir: &Path) -> Report {
        let mut report = Report::default();
        for file in files(dir).unwrap() {
            report.take(&file, &fs::read_to_string(&file).unwrap());
        }
        report
    }

    #[test]
    fn ad_02_every_shipped_example_is_exact_and_one_is_known_not_to_add_up() {
        let report = report_on(&shipped());
        assert!(report.failed.is_empty(), "{:#?}", report.failed);
        assert_eq!((report.total, report.differences), (report.exact + 1, 1));
    }

    #[test]
    fn ad_02_an_example_that_is_a_fen_off_fails_and_says_by_which_figure() {
        let text = fs::read_to_string(shipped().join("we-001.json")).unwrap().replace("91759.51", "91759.52");
        let mut report = Report::default();
        report.take(&shipped().join("we-001.json"), &text);
        assert_eq!(report.failed[0].why, ["claims[0].pooled_fund: expected 91759.52, found 91759.51"]);
        report.take(Path::new("x.json"), "{}");
        assert_eq!((report.total, report.exact, report.failed.len()), (2, 0, 2));
    }
}
