//! `anjia surge`: opens a public-health surge in many clinics with one command, shows how full it is, and closes it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chassis::Context;
use chassis::channel::Channel;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use prost_types::Timestamp;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::surge_service_client::SurgeServiceClient;
use proto::anjia::scheduling::v1::{
    CloseSurgeRequest, GetSurgeRequest, OpenSurgeRequest, Surge, SurgeBookings, SurgeClinic,
};
use proto::convert::{timestamp, to_timestamp};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use types::clock::{Clock as _, SystemClock};
use types::ids::{OrganisationId, RequestId, SurgeId};

use crate::{Root, login, print, refused};

/// What becomes of who was booked is settled within seconds.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Open sessions for a public-health surge in many clinics at once, show how full they are, or close them again.
///
/// `close` waits, up to half a minute, until it is settled what becomes of who was booked; where it is not by then, it says so.
///
/// Exit codes: 0 done, 1 refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// Who asks, as `anjia token` knows them.
    #[arg(long = "as", default_value = "operator", value_name = "CALLER", global = true)]
    caller: String,
    #[command(flatten)]
    root: Root,
    /// Print one JSON document.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Open a session in each clinic, all or none.
    Open(Open),
    /// Take nothing new, in some clinics or in all, and say what becomes of who was booked.
    Close(Close),
    /// How full each clinic is.
    Show {
        /// The surge.
        surge: SurgeId,
    },
}

#[derive(Debug, clap::Args)]
struct Open {
    /// What it is called, such as `fever` or `vaccination`.
    name: String,
    /// Providers, separated by commas.
    #[arg(long, value_delimiter = ',', required = true)]
    clinics: Vec<OrganisationId>,
    /// Symptoms that are sent there: ICD-10 prefixes, separated by commas, such as R50,J1.
    #[arg(long, value_delimiter = ',')]
    symptoms: Vec<String>,
    /// Places are for vaccination, not for seeing a doctor.
    #[arg(long)]
    vaccination: bool,
    /// When it starts, RFC 3339; now, if it is not said.
    #[arg(long)]
    from: Option<DateTime<Utc>>,
    /// How many hours it lasts.
    #[arg(long, default_value = "8", value_parser = clap::value_parser!(u32).range(1..=24))]
    hours: u32,
    /// Minutes of a slot.
    #[arg(long, default_value = "15", value_parser = clap::value_parser!(i32).range(5..=480))]
    slot_minutes: i32,
    /// Places of each slot.
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(i32).range(1..=500))]
    places: i32,
    #[command(flatten)]
    once: Once,
}

/// What makes a command happen once.
#[derive(Debug, clap::Args)]
struct Once {
    /// The same command under the same id again changes nothing: say it where an answer was lost.
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
}

impl Once {
    fn request_id(&self) -> String {
        self.request_id.unwrap_or_else(RequestId::generate).to_string()
    }
}

#[derive(Debug, clap::Args)]
struct Close {
    /// The surge.
    surge: SurgeId,
    /// Only there; everywhere, if it is not said.
    #[arg(long, value_delimiter = ',')]
    clinics: Vec<OrganisationId>,
    /// Who is booked is seen there, also where another clinic that stays open has room for them. Else that place is kept for them, and is
    /// theirs once they confirm it in time.
    #[arg(long)]
    honour_booked: bool,
    /// What patients are told.
    #[arg(long, default_value = "the surge is over")]
    reason: String,
    #[command(flatten)]
    once: Once,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let record = args.root.mesh()?;
    let (everybody, context) = login::context(&record, &args.caller, None).await?;
    let url = &record.services.get("scheduling").context("scheduling is not up")?.url;
    let mut client = SurgeServiceClient::new(everybody.channel("scheduling", url)?);
    let (surge, is_settled) = ask(&mut client, &context, args).await?;
    let printed =
        if args.json { serde_json::to_string_pretty(&document(&surge, is_settled))? } else { text(&surge, is_settled) };
    print(&printed)?;
    Ok(ExitCode::SUCCESS)
}

/// The surge and, where this closed some of it, whether it is settled what becomes of who was booked there.
async fn ask(
    client: &mut SurgeServiceClient<Channel>,
    context: &Context,
    args: &Args,
) -> Result<(Surge, Option<bool>)> {
    match &args.command {
        Command::Open(open) => {
            let request = opening(open, open.once.request_id(), SystemClock.now());
            let answer = client.open_surge(context.request(request)).await.map_err(|status| refused(&status))?;
            Ok((answer.into_inner().surge.context("an answer without a surge")?, None))
        }
        Command::Close(close) => {
            let meant = meant(close, &get(client, context, close.surge).await?);
            let request = closing(close, close.once.request_id());
            client.close_surge(context.request(request)).await.map_err(|status| refused(&status))?;
            let (surge, is_settled) = settled(client, context, close.surge, &meant).await?;
            Ok((surge, Some(is_settled)))
        }
        Command::Show { surge } => Ok((get(client, context, *surge).await?, None)),
    }
}

async fn get(client: &mut SurgeServiceClient<Channel>, context: &Context, id: SurgeId) -> Result<Surge> {
    let request = GetSurgeRequest { surge_id: id.to_string() };
    let answer = client.get_surge(context.request(request)).await.map_err(|status| refused(&status))?;
    answer.into_inner().surge.context("an answer without a surge")
}

/// Sessions that this call closes. What closed before is not waited for: of some an earlier release never said what became of it. But a call
/// under an id that was said may be the second of its kind, and then they are closed already.
fn meant(close: &Close, before: &Surge) -> Vec<String> {
    let is_meant = |clinic: &&SurgeClinic| {
        let is_named = |id: &OrganisationId| id.to_string() == clinic.provider_organisation_id;
        (close.clinics.is_empty() || close.clinics.iter().any(is_named))
            && (clinic.is_open || close.once.request_id.is_some())
    };
    before.clinics.iter().filter(is_meant).map(|clinic| clinic.session_id.clone()).collect()
}

fn is_settled(surge: &Surge, meant: &[String]) -> bool {
    surge.clinics.iter().filter(|clinic| meant.contains(&clinic.session_id)).all(|clinic| clinic.became.is_some())
}

/// The surge once it is settled what becomes of who was booked; as it is, where that takes too long.
async fn settled(
    client: &mut SurgeServiceClient<Channel>,
    context: &Context,
    id: SurgeId,
    meant: &[String],
) -> Result<(Surge, bool)> {
    let until = Instant::now() + SETTLED_WITHIN;
    loop {
        let surge = get(client, context, id).await?;
        let is_settled = is_settled(&surge, meant);
        if is_settled || Instant::now() >= until {
            return Ok((surge, is_settled));
        }
        sleep(LOOK_INTERVAL).await;
    }
}

fn opening(open: &Open, request_id: String, now: DateTime<Utc>) -> OpenSurgeRequest {
    let starts_at = open.from.unwrap_or(now);
    let kind = if open.vaccination { CareKind::Vaccination } else { CareKind::Outpatient };
    OpenSurgeRequest {
        request_id,
        name: open.name.clone(),
        kind: kind.into(),
        symptoms: open.symptoms.clone(),
        provider_organisation_ids: open.clinics.iter().map(ToString::to_string).collect(),
        starts_at: Some(to_timestamp(starts_at)),
        ends_at: Some(to_timestamp(starts_at + TimeDelta::hours(open.hours.into()))),
        slot_length_minutes: open.slot_minutes,
        places: open.places,
    }
}

fn closing(close: &Close, request_id: String) -> CloseSurgeRequest {
    CloseSurgeRequest {
        request_id,
        surge_id: close.surge.to_string(),
        provider_organisation_ids: close.clinics.iter().map(ToString::to_string).collect(),
        honour_booked: close.honour_booked,
        reason: close.reason.clone(),
    }
}

const fn state(is_open: bool) -> &'static str {
    if is_open { "OPEN" } else { "CLOSED" }
}

fn document(surge: &Surge, is_settled: Option<bool>) -> Value {
    let clinic = |clinic: &SurgeClinic| {
        json!({
            "provider_organisation_id": clinic.provider_organisation_id,
            "session_id": clinic.session_id,
            "places": clinic.places,
            "taken": clinic.taken,
            "state": state(clinic.is_open),
            "became": clinic.became.as_ref().map(became),
        })
    };
    let total = total(surge);
    json!({
        "surge_id": surge.surge_id,
        "name": surge.name,
        "symptoms": surge.symptoms,
        "state": state(surge.closed_at.is_none()),
        "became": total.as_ref().map(became),
        "settled": is_settled,
        "clinics": surge.clinics.iter().map(clinic).collect::<Vec<_>>(),
    })
}

fn became(bookings: &SurgeBookings) -> Value {
    json!({
        "kept": bookings.kept,
        "moved": bookings.moved,
        "displaced": bookings.displaced,
        "displaced_until": displaced_until(bookings),
    })
}

/// Of all clinics that closed; none where none did.
fn total(surge: &Surge) -> Option<SurgeBookings> {
    let settled = surge.clinics.iter().filter_map(|clinic| clinic.became.as_ref());
    settled.copied().reduce(|sum, next| SurgeBookings {
        kept: sum.kept.saturating_add(next.kept),
        moved: sum.moved.saturating_add(next.moved),
        displaced: sum.displaced.saturating_add(next.displaced),
        displaced_until: latest(sum.displaced_until, next.displaced_until),
    })
}

fn latest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).max_by_key(|moment| (moment.seconds, moment.nanos))
}

/// RFC 3339.
fn displaced_until(bookings: &SurgeBookings) -> Option<String> {
    let until = timestamp("displaced_until", bookings.displaced_until.as_ref()).ok()?;
    Some(until.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn told(bookings: &SurgeBookings) -> String {
    let until = displaced_until(bookings).map(|until| format!(", who confirm by {until}")).unwrap_or_default();
    let SurgeBookings { kept, moved, displaced, .. } = bookings;
    format!("{kept} kept, {moved} moved, {displaced} displaced{until}")
}

fn text(surge: &Surge, is_settled: Option<bool>) -> String {
    let is_open = surge.closed_at.is_none();
    let head = format!("{} {} {} {}", surge.surge_id, surge.name, state(is_open), surge.symptoms.join(","));
    let mut lines = vec![head.trim_end().to_owned()];
    lines.extend(surge.clinics.iter().map(|clinic| {
        let SurgeClinic { provider_organisation_id, places, taken, is_open, .. } = clinic;
        let became = clinic.became.as_ref().map(|bookings| format!("; {}", told(bookings))).unwrap_or_default();
        format!("  {provider_organisation_id} {:<6} {taken} of {places} places taken{became}", state(*is_open))
    }));
    if let Some(total) = total(surge) {
        lines.push(format!("  bookings where it closed: {}", told(&total)));
    }
    if is_settled == Some(false) {
        let id = &surge.surge_id;
        lines.push(format!("  what becomes of who was booked is not settled yet; see: anjia surge show {id}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;
