//! `anjia clinic-sim`: a clinic loses its network for a morning, works on, and catches up; nothing is lost and nothing doubled (SC-14).

mod checks;
mod desk;
mod journal;
mod town;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use devstack::{Everybody, Fault, Lifetime, Mesh, Plan, Wire};
use serde_json::{Value, json};
use types::clock::{Clock as _, SystemClock};
use types::ids::{AppointmentId, VisitId};

use self::checks::{Check, counts, day, listed, not_once};
use self::desk::Desk;
use self::journal::{Journal, Outcome, Work};
use self::town::Town;
use crate::setup::EXIT_MISSING;
use crate::up::binaries;
use crate::{print, verify};

/// Never that of `anjia up`: it is wiped at each start.
const ROOT: &str = ".dev/clinic-sim";
/// Something kept it from running.
const EXIT_NOT_RUN: u8 = 2;
/// What happened is told within a second or two.
const TOLD_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(300);
/// How long the line holds between two faults, and each fault: longer than a call may take.
const FLAP: [(Fault, Duration); 4] = [
    (Fault::None, Duration::from_millis(400)),
    (Fault::AnswersLost, Duration::from_millis(2_500)),
    (Fault::None, Duration::from_millis(300)),
    (Fault::Cut, Duration::from_millis(700)),
];

/// Show a clinic that loses its network for a morning and catches up, and check that nothing was lost or doubled.
///
/// Starts a mesh of its own under `.dev/clinic-sim`, which is wiped at each start, and puts a bad wire between a clinic and it. Exit codes:
/// 0 nothing was lost or doubled, 1 something was, 2 it could not run, 3 something is missing on this machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the result as JSON, and nothing else.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    if let Err(error) = devstack::servers() {
        eprintln!("anjia: {error:#}");
        return Ok(ExitCode::from(EXIT_MISSING));
    }
    let held = tokio::select! {
        held = Box::pin(perform(args)) => held,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted; what had started is stopped")),
    };
    match held {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        Err(error) => {
            eprintln!("anjia: {error:#}");
            Ok(ExitCode::from(EXIT_NOT_RUN))
        }
    }
}

/// On standard error, so that standard output is the story, or JSON, alone.
fn progress(step: &str) {
    eprintln!("  {step} …");
}

async fn perform(args: &Args) -> Result<bool> {
    let plan = Plan {
        root: std::path::absolute(ROOT)?,
        binaries: binaries()?,
        lifetime: Lifetime::Tethered,
        fresh: true,
        otlp_endpoint: None,
        settings: vec![],
        logins: false,
        gateway: false,
        template: None,
    };
    let mesh = Mesh::start(plan, &progress).await?;
    let told = Morning::begin(args, &mesh).await;
    let outcome = match told {
        Ok(mut morning) => morning.pass(&mesh).await,
        Err(error) => Err(error),
    };
    progress("stopping the mesh");
    let stopped = mesh.stop().await;
    let held = outcome?;
    stopped?;
    Ok(held)
}

struct Morning<'a> {
    args: &'a Args,
    town: Town,
    desk: Desk,
    /// To scheduling and to identity.
    wires: [Wire; 2],
    /// Booked online before.
    booked: Vec<AppointmentId>,
}

impl<'a> Morning<'a> {
    async fn begin(args: &'a Args, mesh: &Mesh) -> Result<Self> {
        progress("settling a village");
        let town = Town::settle(mesh).await?;
        let wire = async |service: &str| {
            let url = mesh.fleet().url(service)?;
            let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).context("a URL has a port")?;
            Wire::to(port).await
        };
        let wires = [wire("scheduling").await?, wire("identity").await?];
        let url = |wire: &Wire| format!("https://127.0.0.1:{}", wire.port());
        let everybody = Everybody::new(mesh.fleet().keys().clone());
        let desk = Desk {
            credentials: everybody.credentials("clinic", &url(&wires[1]))?,
            scheduling: everybody.channel("scheduling", &url(&wires[0]))?,
            patients: town.people.iter().map(|person| (person.patient.id, person.patient.clone())).collect(),
            journal: Journal::open(&mesh.fleet().root().join("journal.jsonl"))?,
            position: 0,
            heard: vec![],
            said: 0,
        };
        Ok(Self { args, town, desk, wires, booked: vec![] })
    }

    async fn pass(&mut self, mesh: &Mesh) -> Result<bool> {
        self.opens().await?;
        self.loses_the_network().await?;
        self.works_on().await?;
        self.catches_up(mesh).await?;
        let checks = self.checks(mesh).await?;
        self.conclude(&checks)
    }

    fn tell(&self, zh: &str, en: &str) -> Result<()> {
        if self.args.json { Ok(()) } else { print(&format!("{zh}\n    {en}")) }
    }

    /// The network is good: six have booked online, and the desk knows of them.
    async fn opens(&mut self) -> Result<()> {
        self.tell("\n安家 Anjia · 断网的一上午", "A clinic loses its network for a morning")?;
        for number in 0..6 {
            self.booked.push(self.town.books(number, number).await?);
        }
        let begun_at = Instant::now();
        while day(&self.desk.heard).values().filter(|state| **state == "CONFIRMED").count() < self.booked.len() {
            ensure!(begun_at.elapsed() < TOLD_WITHIN, "the desk hears nothing");
            self.desk.hear().await?;
            tokio::time::sleep(POLL).await;
        }
        self.tell("开诊：6人已网上预约，前台已知。", "Six have booked online; the desk has heard of them.")
    }

    /// In the middle of a booking: it is carried out, and the answer is lost.
    async fn loses_the_network(&mut self) -> Result<()> {
        let work = self.booking(6, 6)?;
        suffer(&self.wires, Fault::AnswersLost);
        let answered = self.desk.does(work).await?;
        ensure!(!answered, "the answer was to be lost");
        suffer(&self.wires, Fault::Cut);
        let work = self.booking(7, 7)?;
        let answered = self.desk.does(work).await?;
        ensure!(!answered, "nothing goes over a wire that is cut");
        self.tell(
            "断网：一次预约已办成而回执丢失，另一次没有发出。前台无从分辨。",
            "The network goes: of one booking the answer is lost, another never left. The desk cannot tell which.",
        )
    }

    /// The desk writes down what it does, by ids of its own; the city goes on booking without knowing.
    async fn works_on(&mut self) -> Result<()> {
        let mut visits = vec![];
        for number in 0..3 {
            let appointment = self.booked.get(number).copied();
            visits.push(self.arrives(number, appointment)?);
        }
        for number in 8..10 {
            visits.push(self.arrives(number, None)?);
        }
        for visit in [visits[0], visits[3]] {
            self.desk.queues(Work::EndVisit { visit, at: SystemClock.now() })?;
        }
        // Somebody books the second of these places online meanwhile.
        for work in [self.booking(10, 10)?, self.booking(11, 12)?, Work::Cancel { appointment: self.booked[5] }] {
            self.desk.queues(work)?;
        }
        self.town.books(12, 12).await?;
        self.town.books(13, 13).await?;
        self.town.cancels(3, self.booked[3]).await?;
        let written = self.desk.journal.entries.len();
        // The desk's machine goes off, too.
        self.desk.journal = self.desk.journal.again()?;
        ensure!(self.desk.journal.entries.len() == written, "the journal has lost something");
        self.tell(
            &format!(
                "断网期间：前台照常签到、接诊、预约、退号，共记{written}笔，重启后一笔不少；网上同时约走2号、退掉1号。"
            ),
            &format!("The desk works on and writes down {written} things; online two places go and one is given back."),
        )
    }

    /// Over a line that fails twice more while it does.
    async fn catches_up(&mut self, mesh: &Mesh) -> Result<()> {
        let (wires, desk) = (&self.wires, &mut self.desk);
        let flapping = async {
            for (fault, lasts) in FLAP {
                suffer(wires, fault);
                tokio::time::sleep(lasts).await;
            }
            suffer(wires, Fault::None);
        };
        let (caught_up, ()) = tokio::join!(desk.catch_up(), flapping);
        caught_up?;
        let begun_at = Instant::now();
        loop {
            self.desk.hear().await?;
            let listed = listed(&self.town.appointments(mesh).await?);
            if day(&self.desk.heard) == listed || begun_at.elapsed() > TOLD_WITHIN {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        let said = self.desk.said;
        self.tell(
            &format!("恢复：线路又断了两次，前台共发{said}次，逐笔补报完毕，并从断点续听了所内事件。"),
            &format!("The line is back and fails twice more; the desk has sent {said} calls, and heard what happened meanwhile."),
        )
    }

    async fn checks(&mut self, mesh: &Mesh) -> Result<Vec<Check>> {
        let [done, refused, unanswered] = counts(&self.desk.journal);
        let written = self.desk.journal.entries.len();
        let reasons = self.desk.journal.entries.iter().filter_map(|(_, outcome)| match outcome {
            Some(Outcome::Refused { reason }) => Some(reason.clone()),
            _ => None,
        });
        let reasons: Vec<String> = reasons.collect();
        let said = self.desk.said;
        let (again, other) = self.desk.say_all_again().await?;
        self.desk.hear().await?;
        let listed = listed(&self.town.appointments(mesh).await?);
        let as_heard = day(&self.desk.heard) == listed;
        let violations = verify::run(&mesh.record(true)?).await?.violations();
        Ok(vec![
            Check::new("未得答复", "written down and never answered", 0, unanswered),
            Check::new("办成", "done", written - 1, done),
            Check::new("号已被约走，明示拒绝", "refused, with the reason", "SLOT_TAKEN", reasons.join(", ")),
            Check::new("拒绝笔数", "refused", 1, refused),
            Check::new("发送次数多于笔数", "calls were sent more than once", true, said > written),
            Check::new("全部重发一遍，回执不同者", "sent once more: answered otherwise", 0, other),
            Check::new("重发笔数", "sent once more", done, again),
            Check::new(
                "丢失或重复",
                "lost or doubled",
                "none",
                or_none(&not_once(&self.desk.journal, &self.desk.heard)),
            ),
            Check::new("续听所得与平台所存一致", "the day as heard is the day as kept", true, as_heard),
            Check::new("不变式", "invariants violated", 0, violations),
        ])
    }

    fn conclude(&self, checks: &[Check]) -> Result<bool> {
        let ok = checks.iter().all(Check::holds);
        if self.args.json {
            let [done, refused, unanswered] = counts(&self.desk.journal);
            let result = json!({
                "ok": ok,
                "written": self.desk.journal.entries.len(),
                "done": done,
                "refused": refused,
                "unanswered": unanswered,
                "sent": self.desk.said,
                "heard": self.desk.heard.len(),
                "checks": checks.iter().map(Check::as_json).collect::<Value>(),
            });
            print(&serde_json::to_string_pretty(&result)?)?;
            return Ok(ok);
        }
        for check in checks {
            let mark = if check.holds() { "✓" } else { "✗" };
            print(&format!("  {mark} {} {}: {}", check.zh, check.en, check.found))?;
        }
        let (zh, en) = if ok {
            ("一笔不丢，一笔不重。", "Nothing lost, nothing doubled.")
        } else {
            ("有不符。", "Something does not hold.")
        };
        self.tell(zh, en)?;
        Ok(ok)
    }

    fn booking(&self, number: usize, slot: usize) -> Result<Work> {
        let resident = self.town.person(number)?.patient.id;
        Ok(Work::Book { appointment: AppointmentId::generate(), resident, slot: self.town.slot(slot)? })
    }

    fn arrives(&mut self, number: usize, appointment: Option<AppointmentId>) -> Result<VisitId> {
        let resident = self.town.person(number)?.patient.id;
        let visit = VisitId::generate();
        self.desk.queues(Work::CheckIn { visit, resident, appointment, at: SystemClock.now() })?;
        Ok(visit)
    }
}

fn suffer(wires: &[Wire; 2], fault: Fault) {
    for wire in wires {
        wire.suffer(fault);
    }
}

fn or_none(wrong: &[String]) -> String {
    if wrong.is_empty() { "none".to_owned() } else { wrong.join("; ") }
}
