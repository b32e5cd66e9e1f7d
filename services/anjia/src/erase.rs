//! `anjia erase`: a person's erasure, asked for by an operator who cites the person's written request, and how far it has come.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use chassis::channel::Channel;
use chassis::{Context, error};
use devstack::MeshRecord;
use proto::anjia::identity::v1::privacy_service_client::PrivacyServiceClient;
use proto::anjia::identity::v1::{
    CancelErasureRequest, Erasure, ErasureStanding, ErasureState, GetErasureRequest, RequestErasureRequest,
};
use serde_json::{Value, json};
use tonic_types::StatusExt as _;
use types::ids::{RequestId, ResidentId};

use crate::{Root, login, print};

/// Ask for a person's erasure, or print how the one that was asked for stands.
///
/// What is open at any service blocks it and is named; it goes on by itself when that has ended. Run it again to see how far it is, and for
/// the receipt at the end.
///
/// Exit codes: 0 erased everywhere, or taken back; 1 not yet, or refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The person.
    resident: ResidentId,
    /// Which written request of the person this rests on, such as a file number; no name.
    #[arg(long)]
    evidence: String,
    /// Take the request back instead.
    #[arg(long)]
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
    let root = std::path::absolute(&args.root.root)?;
    let record = MeshRecord::load(&root)?
        .with_context(|| format!("no mesh is up under {}; `anjia up` starts one", root.display()))?;
    let (everybody, context) = login::context(&record, &args.caller, None).await?;
    let url = &record.services.get("identity").context("identity is not up")?.url;
    let mut client = PrivacyServiceClient::new(everybody.channel("identity", url)?);
    let found = ask(&mut client, &context, args).await?;
    let found = if args.cancel { cancel(&mut client, &context, &found).await? } else { found };
    print(&if args.json { serde_json::to_string_pretty(&document(&found))? } else { text(&found) })?;
    let is_over = matches!(found.state(), ErasureState::Completed | ErasureState::Cancelled);
    Ok(if is_over { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks for it; where it was asked for before, reads that one.
async fn ask(client: &mut PrivacyServiceClient<Channel>, context: &Context, args: &Args) -> Result<Erasure> {
    let message = RequestErasureRequest {
        request_id: RequestId::generate().to_string(),
        resident_id: args.resident.to_string(),
        evidence: args.evidence.clone(),
    };
    let refused = match client.request_erasure(context.request(message)).await {
        Ok(answer) => return answer.into_inner().erasure.context("an answer without a request"),
        Err(refused) => refused,
    };
    let known = refused.get_details_error_info().and_then(|info| info.metadata.get("erasure_id").cloned());
    let Some(erasure_id) = known else {
        return Err(anyhow!("{}: {}", error::reason(&refused).unwrap_or_default(), refused.message()));
    };
    let answer = client.get_erasure(context.request(GetErasureRequest { erasure_id })).await;
    answer
        .map_err(|status| anyhow!("{}", status.message()))?
        .into_inner()
        .erasure
        .context("an answer without a request")
}

async fn cancel(client: &mut PrivacyServiceClient<Channel>, context: &Context, found: &Erasure) -> Result<Erasure> {
    let message =
        CancelErasureRequest { request_id: RequestId::generate().to_string(), erasure_id: found.erasure_id.clone() };
    let answer = client.cancel_erasure(context.request(message)).await;
    answer
        .map_err(|status| anyhow!("{}", status.message()))?
        .into_inner()
        .erasure
        .context("an answer without a request")
}

fn word(standing: &ErasureStanding) -> &'static str {
    standing.word().as_str_name().trim_start_matches("ERASURE_WORD_")
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
    use proto::anjia::common::v1::Localized;
    use proto::anjia::identity::v1::{ErasureWord, OpenObligation};

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
            standings: vec![standing],
            receipt: Some(Localized { zh: "回执".to_owned(), en: "receipt".to_owned() }),
            ..Erasure::default()
        };
        let shown = text(&erasure);
        for part in ["e-1 BLOCKED", "payment        OPEN", "BILL         b-1", "回执", "receipt"] {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
        let json = document(&erasure);
        assert_eq!((&json["state"], &json["standings"][0]["open"][0]["id"]), (&json!("BLOCKED"), &json!("b-1")));
    }
}
