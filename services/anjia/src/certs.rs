//! `anjia certs`: the certificates of a mesh on this machine.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use devstack::Keys;

use crate::{Root, print};

/// Look after the certificates of a mesh.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Issue every certificate anew, services' and callers', with new keys. What runs takes them up within two seconds and drops no
    /// call; the CA stays. A token taken by hand before is asked for anew: it is bound to the old certificate.
    Rotate {
        #[command(flatten)]
        root: Root,
    },
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let Command::Rotate { root } = &args.command;
    let folder = root.root.join("keys");
    ensure!(folder.is_dir(), "no mesh was ever up under {}; `anjia up{}` starts one", root.root.display(), root.told());
    let rotated = Keys::in_folder(&folder)?.certificates().rotate().context("rotating certificates")?;
    print(&format!("Issued anew: {}.", rotated.join(", ")))?;
    Ok(ExitCode::SUCCESS)
}
