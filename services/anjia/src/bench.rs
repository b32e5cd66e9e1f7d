//! `anjia bench`: a few honest figures of a real mesh on this machine, each beside what it is to be measured by.
//!
//! A figure without a goal has a reference instead, measured in the same run: rates of this machine alone say nothing.

mod audit_cost;
mod auditing;
mod bare_claims;
mod booking;
mod claims;
mod decision;
mod engine;
mod figure;
mod finding;
mod grouping;
mod importing;
mod mesh;
mod population;
mod quoting;
mod rate;
mod searching;
mod tokens;
mod town;
mod tracing_cost;

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;

use self::figure::Figure;
use self::mesh::Ground;
use self::population::Population;
use self::town::Town;
use crate::print;
use crate::setup::EXIT_MISSING;

/// A mesh of its own, wiped before and after, never that of `anjia up`.
const ROOT: &str = ".dev/bench";

/// Measure a mesh of its own: how soon it is up, how much memory it idles at, what it books and prices a second.
///
/// Exit codes: 0 every goal is met, 1 one is missed or nothing could be measured, 3 something is missing on this machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure; everything if left out.
    #[arg(value_enum)]
    bench: Option<Bench>,
    /// Print one line of JSON a figure, and nothing else.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    grouped: grouping::Measured,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Bench {
    /// Seconds from a second start to ready.
    Startup,
    /// Resident memory of each service after its start.
    Idle,
    /// Quotes priced a second, beside empty calls.
    Adjudicate,
    /// Microseconds of one authorisation decision, in this process: needs no mesh.
    Decision,
    /// Microseconds to know a caller by a token, in this process: needs no mesh.
    Token,
    /// Claims divided and confirmed a second, beside pgbench writing the same rows, and how long a call takes at half of that.
    Claims,
    /// Claims judged a second by one core, with and without explanation, in this process: needs no mesh.
    Engine,
    /// Discharge records grouped a second on one core, beside the hash lookups of their codes: needs no mesh.
    Drg,
    /// What finding a person by their number costs among 2 million, beside 0.2 million.
    Find,
    /// Seconds for a file of a million enrolments.
    Import,
    /// Audit entries verified a second, their rows digested anew, beside rows that are only read.
    Audit,
    /// Bookings a second with audit and sealer, beside the same without.
    AuditCost,
    /// Searches for care answered a second from the slot cache, beside empty calls of the same server.
    Search,
    /// Places booked a second, spread and of one session, beside pgbench and a row lock; and a flash crowd.
    Booking,
    /// Places held and confirmed a second while one trace in ten is recorded, beside the same without tracing.
    Tracing,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    match args.bench {
        Some(Bench::Decision) => return concluded(args, &[decision::measure()?]),
        Some(Bench::Drg) => return concluded(args, &[grouping::measure(&args.grouped)?]),
        Some(Bench::Token) => return concluded(args, &[tokens::measure().await?]),
        Some(Bench::Engine) => return concluded(args, &engine::measure()?),
        _ => {}
    }
    if let Err(error) = devstack::servers() {
        eprintln!("anjia: {error:#}");
        return Ok(ExitCode::from(EXIT_MISSING));
    }
    let ground = Ground::clear(ROOT)?;
    let measured = tokio::select! {
        measured = measure(args, &ground) => measured,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted; what had started is stopped"),
    };
    ground.wipe()?;
    concluded(args, &measured?)
}

/// Shows people the figures, which programs have read by now.
fn concluded(args: &Args, figures: &[Figure]) -> Result<ExitCode> {
    if args.json && matches!(args.bench, Some(Bench::Decision | Bench::Token | Bench::Engine | Bench::Drg)) {
        for figure in figures {
            print(&Value::from(figure).to_string())?;
        }
    }
    if !args.json {
        print(&figure::table(figures))?;
    }
    let missed = figures.iter().any(|figure| figure.is_met() == Some(false));
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn measure(args: &Args, ground: &Ground) -> Result<Vec<Figure>> {
    let wants = |bench| args.bench.is_none_or(|wanted| wanted == bench);
    let mut figures = vec![];
    let mut done = |figure: Figure| -> Result<()> {
        if args.json {
            print(&Value::from(&figure).to_string())?;
        }
        figures.push(figure);
        Ok(())
    };

    let mut mesh = ground.start().await?;
    if wants(Bench::Startup) {
        mesh.stop().await.context("stopping the mesh before its second start")?;
        let (second, figure) = ground.start_again().await?;
        mesh = second;
        done(figure)?;
    }
    if wants(Bench::Idle) {
        for figure in mesh::idle(&mesh).await? {
            done(figure)?;
        }
    }
    if wants(Bench::Decision) {
        done(decision::measure()?)?;
    }
    if wants(Bench::Drg) {
        done(grouping::measure(&args.grouped)?)?;
    }
    if wants(Bench::Token) {
        done(tokens::measure().await?)?;
    }
    if wants(Bench::Engine) {
        for figure in engine::measure()? {
            done(figure)?;
        }
    }
    let is_town_wanted =
        [Bench::Adjudicate, Bench::Claims, Bench::Booking, Bench::Search, Bench::Tracing].into_iter().any(&wants);
    let town = if is_town_wanted { Some(Town::settle(&mesh).await?) } else { None };
    if let Some(town) = &town {
        if wants(Bench::Adjudicate) {
            done(quoting::measure(town).await?)?;
        }
        if wants(Bench::Search) {
            done(searching::measure(town).await?)?;
        }
        if wants(Bench::Claims) {
            for figure in claims::measure(town, &mesh).await? {
                done(figure)?;
            }
        }
        if wants(Bench::Tracing) {
            done(tracing_cost::measure(town, &mut mesh).await?)?;
        }
    }
    if wants(Bench::Find) || wants(Bench::Import) {
        let mut population = Population::begin(&mesh).await?;
        if wants(Bench::Find) {
            for figure in finding::measure(&mut population).await? {
                done(figure)?;
            }
        }
        if wants(Bench::Import) {
            done(importing::measure(&mut population, &mesh).await?)?;
        }
        population.db.close().await;
    }
    if wants(Bench::Audit) {
        done(auditing::measure(&mesh).await?)?;
    }
    // Last: what others book, or book without audit, a verification of the audit would find.
    if let Some(town) = town.filter(|_| wants(Bench::Booking)) {
        for figure in booking::measure(&town, &mut mesh).await? {
            done(figure)?;
        }
    }
    if wants(Bench::AuditCost) {
        done(audit_cost::measure(&mut mesh).await?)?;
    }
    mesh.stop().await.context("stopping the mesh")?;
    Ok(figures)
}

fn progress(step: &str) {
    eprintln!("  {step} …");
}
