//! `anjia setup`: whether this machine has the servers a mesh needs. What is missing is set up by `tools/setup.sh`, which also
//! works before anything is built.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::print;

/// Something is missing on this machine that only a person can provide.
pub(crate) const EXIT_MISSING: u8 = 3;

const SCRIPT: &str = "tools/setup.sh";

/// Set up what this machine lacks, and show what a mesh would use.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only look; change nothing.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if !args.check && devstack::servers().is_err() {
        let script = script().with_context(|| format!("{SCRIPT} is not in this folder or above the program"))?;
        let status = Command::new(&script).status().with_context(|| format!("starting {}", script.display()))?;
        if !status.success() {
            return Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)));
        }
    }
    match devstack::servers() {
        Ok([postgres, redis]) => {
            print(&format!("Postgres  {}\nRedis     {}", postgres.display(), redis.display()))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("anjia: {error:#}");
            Ok(ExitCode::from(EXIT_MISSING))
        }
    }
}

fn script() -> Option<PathBuf> {
    let here = std::env::current_dir().unwrap_or_default();
    let program = std::env::current_exe().unwrap_or_default();
    here.ancestors().chain(program.ancestors()).map(|folder: &Path| folder.join(SCRIPT)).find(|path| path.is_file())
}
