//! Step 6: back to the community for recovery, along the same journey.

use anyhow::Result;
use devstack::callers::{CLINIC, HOSPITAL};
use proto::anjia::common::v1::CareKind;
use proto::anjia::identity::v1::DelegatedAction;
use proto::anjia::referral::v1::{Direction, Mandate, PaymentArrangement, Referral, SubmitReferralRequest, Urgency};

use super::calendar::Calendar;
use super::callers::Stage;
use super::story::{Check, Story};
use super::{acceptance, booking, lines, referral_up};

pub(crate) async fn walk(stage: &Stage, story: &mut Story, calendar: &Calendar, up: &Referral) -> Result<()> {
    story.step(6, "下转社区康复", "Referred down for recovery");
    story.act(&stage.resident, "lets the specialist refer her back, and the clinic see her data for it");
    let actions = [DelegatedAction::Refer, DelegatedAction::View];
    let specialist = booking::delegate(stage, calendar, &stage.hospital, &actions).await?;
    referral_up::consent(stage, calendar, CLINIC).await?;

    story.act(&specialist, "asks where she can be followed up, and refers her down");
    let target =
        referral_up::propose(stage, story, &specialist, HOSPITAL, Direction::Down, CareKind::Outpatient).await?;
    let submission = SubmitReferralRequest {
        urgency: Urgency::Routine.into(),
        clinical_summary: "搭桥术后恢复良好，请社区随访血压、血脂与伤口。".to_owned(),
        mandate: Some(Mandate { payment: PaymentArrangement::Desk.into(), ..Mandate::default() }),
        previous_referral_id: up.referral_id.clone(),
        journey_id: up.journey_id.clone(),
        ..referral_up::submission(Direction::Down, HOSPITAL, CLINIC)
    };
    let submitted = referral_up::submit(stage, &specialist, submission).await?;
    story.act(&stage.clinic, "accepts, with a place in a week");
    referral_up::accept(stage, &stage.clinic, &submitted, &target, CareKind::Outpatient, lines::CLINIC_VISIT).await?;
    let booked = acceptance::booked(stage, &stage.clinic, &submitted.referral_id).await?;
    let appointment = booking::get(stage, &stage.resident, &booked.appointment_id).await?;
    story.check_all(vec![
        Check::equal("referral down", "BOOKED", referral_up::state_word(&booked)),
        Check::equal("appointment", "CONFIRMED", booking::state_word(&appointment)),
        Check::equal("same journey:", "yes", if appointment.journey_id == up.journey_id { "yes" } else { "no" }),
    ]);
    Ok(())
}
