//! `anjia surge`: opens a public-health surge in many clinics with one command, shows how full it is, and closes it.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use chassis::Context;
use chassis::channel::Channel;
use chrono::{DateTime, TimeDelta, Utc};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::surge_service_client::SurgeServiceClient;
use proto::anjia::scheduling::v1::{CloseSurgeRequest, GetSurgeRequest, OpenSurgeRequest, Surge, SurgeClinic};
use proto::convert::to_timestamp;
use serde_json::{Value, json};
use types::clock::{Clock as _, SystemClock};
use types::ids::{OrganisationId, RequestId, SurgeId};

use crate::{Root, login, print, refused};

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
    /// Take nothing new, in some clinics or in all.
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
            client.close_surge(context.request(request)).await.map(|answer| answer.into_inner().surge)
        }
        Command::Show { surge } => {
            let request = GetSurgeRequest { surge_id: surge.to_string() };
            client.get_surge(context.request(request)).await.map(|answer| answer.into_inner().surge)
        }
    };
    answer.map_err(|status| refused(&status))
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
        })
    };
    json!({
        "surge_id": surge.surge_id,
        "name": surge.name,
        "symptoms": surge.symptoms,
        "state": state(surge.closed_at.is_none()),
        "clinics": surge.clinics.iter().map(clinic).collect::<Vec<_>>(),
    })
}

fn text(surge: &Surge) -> String {
    let is_open = surge.closed_at.is_none();
    let head = format!("{} {} {} {}", surge.surge_id, surge.name, state(is_open), surge.symptoms.join(","));
    let mut lines = vec![head.trim_end().to_owned()];
    lines.extend(surge.clinics.iter().map(|clinic| {
        let SurgeClinic { provider_organisation_id, places, taken, is_open, .. } = clinic;
        format!("  {provider_organisation_id} {:<6} {taken} of {places} places taken", state(*is_open))
    }));
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
    }
}
