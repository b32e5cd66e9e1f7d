//! `anjia policy`: check policy documents and replay worked examples, on the engine that settles claims. One file per verb.

mod check;
mod examples;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// Check policies, and replay worked examples on them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Examples(examples::Examples),
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.verb {
        Verb::Check(args) => check::check(args),
        Verb::Examples(args) => examples::examples(args),
    }
}
