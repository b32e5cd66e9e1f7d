//! `anjia demo`: walks the hierarchical referral journey on a mesh of its own, through the public contracts only, as separate
//! callers with their own tokens, and checks every figure.

mod acceptance;
mod bills;
mod booking;
mod books;
mod calendar;
mod callers;
mod cast;
mod claims;
mod clinic_visit;
mod earlier;
mod lines;
mod places;
mod prices;
mod referral_down;
mod referral_up;
mod stay;
mod story;
mod text;
mod visits;
mod wait;
mod world;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use devstack::{Lifetime, Mesh, MeshRecord, Plan};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use types::clock::{Clock, SystemClock};

use self::books::Books;
use self::calendar::Calendar;
use self::callers::Stage;
pub(crate) use self::cast::caller;
use self::story::Story;
pub(crate) use self::text::yuan;
use self::text::{Palette, Tone};
use crate::setup::EXIT_MISSING;
use crate::trace::Receiver;
use crate::up::binaries;

/// Never that of `anjia up`: it is wiped at each start.
const ROOT: &str = ".dev/demo";
/// Something kept it from running.
const EXIT_NOT_RUN: u8 = 2;

/// Walk the referral journey on a mesh of its own and check every figure.
///
/// Starts Postgres, Redis and the five services under `.dev/demo`, which is wiped at each start, and stops them at the end.
/// Exit codes: 0 every check held, 1 a check failed, 2 it could not run, 3 something is missing on this machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the result as JSON, and nothing else.
    #[arg(long)]
    json: bool,
    /// Tell the story without colours.
    #[arg(long, env = "NO_COLOR", value_parser = clap::builder::FalseyValueParser::new())]
    no_color: bool,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    if let Err(error) = devstack::servers() {
        eprintln!("anjia: {error:#}");
        return Ok(ExitCode::from(EXIT_MISSING));
    }
    match Box::pin(perform(&args)).await {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        Err(error) => {
            eprintln!("anjia: {error:#}");
            Ok(ExitCode::from(EXIT_NOT_RUN))
        }
    }
}

/// Answers whether every check held.
async fn perform(args: &Args) -> Result<bool> {
    let root = std::path::absolute(ROOT)?;
    wait_for_new_year().await?;
    let traces = Receiver::start().await?;
    let plan = Plan {
        root,
        binaries: binaries()?,
        lifetime: Lifetime::Tethered,
        fresh: true,
        otlp_endpoint: Some(traces.endpoint().to_owned()),
        settings: vec![],
        logins: false,
        gateway: false,
        template: None,
    };
    let mesh = tokio::select! {
        mesh = Mesh::start(plan, &progress) => mesh?,
        // Leaving the start half done drops what it started, which stops it.
        name = interrupted() => bail!("{}; what had started is stopped", name?),
    };
    let record = mesh.record(true)?;
    let palette = Palette { coloured: !args.json && !args.no_color && std::io::stdout().is_terminal() };
    let mut story = Story::new(args.json, palette);
    let told = tokio::select! {
        told = tell(&record, &mut story, &traces) => Ok(told),
        name = interrupted() => Err(name),
    };
    progress("stopping the mesh");
    let stopped = mesh.stop().await;
    let books = match told {
        Ok(books) => books,
        Err(name) => bail!("{}; the mesh is stopped", name?),
    };
    // What was found is said also when something would not stop in order: dropping the mesh has ended it all the same.
    let ok = conclude(args, &story, books.as_ref(), &record)?;
    stopped?;
    Ok(ok)
}

/// The journey, as far as it goes.
async fn tell(record: &MeshRecord, story: &mut Story, traces: &Receiver) -> Option<Books> {
    let walked = tokio::select! {
        walked = Box::pin(walk(record, story, traces)) => walked,
        () = something_ends(record) => Err(anyhow!("nothing goes on without it")),
    };
    match (walked, record.gone().as_slice()) {
        (Ok(books), _) => Some(books),
        (Err(error), gone) => {
            let logs = record.logs.display();
            story.broke_off(&match gone {
                [] => error,
                gone => error.context(format!("not running any more: {}; logs: {logs}", gone.join(", "))),
            });
            None
        }
    }
}

/// Returns once a service, or what it rests on, runs no more. The journey would wait for it in vain.
async fn something_ends(record: &MeshRecord) {
    const LOOK_INTERVAL: Duration = Duration::from_millis(500);
    while record.gone().is_empty() {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

async fn walk(record: &MeshRecord, story: &mut Story, traces: &Receiver) -> Result<Books> {
    let stage = Stage::new(record)?;
    let calendar = Calendar::at(SystemClock.now());
    story.toned(Tone::Strong, "\n安家 Anjia · 分级诊疗全程 The hierarchical referral journey");
    story.line("人物、机构均为虚构；医保参数取自北京市职工医保的公开文件，各步注明依据。");
    story.line("Persons and institutions are made up; insurance parameters are Beijing's for employees, from the texts named below.");
    story.opening("准备", "Setting the scene");
    world::register(&stage, story, &calendar).await?;
    places::publish(&stage, story, &calendar).await?;

    earlier::walk(&stage, story, &calendar).await?;
    let appointment = booking::walk(&stage, story, &calendar).await?;
    let credit_line = clinic_visit::walk(&stage, story, &calendar, &appointment).await?;
    let accepted = referral_up::walk(&stage, story, &calendar, &appointment, &credit_line.credit_line_id).await?;
    let booked = acceptance::walk(&stage, story, &accepted, &credit_line.credit_line_id).await?;
    let closed = stay::walk(&stage, story, &booked, &credit_line.credit_line_id).await?;
    referral_down::walk(&stage, story, &calendar, &closed).await?;
    books::walk(&stage, story, record, traces, &closed.journey_id).await
}

fn conclude(args: &Args, story: &Story, books: Option<&Books>, record: &MeshRecord) -> Result<bool> {
    let failed = story.failed();
    let ok = failed.is_empty() && books.is_some();
    if args.json {
        let (steps, claims) = story.for_programs()?;
        let (trace, verified) = books.map_or((Value::Null, Value::Null), Books::for_programs);
        let result = json!({
            "ok": ok,
            "steps": steps,
            "claims": claims,
            "trace": trace,
            "invariants": verified["invariants"],
            "audit": verified["audit"],
            "ledger": verified["ledger"],
            "failed": failed,
        });
        crate::print(&serde_json::to_string_pretty(&result)?)?;
    } else if ok {
        story.line("");
        story.toned(Tone::Good, &format!("全部 {0} 项核对一致。All {0} checks held.", story.checks_count()));
    } else {
        story.line("");
        for failure in &failed {
            story.toned(Tone::Bad, &format!("✗ {failure}"));
        }
        story.line(&format!(
            "{} of {} checks failed; logs: {}",
            failed.len(),
            story.checks_count(),
            record.logs.display()
        ));
    }
    Ok(ok)
}

/// On standard error, so that standard output is the story, or JSON, alone.
fn progress(step: &str) {
    eprintln!("  {step} …");
}

/// In the last minutes of a year: the journey must not fall into two.
async fn wait_for_new_year() -> Result<()> {
    let Some(left) = Calendar::wait_for_new_year(SystemClock.now()) else {
        return Ok(());
    };
    progress(&format!("waiting {} min for the new year, because insurance counts by the year", left.num_minutes() + 1));
    tokio::select! {
        () = tokio::time::sleep(left.to_std()?) => Ok(()),
        name = interrupted() => bail!("{}", name?),
    }
}

async fn interrupted() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok("interrupted"),
        _ = terminate.recv() => Ok("asked to leave"),
    }
}
