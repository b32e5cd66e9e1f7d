//! `anjia down`: stops what `anjia up` started, process by process, after checking that each is really ours.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{Root, print};

/// Stop what `anjia up` started. Its data and keys stay, unless `--wipe` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    root: Root,
    /// Remove data, keys and logs too.
    #[arg(long)]
    wipe: bool,
    /// Print what was stopped as JSON, and nothing else.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let root = &args.root.root;
    let down = devstack::stop(root).with_context(|| format!("stopping the mesh under {}", root.display()))?;
    if args.wipe {
        devstack::wipe(root)?;
    }
    if args.json {
        print(&serde_json::to_string_pretty(&down)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = match (down.stopped.is_empty(), down.killed.is_empty()) {
        (true, true) => format!("Nothing is up under {}.", root.display()),
        (_, true) => format!("Stopped {}.", down.stopped.join(", ")),
        (_, false) => format!(
            "Stopped {}. Did not leave in time and had to be killed: {}.",
            down.stopped.join(", "),
            down.killed.join(", ")
        ),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
