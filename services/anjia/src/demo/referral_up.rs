//! Step 3: the family doctor refers her up with her mandate; the hospital sees it live and accepts.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use devstack::callers::{CLINIC, HOSPITAL, RESIDENT};
use proto::anjia::common::v1::{CareKind, Diagnosis};
use proto::anjia::identity::v1::{ConsentPurpose, DelegatedAction, GrantConsentRequest};
use proto::anjia::referral::v1::{
    AcceptReferralRequest, Direction, Mandate, PaymentArrangement, ProposeTargetsRequest, Referral, ReferralKind,
    ReferralState, SubmitReferralRequest, Target, Urgency, WatchWorkListRequest, WatchWorkListResponse,
};
use proto::anjia::scheduling::v1::Appointment;
use proto::convert::{timestamp, to_money, to_timestamp};
use tonic::Streaming;
use types::money::Money;
use uuid::Uuid;

use super::booking;
use super::calendar::{Calendar, day_and_time};
use super::callers::{Caller, Stage, refused, request_id};
use super::cast;
use super::lines::{self, Line};
use super::story::Story;
use super::text::yuan;

const CONSENT_DAYS: i64 = 90;
/// The highest own share that she lets acceptance commit.
const OWN_SHARE_MAX_YUAN: i64 = 45_000;
/// How long the hospital looks at its work list at most.
const WATCH_PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn walk(
    stage: &Stage,
    story: &mut Story,
    calendar: &Calendar,
    visit: &Appointment,
    credit_line_id: &str,
) -> Result<Referral> {
    story.step(3, "家庭医生上转", "The family doctor refers her up");
    story.act(&stage.resident, "lets her family doctor refer her, commit her share and see what comes of it");
    let actions = [DelegatedAction::Refer, DelegatedAction::Pay, DelegatedAction::View];
    let doctor = booking::delegate(stage, calendar, &stage.clinic, &actions).await?;
    story.act(&stage.resident, "consents that the hospital sees her health data for the referral");
    consent(stage, calendar, HOSPITAL).await?;

    story.act(&doctor, &format!("asks where {} can be treated", cast::DIAGNOSIS));
    let target = propose(stage, story, &doctor, CLINIC, Direction::Up, CareKind::Inpatient).await?;
    story.check("best target is", cast::HOSPITAL.name.zh, &target.name);

    story.act(&stage.hospital, "watches its work list");
    let mut work_list = watch(stage, &stage.hospital).await?;
    let own_share_max = Money::from_fen(OWN_SHARE_MAX_YUAN * 100);
    let limit = yuan(own_share_max);
    story.act(&doctor, &format!("refers her up, her share on credit up to {limit} by her mandate"));
    let mandate = Mandate {
        payment: PaymentArrangement::Credit.into(),
        credit_line_id: credit_line_id.to_owned(),
        own_share_max: Some(to_money(own_share_max)),
        ..Mandate::default()
    };
    let submission = SubmitReferralRequest {
        urgency: Urgency::Urgent.into(),
        clinical_summary: "劳力性胸痛三月，心电图示心肌缺血，建议住院手术评估。".to_owned(),
        mandate: Some(mandate),
        journey_id: visit.journey_id.clone(),
        ..submission(Direction::Up, CLINIC, HOSPITAL)
    };
    let submitted = submit(stage, &doctor, submission).await?;
    story.check("referral", "SUBMITTED", state_word(&submitted));
    let seen = sees(&stage.hospital, &mut work_list, &submitted.referral_id).await?;
    story.check("the hospital's work list shows", "SUBMITTED", state_word(&seen));

    story.act(&stage.hospital, "accepts, with a bed of the ward and what is expected to be billed");
    accept(stage, &stage.hospital, &seen, &target, CareKind::Inpatient, lines::REFERRED_STAY).await
}

/// Lets a provider see her data for a referral.
pub(crate) async fn consent(stage: &Stage, calendar: &Calendar, recipient: Uuid) -> Result<()> {
    let request = GrantConsentRequest {
        request_id: request_id(),
        consent_id: String::new(),
        resident_id: RESIDENT.to_string(),
        recipient_organisation_id: recipient.to_string(),
        purpose: ConsentPurpose::Referral.into(),
        until: Some(to_timestamp(calendar.days_ahead(CONSENT_DAYS))),
        ..GrantConsentRequest::default()
    };
    let grant = async |request| stage.consents().grant_consent(request).await;
    stage.resident.call("GrantConsent", request, grant).await?;
    Ok(())
}

/// The best target, told with the reason why it is the best.
pub(crate) async fn propose(
    stage: &Stage,
    story: &mut Story,
    doctor: &Caller,
    from: Uuid,
    direction: Direction,
    kind: CareKind,
) -> Result<Target> {
    let request = ProposeTargetsRequest {
        resident_id: RESIDENT.to_string(),
        from_organisation_id: from.to_string(),
        direction: direction.into(),
        icd10_code: cast::DIAGNOSIS_CODE.to_owned(),
        kind: kind.into(),
        limit: 0,
    };
    let propose = async |request| stage.referrals().propose_targets(request).await;
    let targets = doctor.call("ProposeTargets", request, propose).await?.targets;
    let best = targets.into_iter().next().context("nowhere to refer her to")?;
    let reason = best.reason.clone().unwrap_or_default();
    let place = cast::organisation_name(&best.organisation_id);
    let Some(starts_at) = &best.next_slot_starts_at else {
        bail!("{} has no free place for referred patients", place.en);
    };
    let (when_zh, when_en) = day_and_time(timestamp("next_slot_starts_at", Some(starts_at))?);
    story.tell(
        &format!("{}：{}；最早 {when_zh}", place.zh, reason.zh),
        &format!("{}: {}; first place on {when_en}", place.en, reason.en),
    );
    Ok(best)
}

/// What every referral of this journey says.
pub(crate) fn submission(direction: Direction, from: Uuid, to: Uuid) -> SubmitReferralRequest {
    SubmitReferralRequest {
        request_id: request_id(),
        resident_id: RESIDENT.to_string(),
        direction: direction.into(),
        kind: ReferralKind::Visit.into(),
        from_organisation_id: from.to_string(),
        to_organisation_id: to.to_string(),
        diagnoses: vec![Diagnosis { icd10_code: cast::DIAGNOSIS_CODE.into(), name: cast::DIAGNOSIS.into() }],
        ..SubmitReferralRequest::default()
    }
}

pub(crate) async fn submit(stage: &Stage, doctor: &Caller, request: SubmitReferralRequest) -> Result<Referral> {
    let submit = async |request| stage.referrals().submit_referral(request).await;
    let answer = doctor.call("SubmitReferral", request, submit).await?;
    answer.referral.context("a submission without a referral")
}

pub(crate) async fn accept(
    stage: &Stage,
    desk: &Caller,
    referral: &Referral,
    target: &Target,
    kind: CareKind,
    expected: &[Line],
) -> Result<Referral> {
    let request = AcceptReferralRequest {
        request_id: request_id(),
        referral_id: referral.referral_id.clone(),
        version: referral.version,
        slot_id: target.next_slot_id.clone(),
        kind: kind.into(),
        expected_lines: lines::expected(expected),
    };
    let accept = async |request| stage.referrals().accept_referral(request).await;
    let answer = desk.call("AcceptReferral", request, accept).await?;
    answer.referral.context("an acceptance without a referral")
}

async fn watch(stage: &Stage, desk: &Caller) -> Result<Streaming<WatchWorkListResponse>> {
    let context = desk.context().await?.with_call_limit(WATCH_PATIENCE);
    let stream = stage.referrals().watch_work_list(context.request(WatchWorkListRequest {})).await;
    Ok(stream.map_err(|status| refused("WatchWorkList", desk, &status))?.into_inner())
}

/// Looks at the stream until the referral appears.
async fn sees(desk: &Caller, work_list: &mut Streaming<WatchWorkListResponse>, referral_id: &str) -> Result<Referral> {
    while let Some(line) = work_list.message().await.map_err(|status| refused("WatchWorkList", desk, &status))? {
        match line.referral {
            Some(referral) if referral.referral_id == referral_id => return Ok(referral),
            _ => {}
        }
    }
    bail!("the work list ended before it showed the referral")
}

/// `BOOKED` for `REFERRAL_STATE_BOOKED`.
pub(crate) fn state_word(referral: &Referral) -> &'static str {
    match referral.state() {
        ReferralState::Unspecified => "not said",
        state => state.as_str_name().trim_start_matches("REFERRAL_STATE_"),
    }
}
