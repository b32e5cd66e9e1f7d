//! `anjia policy what-if`: replays claims under a proposed policy and under the one it would replace, on the engine that settles claims.

mod axis;
mod chart;
mod draw;
mod fen;
mod file;
mod judge;
mod page;
mod policies;
mod progress;
mod record;
mod replay;
mod report;
mod run;
mod shard;
mod synthetic;
mod tally;
#[cfg(test)]
mod tests;
mod text;

use std::fs;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context as _, Result, ensure};
use rust_decimal::Decimal;

use self::report::{Claims, Report};
use self::shard::Shard;
use self::synthetic::Population;
use crate::print;

/// Show what a proposed policy would have changed: for the funds, for households by income, by tier, and who wins and loses.
///
/// Claims come from a file (JSON, one claim a line) or are made for a synthetic population. Either is described in `WHAT_IF.md` beside this
/// program's sources. Households can be shared out over many processes, also as a Kubernetes Indexed Job; merging what they answer
/// gives exactly what one process would have answered.
///
/// Exit codes: 0 replayed; 1 it failed, or there was no claim that both policies could judge; 2 wrong arguments.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["claims", "synthetic", "merge"])))]
pub(super) struct WhatIf {
    /// The proposed policy.
    #[arg(long, value_name = "NEW.json", required_unless_present = "merge")]
    policy: Option<PathBuf>,
    /// The policy it is compared with. Left out: the one of its region and scheme that ships with the platform.
    #[arg(long, value_name = "OLD.json", requires = "policy")]
    against: Option<PathBuf>,
    /// Replay the claims of this file.
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
    /// Replay the claims of a synthetic population of so many persons.
    #[arg(long, value_name = "PERSONS", value_parser = clap::value_parser!(u64).range(1..=2_000_000_000))]
    synthetic: Option<u64>,
    /// Merge the JSON of all parts of one replay: files, or folders with them.
    #[arg(long, num_args = 1.., value_name = "FILES", conflicts_with_all = ["policy", "shard", "shards"])]
    merge: Vec<PathBuf>,
    /// What the synthetic population is drawn from.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// Lines of each claim of the synthetic population.
    #[arg(long, default_value_t = 20, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    lines: u32,
    /// Replay only part K of N, counted from 0.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Replay only one of so many parts; which, says the index of the pod.
    #[arg(long, value_name = "N", requires = "index", conflicts_with = "shard")]
    shards: Option<u32>,
    /// The index of the pod in an Indexed Job.
    #[arg(long, env = "JOB_COMPLETION_INDEX", value_name = "K", hide = true)]
    index: Option<u32>,
    /// How many threads; one a core if left out.
    #[arg(long, value_name = "NUMBER")]
    threads: Option<NonZero<usize>>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// Write the result as a page with charts, too.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the JSON into this folder, too: `what-if.json`, or `what-if-K-of-N.json` for a part.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(super) fn what_if(args: &WhatIf) -> Result<ExitCode> {
    let report = if args.merge.is_empty() { replay(args)? } else { merge(args)? };
    if let Some(path) = &args.html {
        fs::write(path, page::render(&report)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(folder) = &args.out {
        let name = report
            .part
            .map_or_else(|| "what-if.json".to_owned(), |part| format!("what-if-{}-of-{}.json", part.number, part.of));
        let path = folder.join(name);
        fs::write(&path, report.json()?).with_context(|| format!("cannot write {}", path.display()))?;
    }
    print(&if args.json { report.json()? } else { text::text(&report) })?;
    let is_empty = report.result.effect.claims == 0 && report.part.is_none();
    Ok(if is_empty { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Claims a second on so many threads, for `anjia bench`.
pub(crate) fn rate(lines: u32, threads: usize) -> Result<Decimal> {
    run::rate(lines, threads)
}

fn replay(args: &WhatIf) -> Result<Report> {
    let policy = args.policy.as_deref().context("--policy is missing")?;
    let policies = policies::read(policy, args.against.as_deref())?;
    let shard = args.shard()?;
    let threads = args.threads.map_or_else(|| thread::available_parallelism().map_or(1, NonZero::get), NonZero::get);
    let judging = policies.as_ref().map(|judging| &judging.policy);
    let progress = progress::Progress::default();
    let (tally, claims) = match (&args.claims, args.synthetic) {
        (Some(path), _) => {
            let (tally, sha256) = progress.told(|| file::replay(path, judging, shard, threads, &progress))?;
            (tally, Claims::File { sha256 })
        }
        (None, persons) => {
            let population = Population {
                persons: persons.context("neither --claims nor --synthetic")?,
                seed: args.seed,
                lines: args.lines,
                year: synthetic::year_of(policies.proposed.first_day),
                scheme: policies.proposed.policy.scheme,
            };
            let tally = progress.told(|| run::synthetic(population, judging, shard, threads, &progress))?;
            let Population { persons, seed, lines: lines_per_claim, year, .. } = population;
            (tally, Claims::Synthetic { persons, seed, lines_per_claim, year })
        }
    };
    Ok(Report::new(shard, claims, &policies, tally))
}

fn merge(args: &WhatIf) -> Result<Report> {
    let mut files = vec![];
    for path in &args.merge {
        if path.is_dir() {
            let listed = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
            let is_part = |path: &PathBuf| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("what-if-") && name.ends_with(".json")
            };
            let paths: Vec<PathBuf> = listed.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
            files.extend(paths.into_iter().filter(is_part));
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Report::read(&text).with_context(|| format!("{} is no result of what-if", path.display()))
    };
    report::merge(files.iter().map(read).collect::<Result<_>>()?)
}

impl WhatIf {
    fn shard(&self) -> Result<Shard> {
        let Some(of) = self.shards else {
            return Ok(self.shard.unwrap_or(Shard::WHOLE));
        };
        let number = self.index.context("--shards needs the index of the pod")?;
        let shard = Shard::new(number, of);
        ensure!(shard.is_some(), "pod {number} of {of}: there are more pods than parts");
        Ok(shard.unwrap_or(Shard::WHOLE))
    }
}
