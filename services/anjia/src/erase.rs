//! `anjia erase`: a person's erasure, asked for by an operator who cites the person's written request, and how far it has come.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chassis::Context;
use chassis::channel::Channel;
use proto::anjia::identity::v1::privacy_service_client::PrivacyServiceClient;
use proto::anjia::identity::v1::{
    CancelErasureRequest, Erasure, ErasureStanding, ErasureState, ErasureWord, GetErasureRequest, RequestErasureRequest,
};
use serde_json::{Value, json};
use tonic_types::StatusExt as _;
use types::ids::{ErasureId, RequestId, ResidentId};

use crate::{Root, login, print, refused};

/// Ask for a person's erasure; or, by the number that it was given, print how one stands (`--number`), or take it back (`--cancel`).
///
/// What is open at any service blocks it and is named; it goes on by itself when that has ended. Its number says how far it is, and gives the
/// receipt at the end. Where one was asked for before, and was not taken back, that one is printed, and nothing is asked for.
///
/// Exit codes: 0 erased everywhere, or taken back; 1 not yet, or refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The person.
    #[arg(required_unless_present = "number", conflicts_with = "number", requires = "evidence")]
    resident: Option<ResidentId>,
    /// Which written request of the person this rests on, such as a file number; no name.
    #[arg(long, conflicts_with = "number")]
    evidence: Option<String>,
    /// Number of an erasure that was asked for: only read it.
    #[arg(long)]
    number: Option<ErasureId>,
    /// Take that one back.
    #[arg(long, requires = "number", conflicts_with_all = ["resident", "evidence"])]
    cancel: bool,
    /// Who asks, as `anjia token` knows them.
    #[arg(long = "as", default_value = "operator", value_name = "CALLER")]
    caller: String,
    #[command(flatten)]
    root: Root,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let record = args.root.mesh()?;
    let (everybody, context) = login::context(&record, &args.caller, None).await?;
    let url = &record.services.get("identity").context("identity is not up")?.url;
    let mut client = PrivacyServiceClient::new(everybody.channel("identity", url)?);
    let found = match (args.number, args.resident) {
        (Some(number), _) if args.cancel => cancel(&mut client, &context, number).await?,
        (Some(number), _) => read(&mut client, &context, number.to_string()).await?,
        (None, Some(resident)) => ask(&mut client, &context, resident, args.evidence.as_deref()).await?,
        (None, None) => bail!("neither a person nor a number is named"),
    };
    print(&if args.json { serde_json::to_string_pretty(&document(&found))? } else { text(&found) })?;
    let is_over = matches!(found.state(), ErasureState::Completed | ErasureState::Cancelled);
    if !is_over && !args.json {
        print(&format!("\n`anjia erase --number {}{}` says how far it is.", found.erasure_id, args.root.told()))?;
    }
    Ok(if is_over { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks for it; where it was asked for before, reads that one.
async fn ask(
    client: &mut PrivacyServiceClient<Channel>,
    context: &Context,
    resident: ResidentId,
    evidence: Option<&str>,
) -> Result<Erasure> {
    let message = RequestErasureRequest {
        request_id: RequestId::generate().to_string(),
        resident_id: resident.to_string(),
        evidence: evidence.unwrap_or_default().to_owned(),
    };
    let status = match client.request_erasure(context.request(message)).await {
        Ok(answer) => return answer.into_inner().erasure.context("an answer without a request"),
        Err(status) => status,
    };
    match status.get_details_error_info().and_then(|info| info.metadata.get("erasure_id").cloned()) {
        Some(known) => read(client, context, known).await,
        None => Err(refused(&status)),
    }
}

async fn read(client: &mut PrivacyServiceClient<Channel>, context: &Context, erasure_id: String) -> Result<Erasure> {
    let answer = client.get_erasure(context.request(GetErasureRequest { erasure_id })).await;
    answer.map_err(|status| refused(&status))?.into_inner().erasure.context("an answer without a request")
}

async fn cancel(client: &mut PrivacyServiceClient<Channel>, context: &Context, number: ErasureId) -> Result<Erasure> {
    let message =
        CancelErasureRequest { request_id: RequestId::generate().to_string(), erasure_id: number.to_string() };
    let answer = client.cancel_erasure(context.request(message)).await;
    answer.map_err(|status| refused(&status))?.into_inner().erasure.context("an answer without a request")
}

fn word(standing: &ErasureStanding) -> &'static str {
    match standing.word() {
        ErasureWord::Unspecified => "NOT_ANSWERED",
        word => word.as_str_name().trim_start_matches("ERASURE_WORD_"),
    }
}

fn state(erasure: &Erasure) -> &'static str {
    erasure.state().as_str_name().trim_start_matches("ERASURE_STATE_")
}

fn document(erasure: &Erasure) -> Value {
    let until = |kept: &proto::anjia::identity::v1::KeptData| {
        proto::convert::optional_timestamp("until", kept.until.as_ref()).ok().flatten()
    };
    let standing = |standing: &ErasureStanding| {
        json!({
            "service": standing.service,
            "word": word(standing),
            "open": standing.open.iter().map(|open| json!({ "kind": open.kind, "id": open.id })).collect::<Vec<_>>(),
            "kept": standing.kept.iter().map(|kept| json!({
                "rule": kept.rule, "rows": kept.rows, "until": until(kept), "source": kept.source,
            })).collect::<Vec<_>>(),
        })
    };
    json!({
        "erasure_id": erasure.erasure_id,
        "resident_id": erasure.resident_id,
        "state": state(erasure),
        "standings": erasure.standings.iter().map(standing).collect::<Vec<_>>(),
        "receipt_zh": erasure.receipt.as_ref().map(|receipt| &receipt.zh),
        "receipt_en": erasure.receipt.as_ref().map(|receipt| &receipt.en),
    })
}

fn text(erasure: &Erasure) -> String {
    let mut lines = vec![format!("{} {}", erasure.erasure_id, state(erasure))];
    for standing in &erasure.standings {
        lines.push(format!("  {:<14} {}", standing.service, word(standing)));
        lines.extend(standing.open.iter().map(|open| format!("    {:<12} {}", open.kind, open.id)));
    }
    if let Some(receipt) = &erasure.receipt {
        lines.extend([String::new(), receipt.zh.clone(), String::new(), receipt.en.clone()]);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use proto::anjia::common::v1::Localized;
    use proto::anjia::identity::v1::OpenObligation;

    use super::*;

    #[test]
    fn id_08_what_is_open_and_the_receipt_are_printed_for_people_and_for_programs() {
        let open = OpenObligation { kind: "BILL".to_owned(), id: "b-1".to_owned() };
        let standing = ErasureStanding {
            service: "payment".to_owned(),
            word: ErasureWord::Open.into(),
            open: vec![open],
            ..ErasureStanding::default()
        };
        let erasure = Erasure {
            erasure_id: "e-1".to_owned(),
            state: ErasureState::Blocked.into(),
            standings: vec![standing, ErasureStanding { service: "referral".to_owned(), ..ErasureStanding::default() }],
            receipt: Some(Localized { zh: "回执".to_owned(), en: "receipt".to_owned() }),
            ..Erasure::default()
        };
        let shown = text(&erasure);
        for part in
            ["e-1 BLOCKED", "payment        OPEN", "BILL         b-1", "referral       NOT_ANSWERED", "回执", "receipt"]
        {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
        let json = document(&erasure);
        assert_eq!((&json["state"], &json["standings"][0]["open"][0]["id"]), (&json!("BLOCKED"), &json!("b-1")));
    }

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn id_08_who_takes_one_back_names_its_number_and_asks_for_none() {
        const ID: &str = "01930000-0000-7000-8000-00000000e001";
        let line = |words: &[&str]| Line::try_parse_from(["erase"].iter().chain(words));
        let back = line(&["--number", ID, "--cancel"]).unwrap().args;
        assert!(back.cancel && back.resident.is_none() && back.number.is_some());
        assert!(line(&["--number", ID]).is_ok() && line(&[ID, "--evidence", "F-1"]).is_ok());
        for wrong in [
            &[ID][..],
            &["--cancel"],
            &[ID, "--evidence", "F-1", "--cancel"],
            &[ID, "--evidence", "F-1", "--number", ID],
            &["--number", ID, "--evidence", "F-1"],
        ] {
            assert!(line(wrong).is_err(), "{wrong:?}");
        }
    }
}
