//! `anjia drg`: check, group and compare by grouping tables. Needs no mesh.

mod cases;
mod check;
mod diff;
mod group;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use drg::Tables;

use crate::setup::EXIT_MISSING;

/// Something kept it from looking.
const EXIT_NOT_RUN: u8 = 2;

/// Group discharge records by DRG tables: check them, say why, and show what another version would pay.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    Check(check::Args),
    Group(group::Args),
    Diff(diff::Args),
}

/// Which tables.
#[derive(Debug, clap::Args)]
struct Named {
    /// Folder of the grouping tables; the README of `libs/drg` describes the format.
    #[arg(long, env = "ANJIA_DRG_TABLES")]
    tables: Option<PathBuf>,
}

impl Named {
    /// None, and a word about it, where no folder is named.
    fn load(&self) -> Result<Option<Tables>> {
        let Some(folder) = &self.tables else {
            eprintln!("anjia: not run: no folder of tables is named (--tables, or ANJIA_DRG_TABLES)");
            return Ok(None);
        };
        load(folder).map(Some)
    }
}

fn load(folder: &Path) -> Result<Tables> {
    Tables::load(folder).with_context(|| format!("the tables in {}", folder.display()))
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let answered = match &args.question {
        Question::Check(args) => check::run(args),
        Question::Group(args) => group::run(args),
        Question::Diff(args) => diff::run(args),
    };
    match answered {
        Ok(Some(code)) => code,
        Ok(None) => ExitCode::from(EXIT_MISSING),
        Err(error) => {
            eprintln!("anjia: {error:#}");
            ExitCode::from(EXIT_NOT_RUN)
        }
    }
}
