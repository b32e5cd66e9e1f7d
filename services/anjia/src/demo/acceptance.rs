//! Step 4: the acceptance saga takes the place, prices it along the chain, reserves her credit and confirms, or undoes it all.

use anyhow::{Context, Result, bail};
use proto::anjia::payment::v1::Payer;
use proto::anjia::referral::v1::{GetReferralRequest, Referral, ReferralState};

use super::callers::{Caller, Stage};
use super::claims::Parts;
use super::story::Story;
use super::{bills, booking, clinic_visit, referral_up, wait};

pub(crate) async fn walk(
    stage: &Stage,
    story: &mut Story,
    accepted: &Referral,
    credit_line_id: &str,
) -> Result<Referral> {
    story.step(4, "接诊：占床、定价、预留信用、确认", "Acceptance: place, price, credit, confirm");
    story.tell(
        "转诊服务凭她的委托依次办理：核对知情同意，占用转诊床位，沿转诊链定价，只预留个人应付部分的信用，确认。",
        "By her mandate the referral service checks consent, takes the bed, prices it along the referral chain, reserves \
         credit for her own share only, and confirms: all or nothing.",
    );
    let booked = booked(stage, &stage.hospital, &accepted.referral_id).await?;
    story.check("referral", "BOOKED", referral_up::state_word(&booked));

    let quote = booking::quote(stage, &stage.resident, &booked.quote_id).await?;
    let parts = Parts::of(quote.division.as_ref())?;
    story.check_all(parts.checks(&[("total", "189085.85"), ("deductible", "650.00"), ("person_total", "43694.64")])?);
    let bill = bills::get(stage, &stage.resident, &booked.bill_id).await?;
    story.check("bill", "AUTHORISED", bills::state_word(&bill));
    story.check("reserved for her share", "43694.64", bills::share_of(&bill, Payer::Credit)?);
    clinic_visit::check_credit(stage, story, credit_line_id, ["24.00", "43694.64", "16281.36"]).await?;
    let appointment = booking::get(stage, &stage.resident, &booked.appointment_id).await?;
    story.check("appointment", "CONFIRMED", booking::state_word(&appointment));
    Ok(booked)
}

/// Waits until the saga has arranged everything; says why if it undid it.
pub(crate) async fn booked(stage: &Stage, desk: &Caller, referral_id: &str) -> Result<Referral> {
    wait::until("the end of the acceptance", async || {
        let referral = get(stage, desk, referral_id).await?;
        match referral.state() {
            ReferralState::Booked => Ok(Some(referral)),
            ReferralState::Accepting => Ok(None),
            _ => bail!(
                "the acceptance ended in {} instead of BOOKED; it was undone because of {:?}",
                referral_up::state_word(&referral),
                referral.last_refusal
            ),
        }
    })
    .await
}

pub(crate) async fn get(stage: &Stage, who: &Caller, referral_id: &str) -> Result<Referral> {
    let get = async |request| stage.referrals().get_referral(request).await;
    let request = GetReferralRequest { referral_id: referral_id.to_owned() };
    who.call("GetReferral", request, get).await?.referral.context("no referral")
}
