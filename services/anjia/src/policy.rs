//! `anjia policy`: check policy documents, compare, propose and show them, replay worked examples and a year of claims, on the engine
//! that settles claims. One file per verb.

mod check;
mod diff;
mod examples;
mod propose;
pub(crate) mod what_if;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// Check, compare, propose and show policies; replay worked examples and a year of claims on them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Examples(examples::Examples),
    Diff(diff::Diff),
    Propose(propose::Propose),
    Show(propose::Show),
    WhatIf(what_if::WhatIf),
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    match &args.verb {
        Verb::Check(args) => check::check(args),
        Verb::Examples(args) => examples::examples(args),
        Verb::Diff(args) => diff::diff(args),
        Verb::Propose(args) => propose::propose(args).await,
        Verb::Show(args) => propose::show(args).await,
        Verb::WhatIf(args) => what_if::what_if(args),
    }
}
