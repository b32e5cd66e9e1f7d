//! `anjia policy propose` and `anjia policy show`: policies of the mesh that is up, as one officer proposes and everybody reads them.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use adjudication::domain::policy::Policy as Document;
use anyhow::{Context as _, Result, anyhow};
use chassis::channel::Channel;
use chassis::{Context, error};
use proto::anjia::adjudication::v1::policy_service_client::PolicyServiceClient;
use proto::anjia::adjudication::v1::{
    GetPolicyRequest, ListPoliciesRequest, Policy, PolicyState, ProposePolicyRequest,
};
use proto::anjia::common::v1::PageRequest;
use proto::convert;
use serde_json::{Value, json};
use tonic::Status;
use types::ids::{PolicyId, RequestId};

use crate::{Root, login, print};

/// Policies to a call.
const PAGE: i32 = 100;

/// Propose a policy document to the mesh that is up. Another officer has to release it before it judges anything.
///
/// Exit codes: 0 proposed; 1 the document is not complete, or the mesh refused it, and why is printed.
#[derive(Debug, clap::Args)]
pub(super) struct Propose {
    /// The document.
    file: PathBuf,
    #[command(flatten)]
    caller: Caller,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Show a policy of the mesh that is up, or list the policies of the caller's region, newest first.
///
/// Exit codes: 0 shown, or listed, be it none; 1 there is no such policy, or the mesh could not be asked.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The policy; without it, all are listed.
    policy: Option<PolicyId>,
    /// Print the document itself, as it was proposed.
    #[arg(long, requires = "policy")]
    document: bool,
    #[command(flatten)]
    caller: Caller,
    /// Print one JSON document.
    #[arg(long, conflicts_with = "document")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Caller {
    /// Who asks: one of those `anjia token` knows.
    #[arg(long = "as", default_value = "insurer-proposer", value_name = "CALLER")]
    name: String,
    #[command(flatten)]
    root: Root,
}

/// A caller with a token, and the policies of the mesh.
struct Desk {
    policies: PolicyServiceClient<Channel>,
    context: Context,
}

pub(super) async fn propose(args: &Propose) -> Result<ExitCode> {
    let shown = args.file.display();
    let document = fs::read_to_string(&args.file).with_context(|| format!("cannot read {shown}"))?;
    // Refused here already, with the same words, where no mesh has to be asked.
    Document::read(&document).with_context(|| format!("{shown} is no complete policy"))?;
    let mut desk = args.caller.desk().await?;
    let request = ProposePolicyRequest {
        request_id: RequestId::generate().to_string(),
        policy_id: String::new(),
        document_json: document,
    };
    let request = desk.context.request(request);
    let answer = desk.policies.propose_policy(request).await.map_err(|status| refused(&status))?;
    let policy = answer.into_inner().policy.context("an answer without a policy")?;
    print(&if args.json { serde_json::to_string_pretty(&described(&policy))? } else { line(&policy) })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn show(args: &Show) -> Result<ExitCode> {
    let mut desk = args.caller.desk().await?;
    let Some(id) = args.policy else {
        let policies = desk.list().await?;
        let text = match (args.json, policies.is_empty()) {
            (true, _) => serde_json::to_string_pretty(&policies.iter().map(described).collect::<Vec<_>>())?,
            (false, true) => "没有政策 No policy.".to_owned(),
            (false, false) => policies.iter().map(line).collect::<Vec<_>>().join("\n"),
        };
        print(&text)?;
        return Ok(ExitCode::SUCCESS);
    };
    let request = desk.context.request(GetPolicyRequest { policy_id: id.to_string() });
    let answer = desk.policies.get_policy(request).await.map_err(|status| refused(&status))?;
    let policy = answer.into_inner().policy.context("an answer without a policy")?;
    if args.json {
        let document: Value = serde_json::from_str(&policy.document_json)?;
        let mut described = described(&policy);
        described["document"] = document;
        print(&serde_json::to_string_pretty(&described)?)?;
    } else if args.document {
        print(policy.document_json.trim_end())?;
    } else {
        print(&text(&policy))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Caller {
    async fn desk(&self) -> Result<Desk> {
        let record = self.root.mesh()?;
        let (everybody, context) = login::context(&record, &self.name, None).await?;
        let url = &record.services.get("adjudication").context("adjudication is not up")?.url;
        Ok(Desk { policies: PolicyServiceClient::new(everybody.channel("adjudication", url)?), context })
    }
}

impl Desk {
    async fn list(&mut self) -> Result<Vec<Policy>> {
        let (mut policies, mut page_token) = (vec![], String::new());
        loop {
            let page = PageRequest { page_size: PAGE, page_token };
            let request = self.context.request(ListPoliciesRequest { page: Some(page) });
            let answer = self.policies.list_policies(request).await.map_err(|status| refused(&status))?.into_inner();
            policies.extend(answer.policies);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok(policies);
            }
        }
    }
}

/// The reason, the path in the document if it is about one, and the message.
fn refused(status: &Status) -> anyhow::Error {
    use tonic_types::StatusExt as _;
    let info = status.get_details_error_info();
    let path =
        info.and_then(|info| info.metadata.get("path").cloned()).map(|path| format!(" {path}:")).unwrap_or_default();
    let reason = error::reason(status).unwrap_or_else(|| format!("{:?}", status.code()));
    anyhow!("{reason}:{path} {}", status.message())
}

fn state(policy: &Policy) -> &'static str {
    match policy.state() {
        PolicyState::Unspecified => "UNSPECIFIED",
        PolicyState::Proposed => "PROPOSED",
        PolicyState::Released => "RELEASED",
        PolicyState::Superseded => "SUPERSEDED",
    }
}

fn days(policy: &Policy) -> [Option<String>; 2] {
    [("effective_from", &policy.effective_from), ("effective_until", &policy.effective_until)]
        .map(|(name, day)| day.as_ref().and_then(|day| convert::date(name, Some(day)).ok()).map(|day| day.to_string()))
}

fn scheme(policy: &Policy) -> &'static str {
    policy.scheme().as_str_name().trim_start_matches("SCHEME_")
}

fn described(policy: &Policy) -> Value {
    let name = policy.name.clone().unwrap_or_default();
    let [from, until] = days(policy);
    let released_at = convert::optional_timestamp("released_at", policy.released_at.as_ref()).ok().flatten();
    json!({
        "policy_id": policy.policy_id,
        "region": policy.region_code,
        "scheme": scheme(policy),
        "name": { "zh": name.zh, "en": name.en },
        "effective_from": from,
        "effective_until": until,
        "state": state(policy),
        "digest": policy.digest,
        "proposed_by": policy.proposed_by,
        "released_by": (!policy.released_by.is_empty()).then_some(&policy.released_by),
        "released_at": released_at,
        "demonstration": policy.demonstration,
    })
}

/// One policy on one line.
fn line(policy: &Policy) -> String {
    let [from, until] = days(policy);
    let name = policy.name.clone().unwrap_or_default();
    format!(
        "{} {:<10} {} {:<8} {} – {}  {}",
        policy.policy_id,
        state(policy),
        policy.region_code,
        scheme(policy),
        from.unwrap_or_default(),
        until.unwrap_or_else(|| "…".to_owned()),
        name.zh
    )
}

fn text(policy: &Policy) -> String {
    let name = policy.name.clone().unwrap_or_default();
    let mut lines = vec![line(policy), format!("  {}", name.en)];
    if policy.demonstration {
        lines.push("  演示，不对应任何真实城市 A demonstration: not the rules of a real city".to_owned());
    }
    lines.push(format!("  SHA-256 {}", policy.digest));
    lines.push(format!("  提出 proposed by {}", policy.proposed_by));
    if !policy.released_by.is_empty() {
        lines.push(format!("  发布 released by {}", policy.released_by));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use proto::anjia::common::v1::{Localized, Scheme};
    use types::ids::PolicyId;

    use super::*;

    fn policy() -> Policy {
        Policy {
            policy_id: PolicyId::generate().to_string(),
            region_code: "990000".to_owned(),
            scheme: Scheme::Resident.into(),
            name: Some(Localized { zh: "演示市".to_owned(), en: "Demonstration City".to_owned() }),
            effective_from: chrono::NaiveDate::from_ymd_opt(2027, 1, 1).map(convert::to_date),
            state: PolicyState::Proposed.into(),
            digest: "ab12".to_owned(),
            proposed_by: "practitioner:p".to_owned(),
            demonstration: true,
            ..Policy::default()
        }
    }

    #[test]
    fn ad_01_a_policy_is_shown_for_people_and_for_programs() {
        let policy = policy();
        let shown = text(&policy);
        for part in ["PROPOSED", "990000 RESIDENT", "2027-01-01 – …", "演示市", "Demonstration City", "SHA-256 ab12"]
        {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
        let json = described(&policy);
        assert_eq!((&json["effective_from"], &json["effective_until"]), (&json!("2027-01-01"), &Value::Null));
        assert_eq!((&json["scheme"], &json["released_by"]), (&json!("RESIDENT"), &Value::Null));
    }

    #[test]
    fn ad_01_a_refusal_names_the_reason_and_the_path() {
        use tonic_types::{ErrorDetails, StatusExt as _};
        let metadata = [("path".to_owned(), "inpatient.bands[1]".to_owned())];
        let details = ErrorDetails::with_error_info("POLICY_INCOMPLETE", "adjudication", metadata);
        let status = Status::with_error_details(tonic::Code::InvalidArgument, "leaves a gap", details);
        assert_eq!(refused(&status).to_string(), "POLICY_INCOMPLETE: inpatient.bands[1]: leaves a gap");
        assert_eq!(refused(&Status::unavailable("gone")).to_string(), "Unavailable: gone");
    }
}
