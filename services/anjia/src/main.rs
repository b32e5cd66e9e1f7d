//! `anjia`: the command line of the platform on this machine. Each subcommand has its own file.

mod access;
mod audit;
mod bench;
mod certs;
mod clinic_sim;
mod demo;
mod down;
mod drg;
mod eob;
mod erase;
mod export;
mod fund;
mod login;
mod openapi;
mod page;
mod policy;
mod provider;
mod setup;
mod surge;
mod token;
mod trace;
mod up;
mod utilisation;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use clap::{Parser, Subcommand};
use devstack::MeshRecord;
use tonic::Status;

/// Where `up` keeps its mesh.
const ROOT_UP: &str = ".dev/up";

/// Runs the Anjia health platform on this machine: a private Postgres and Redis, and the services.
///
/// Exit codes: 0 done, 1 failed or does not hold, 2 wrong arguments or could not be run, 3 something is missing on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Setup(setup::Args),
    Demo(demo::Args),
    Up(up::Args),
    Down(down::Args),
    Token(token::Args),
    Provider(provider::Args),
    Certs(certs::Args),
    Export(export::Args),
    Eob(eob::Args),
    Erase(erase::Args),
    Fund(fund::Args),
    Utilisation(utilisation::Args),
    Surge(surge::Args),
    Verify(verify::Args),
    Bench(bench::Args),
    ClinicSim(clinic_sim::Args),
    Access(access::Args),
    Openapi(openapi::Args),
    Drg(drg::Args),
    Audit(audit::Args),
    Policy(policy::Args),
}

#[derive(Debug, clap::Args)]
struct Root {
    /// Where the mesh keeps its data, keys and logs; relative to the current folder.
    #[arg(long, default_value = ROOT_UP, global = true)]
    root: PathBuf,
}

impl Root {
    /// The mesh that was started there.
    fn mesh(&self) -> Result<MeshRecord> {
        let root = std::path::absolute(&self.root)?;
        let record = MeshRecord::load(&root)?;
        record.with_context(|| format!("no mesh is up under {}; `anjia up{}` starts one", root.display(), told(&root)))
    }

    /// What a command that is told to somebody needs in addition to find the same mesh; nothing where it is the usual one.
    fn told(&self) -> String {
        told(&self.root)
    }
}

/// As `Root::told`, of a root that is known.
fn told(root: &Path) -> String {
    let is_usual = std::path::absolute(root).ok() == std::path::absolute(ROOT_UP).ok();
    if is_usual { String::new() } else { format!(" --root {}", root.display()) }
}

/// A refusal by its reason and in its words.
fn refused(status: &Status) -> anyhow::Error {
    let reason = chassis::error::reason(status).unwrap_or_else(|| format!("{:?}", status.code()));
    anyhow!("{reason}: {}", status.message())
}

/// Prints to standard output. A reader that has seen enough, as in `anjia up | head -3`, is no failure.
fn print(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Setup(args) => setup::run(&args),
        Command::Demo(args) => demo::run(args).await,
        Command::Up(args) => up::run(args).await,
        Command::Down(args) => down::run(&args),
        Command::Token(args) => token::run(&args).await,
        Command::Provider(args) => provider::run(&args).await,
        Command::Certs(args) => certs::run(&args),
        Command::Export(args) => export::run(&args).await,
        Command::Eob(args) => eob::run(&args).await,
        Command::Erase(args) => erase::run(&args).await,
        Command::Fund(args) => fund::run(&args).await,
        Command::Utilisation(args) => utilisation::run(&args).await,
        Command::Surge(args) => surge::run(&args).await,
        Command::Verify(args) => verify::command(&args).await,
        Command::Audit(args) => audit::run(&args).await,
        Command::Bench(args) => bench::run(&args).await,
        Command::ClinicSim(args) => clinic_sim::run(&args).await,
        Command::Access(args) => access::run(&args),
        Command::Openapi(args) => openapi::run(&args),
        Command::Policy(args) => policy::run(&args).await,
        Command::Drg(args) => Ok(drg::run(&args)),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("anjia: {error:#}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn arguments_do_not_contradict_one_another() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_command_that_is_told_names_the_mesh_unless_it_is_the_usual_one() {
        assert_eq!(told(Path::new(ROOT_UP)), "");
        assert_eq!(told(Path::new("/elsewhere")), " --root /elsewhere");
    }
}
