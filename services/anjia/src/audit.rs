//! `anjia audit`: verify the audit of a mesh, prove an entry of it, check such a proof without any mesh, and tell who saw whose data.

mod receipt;
mod saw;
mod whole;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// Something kept it from looking.
const EXIT_NOT_RUN: u8 = 2;

/// Verify the audit, prove entries of it, and tell who saw whose data.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    Verify(whole::Verify),
    Prove(receipt::Prove),
    CheckReceipt(receipt::Check),
    Key(receipt::Key),
    WhoSaw(saw::WhoSaw),
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let answered = match &args.question {
        Question::Verify(args) => whole::verify(args).await,
        Question::Prove(args) => receipt::prove(args).await,
        Question::CheckReceipt(args) => receipt::check(args),
        Question::Key(args) => receipt::key(args),
        Question::WhoSaw(args) => saw::who_saw(args).await,
    };
    Ok(answered.unwrap_or_else(|error| {
        eprintln!("anjia: {error:#}");
        ExitCode::from(EXIT_NOT_RUN)
    }))
}
