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
    let surge = ask(&mut client, &context, args).await?.context("an answer without a surge")?;
    print(&if args.json { serde_json::to_string_pretty(&document(&surge))? } else { text(&surge) })?;
    Ok(ExitCode::SUCCESS)
}

async fn ask(client: &mut SurgeServiceClient<Channel>, context: &Context, args: &Args) -> Result<Option<Surge>> {
    let answer = match &args.command {
        Command::Open(open) => {
            let request = opening(open, open.once.request_id(), SystemClock.now());
            client.open_surge(context.request(request)).await.map(|answer| answer.into_inner().surge)
        }
        Command::Close(close) => {
            let request = closing(close, close.once.request_id());
            client.close_surge(context.request(request)).await.map_err(|status| refused(&status))?;
            return settled(client, context, close).await;
        }
        Command::Show { surge } => return get(client, context, *surge).await,
    };
    answer.map_err(|status| refused(&status))
}

async fn get(client: &mut SurgeServiceClient<Channel>, context: &Context, id: SurgeId) -> Result<Option<Surge>> {
    let request = GetSurgeRequest { surge_id: id.to_string() };
    let answer = client.get_surge(context.request(request)).await.map_err(|status| refused(&status))?;
    Ok(answer.into_inner().surge)
}

/// The surge once it is settled what becomes of who was booked; as it is, where that takes too long.
async fn settled(client: &mut SurgeServiceClient<Channel>, context: &Context, close: &Close) -> Result<Option<Surge>> {
    let is_meant = |clinic: &SurgeClinic| {
        close.clinics.is_empty() || close.clinics.iter().any(|id| id.to_string() == clinic.provider_organisation_id)
    };
    let until = Instant::now() + SETTLED_WITHIN;
    loop {
        let surge = get(client, context, close.surge).await?;
        let clinics = surge.iter().flat_map(|surge| &surge.clinics);
        let is_settled = clinics.filter(|clinic| is_meant(clinic)).all(|clinic| clinic.became.is_some());
        if is_settled || Instant::now() >= until {
            return Ok(surge);
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

fn document(surge: &Surge) -> Value {
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

fn text(surge: &Surge) -> String {
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
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    const CLINIC: &str = "01930000-0000-7000-8000-00000000c001";

    #[test]
    fn sc_12_one_command_names_the_clinics_and_the_symptoms() {
        let line =
            Line::parse_from(["surge", "open", "fever", "--clinics", CLINIC, "--symptoms", "R50,J1", "--hours", "2"]);
        let Command::Open(open) = &line.args.command else { panic!("{:?}", line.args.command) };
        let request = opening(open, "r-1".to_owned(), DateTime::UNIX_EPOCH);
        assert_eq!(request.provider_organisation_ids, [CLINIC]);
        assert_eq!((request.symptoms, request.places), (vec!["R50".to_owned(), "J1".to_owned()], 4));
        assert_eq!(request.ends_at.unwrap().seconds, 2 * 60 * 60);
        let close = Line::parse_from(["surge", "close", CLINIC, "--honour-booked"]);
        let Command::Close(close) = &close.args.command else { panic!("{:?}", close.args.command) };
        let request = closing(close, "r-2".to_owned());
        assert!(request.honour_booked && request.provider_organisation_ids.is_empty() && !request.reason.is_empty());
        let line = Line::parse_from(["surge", "close", CLINIC, "--request-id", CLINIC, "--root", "elsewhere"]);
        let Command::Close(close) = &line.args.command else { panic!("{:?}", line.args.command) };
        assert_eq!((close.once.request_id().as_str(), line.args.root.root.to_str()), (CLINIC, Some("elsewhere")));
        let read = Line::try_parse_from(["surge", "show", CLINIC, "--request-id", CLINIC]);
        assert!(read.is_err(), "what only reads happens as often as one likes");
    }

    #[test]
    fn sc_12_how_full_each_clinic_is_is_printed_for_people_and_for_programs() {
        let clinic = SurgeClinic {
            provider_organisation_id: CLINIC.to_owned(),
            places: 8,
            taken: 3,
            is_open: true,
            ..Default::default()
        };
        let surge = Surge {
            surge_id: "s-1".to_owned(),
            name: "fever".to_owned(),
            symptoms: vec!["R50".to_owned()],
            clinics: vec![clinic],
            ..Default::default()
        };
        assert_eq!(text(&surge), format!("s-1 fever OPEN R50\n  {CLINIC} OPEN   3 of 8 places taken"));
        assert_eq!(document(&surge)["clinics"][0]["taken"], 3);
        assert!(document(&surge)["became"].is_null());
    }

    #[test]
    fn sc_12_closing_says_how_many_are_seen_and_how_many_are_offered_another_place_until_when() {
        let clinic = |bookings: SurgeBookings| SurgeClinic {
            provider_organisation_id: CLINIC.to_owned(),
            became: Some(bookings),
            ..Default::default()
        };
        let until = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let first = SurgeBookings { kept: 2, moved: 1, displaced: 3, displaced_until: until(3_600) };
        let second = SurgeBookings { displaced: 1, displaced_until: until(60), ..Default::default() };
        let third = SurgeBookings { kept: 4, ..Default::default() };
        let surge = Surge { clinics: [first, second, third].map(clinic).to_vec(), ..Default::default() };
        let text = text(&surge);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[3].ends_with("; 4 kept, 0 moved, 0 displaced"), "{text}");
        let total = "6 kept, 1 moved, 4 displaced, who confirm by 1970-01-01T01:00:00Z";
        assert_eq!(lines[4], format!("  bookings where it closed: {total}"));
        let document = document(&surge);
        assert_eq!(document["became"]["displaced_until"], "1970-01-01T01:00:00Z");
        assert_eq!((&document["became"]["kept"], &document["clinics"][0]["became"]["moved"]), (&json!(6), &json!(1)));
        assert!(document["clinics"][2]["became"]["displaced_until"].is_null());
    }
}
