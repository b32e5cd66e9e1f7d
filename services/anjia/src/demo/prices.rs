//! What care costs her: the quote before it is booked, the explanation after it is settled.

use anyhow::{Context, Result};
use devstack::callers::RESIDENT;
use proto::anjia::adjudication::v1::{
    Explanation, ExplanationStep, GetExplanationRequest, QuoteCareRequest, SettlementField,
};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::SlotOffer;
use proto::convert::{money, timestamp, to_date};
use types::clock::local_date;
use types::money::Money;

use super::callers::{Caller, Stage, request_id};
use super::claims::{Parts, RESULT};
use super::lines::{self, Line};
use super::story::{Check, Story};
use super::text::yuan;

/// Of the national settlement vocabulary, what a patient looks for first: total, funds, own share.
const LOOKED_FOR: [&str; 3] = ["medfee_sumamt", "fund_pay_sumamt", "psn_part_amt"];

/// Asks what care at an offered place will cost her, tells it and checks it. Nothing is reserved.
pub(crate) async fn before_booking(
    stage: &Stage,
    story: &mut Story,
    worker: &Caller,
    offer: &SlotOffer,
    expected: (&[Line], &[(&str, &str)]),
) -> Result<()> {
    story.act(worker, "asks, before anything is booked, who will pay how much of what is expected to be billed");
    let (expected, figures) = expected;
    let starts_at = offer.slot.as_ref().and_then(|slot| slot.starts_at.as_ref());
    let request = QuoteCareRequest {
        request_id: request_id(),
        resident_id: RESIDENT.to_string(),
        provider_organisation_id: offer.provider_organisation_id.clone(),
        kind: CareKind::Outpatient.into(),
        on: Some(to_date(local_date(timestamp("starts_at", starts_at)?))),
        lines: lines::expected(expected),
        ..QuoteCareRequest::default()
    };
    let ask = async |request| stage.care_prices().quote_care(request).await;
    let quote = worker.call("QuoteCare", request, ask).await?.quote.context("a price without a quote")?;
    let parts = Parts::of(quote.division.as_ref())?;
    let (total, fund, own) = (yuan(parts.total), yuan(parts.fund_total), yuan(parts.person_total));
    story.tell(
        &format!("预约前预估：费用{total}元，基金支付{fund}元，个人支付{own}元。"),
        &format!("Expected before booking: of {total} the funds pay {fund}, and she pays {own}."),
    );
    tell_of_bands(story, &quote.explanation);
    story.check_all(parts.checks(figures)?);
    Ok(())
}

/// The resident reads how a settlement came about, and it is checked against itself and the figures.
pub(crate) async fn after_settling(
    stage: &Stage,
    story: &mut Story,
    settlement_id: &str,
    expected: [&str; 3],
) -> Result<()> {
    story.act(&stage.resident, "reads afterwards why: rule by rule, by which version of which policy, to the fen");
    let request = GetExplanationRequest { settlement_id: settlement_id.to_owned() };
    let get = async |request| stage.care_prices().get_explanation(request).await;
    let answer = stage.resident.call("GetExplanation", request, get).await?;
    let explanation = answer.explanation.context("no explanation")?;
    let policy = explanation.policy.clone().unwrap_or_default();
    let (name, version) = (policy.name.unwrap_or_default(), policy.digest.get(..12).unwrap_or_default());
    story.tell(
        &format!("结算依据：{}，版本 {version}。", name.zh),
        &format!("Judged by: {}, version {version}.", name.en),
    );
    let mut checks = vec![];
    for (code, expected) in LOOKED_FOR.into_iter().zip(expected) {
        let field = explanation.fields.iter().find(|field| field.code == code).context("a field of the vocabulary")?;
        let (amount, name) = (money(code, field.amount.as_ref())?, field.name.clone().unwrap_or_default());
        story.tell(
            &format!("{}（{code}）{}元", name.zh, yuan(amount)),
            &format!("{} ({code}): {}", name.en, yuan(amount)),
        );
        checks.push(Check::equal(&called(field), expected, amount));
    }
    checks.push(Check::equal("its steps add up to", expected[0], added_up(&explanation)?));
    story.check_all(checks);
    Ok(())
}

fn called(field: &SettlementField) -> String {
    field.name.clone().unwrap_or_default().en.to_lowercase()
}

/// How the funds' ratio applies: what a patient is told of a price.
fn tell_of_bands(story: &mut Story, explanation: &[ExplanationStep]) {
    for step in explanation.iter().filter(|step| step.rule == "BAND") {
        let text = step.text.clone().unwrap_or_default();
        story.tell(&text.zh, &text.en);
    }
}

/// What the steps before the result settle, fund and own.
fn added_up(explanation: &Explanation) -> Result<Money> {
    let settlement = explanation.settlement.as_ref().context("an explanation of nothing")?;
    let mut sum = Money::ZERO;
    for step in settlement.explanation.iter().filter(|step| step.rule != RESULT) {
        for (field, amount) in [("fund", step.fund.as_ref()), ("own", step.own.as_ref())] {
            sum = sum.checked_add(money(field, amount)?).context("more than money can be")?;
        }
    }
    Ok(sum)
}
