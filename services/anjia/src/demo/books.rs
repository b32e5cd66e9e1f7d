//! Step 7: the journey as a whole, the ledger, the invariants, the audit, and the traces.

use std::time::Duration;

use anyhow::{Context, Result};
use devstack::callers::RESIDENT;
use devstack::{MeshRecord, SERVICES};
use proto::anjia::referral::v1::{GetJourneyRequest, Journey};
use proto::convert::money;
use serde_json::{Value, json};

use super::callers::Stage;
use super::cast;
use super::story::{Check, Story};
use super::text::{PAGE, Tone, left};
use crate::trace::{Receiver, Trace, waterfall};
use crate::verify;

/// The call that begins the acceptance chain.
const ACCEPTANCE: &str = "anjia.referral.v1.ReferralService/AcceptReferral";

/// Calls of the journey that must be found among its other traces.
const MILESTONES: [&str; 5] = ["Book", "CheckIn", "DivideClaim", "CaptureBill", "SubmitReferral"];
/// Services send what they have every second or so; two cores may be busy.
const SPANS_PATIENCE: Duration = Duration::from_secs(15);

/// What the books say, for programs.
pub(crate) struct Books {
    trace: Value,
    verified: Value,
}

impl Books {
    pub(crate) fn for_programs(&self) -> (Value, Value) {
        (self.trace.clone(), self.verified.clone())
    }
}

pub(crate) async fn walk(
    stage: &Stage,
    story: &mut Story,
    record: &MeshRecord,
    traces: &Receiver,
    journey_id: &str,
) -> Result<Books> {
    story.step(7, "对账与核验", "The books");
    story.act(&stage.resident, "looks back at her journey");
    journey(stage, story, journey_id).await?;
    let verified = verified(story, record).await?;
    let trace = acceptance_chain(story, traces, journey_id).await?;
    Ok(Books { trace, verified })
}

async fn journey(stage: &Stage, story: &mut Story, journey_id: &str) -> Result<()> {
    let get = async |request| stage.journeys().get_journey(request).await;
    let request = GetJourneyRequest { journey_id: journey_id.to_owned(), resident_id: RESIDENT.to_string() };
    let journey: Journey = stage.resident.call("GetJourney", request, get).await?.journey.context("no journey")?;
    for milestone in &journey.milestones {
        let text = milestone.text.clone().unwrap_or_default();
        let place = cast::organisation_name(&milestone.organisation_id);
        story.line(&format!("      {}{}{}", left(&text.zh, 24), left(place.zh, 26), text.en));
    }
    story.check_all(vec![
        Check::equal("referrals along the journey", 2, journey.referrals.len()),
        Check::equal("billed", "189325.85", money("billed", journey.billed.as_ref())?),
        Check::equal("paid by funds", "145607.21", money("paid_by_funds", journey.paid_by_funds.as_ref())?),
        Check::equal("her own share", "43718.64", money("own_share", journey.own_share.as_ref())?),
    ]);
    Ok(())
}

/// Looks into the databases: everything that must always hold, does.
async fn verified(story: &mut Story, record: &MeshRecord) -> Result<Value> {
    let report = verify::run(record).await.context("verifying the mesh")?;
    story.line("");
    for line in report.to_string().lines() {
        story.line(format!("    {line}").trim_end());
    }
    let broken = report.audit.values().filter(|chain| !chain.ok).count();
    let ledger = report.ledger.as_ref().map(|ledger| format!("{:.2}", ledger.sum));
    story.check_all(vec![
        Check::equal("violated invariants", 0, report.violations()),
        Check::equal("broken audit chains", 0, broken),
        Check::equal("ledger sums to", "0.00", ledger.unwrap_or_else(|| "no ledger".to_owned())),
    ]);
    Ok(serde_json::to_value(&report)?)
}

/// The acceptance as one trace over all services, and the other traces of the journey.
async fn acceptance_chain(story: &mut Story, traces: &Receiver, journey_id: &str) -> Result<Value> {
    let is_whole = |trace: &Trace| trace.has_span(ACCEPTANCE) && trace.services().len() == SERVICES.len();
    let chain = match traces.wait_for(is_whole, SPANS_PATIENCE).await {
        Some(chain) => chain,
        None => traces
            .traces()
            .into_iter()
            .find(|trace| trace.has_span(ACCEPTANCE))
            .context("no span of the acceptance arrived")?,
    };
    story.line("");
    story.toned(Tone::Strong, "    一次接诊，一条链路，五个服务  One acceptance, one trace, five services");
    for line in waterfall(&chain, PAGE - 4, story.is_coloured()).lines() {
        story.line(&format!("    {line}"));
    }
    let mut missing = vec![];
    for milestone in MILESTONES {
        let is_there = |trace: &Trace| root(trace) == milestone && trace.journey() == Some(journey_id);
        if traces.wait_for(is_there, SPANS_PATIENCE).await.is_none() {
            missing.push(milestone);
        }
    }
    let linked: Vec<Trace> = traces.traces().into_iter().filter(|trace| belongs(trace, &chain, journey_id)).collect();
    tell_linked(story, &linked);
    let services = chain.services();
    story.check_all(vec![
        Check::equal("services in the acceptance's trace", SERVICES.len(), services.len()),
        Check::equal("calls of the journey without a trace", "none", or_none(&missing)),
        Check::equal("linked to its journey:", "yes", if chain.journey() == Some(journey_id) { "yes" } else { "no" }),
    ]);
    let linked: Vec<Value> = linked.iter().map(brief).collect();
    Ok(json!({ "trace_id": chain.id, "services": services, "spans": chain.spans.len(), "linked": linked }))
}

/// Another trace of the same journey, by the journey's id or by a link to the chain.
fn belongs(trace: &Trace, chain: &Trace, journey_id: &str) -> bool {
    let is_linked = || trace.spans.iter().any(|span| span.links.iter().any(|link| link.trace_id == chain.id));
    trace.id != chain.id && (trace.journey() == Some(journey_id) || is_linked())
}

fn tell_linked(story: &mut Story, linked: &[Trace]) {
    story.line("");
    story.toned(Tone::Strong, &format!("    同一病程的另外 {0} 条链路  {0} more traces of this journey", linked.len()));
    for trace in linked {
        let spans = trace.spans.len();
        let spans = format!("{spans} span{}", if spans == 1 { "" } else { "s" });
        story.line(&format!("      {}{}{}", left(root(trace), 24), left(&spans, 11), trace.services().join(", ")));
    }
}

fn brief(trace: &Trace) -> Value {
    json!({ "trace_id": trace.id, "root": root(trace), "services": trace.services(), "spans": trace.spans.len() })
}

fn or_none(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What began it, by its last word: `SubmitReferral`.
fn root(trace: &Trace) -> &str {
    let name = trace.spans.first().map_or("", |span| span.name.as_str());
    name.rsplit('/').next().unwrap_or(name)
}
