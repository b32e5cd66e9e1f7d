//! Step 5: the stay, divided through all layers of cover, paid by two funds and the bank, receipted.

use anyhow::{Context, Result};
use prost::Message;
use proto::anjia::payment::v1::{BillState, GetReceiptRequest, Payer, Receipt, VerifyReceiptRequest};
use proto::anjia::referral::v1::{CloseReferralRequest, Referral, ReferralState};
use proto::anjia::scheduling::v1::VisitOutcome;
use sha2::{Digest, Sha256};
use tonic::Code;

use super::bills::{self, OwnShare};
use super::callers::{Stage, request_id};
use super::claims::{self, Care};
use super::story::{Check, Story};
use super::{acceptance, clinic_visit, lines, referral_up, visits, wait};

const FIGURES: &[(&str, &str)] = &[
    ("total", "189085.85"),
    ("in_scope", "164411.81"),
    ("out_of_scope", "24674.04"),
    ("deductible", "650.00"),
    ("pooled_self_pay", "4962.67"),
    ("pooled_fund", "91759.51"),
    ("large_amount_in_scope", "67039.63"),
    ("large_amount_fund", "53631.70"),
    ("large_amount_self_pay", "13407.93"),
    ("over_limit", "0.00"),
    ("fund_total", "145391.21"),
    ("person_total", "43694.64"),
];

pub(crate) async fn walk(
    stage: &Stage,
    story: &mut Story,
    booked: &Referral,
    credit_line_id: &str,
) -> Result<Referral> {
    story.step(5, "住院、结算、收据", "The stay, its settlement, the receipt");
    story.act(&stage.hospital, "admits her; the clock is real, so the stay ends right after it began");
    let visit = visits::keep(stage, &stage.hospital, &booked.appointment_id).await?;
    let visit = visits::end_now(stage, &stage.hospital, &visit, VisitOutcome::Discharged).await?;
    story.act(&stage.hospital, "sends the claim of the stay");
    let care = Care {
        title_zh: "转诊住院",
        title_en: "referred stay",
        visit: &visit,
        lines: lines::REFERRED_STAY,
        quote_id: &booked.quote_id,
        expected: FIGURES,
    };
    let settlement = claims::divide(stage, story, &stage.hospital, care).await?;
    story.check("differences from the quote", 0, settlement.drift.len());

    story.act(&stage.resident, "agrees: the reservation now rests on the settlement instead of the quote");
    let on_credit = OwnShare::Credit(credit_line_id);
    let bill = bills::authorise(stage, &stage.resident, &booked.bill_id, &settlement, on_credit).await?;
    story.act(&stage.hospital, "captures the bill");
    let bill = bills::capture(stage, &stage.hospital, &bill).await?;
    story.check_all(vec![
        Check::equal("pooled fund pays", "91759.51", bills::share_of(&bill, Payer::PooledFund)?),
        Check::equal("large-amount fund pays", "53631.70", bills::share_of(&bill, Payer::LargeAmountFund)?),
        Check::equal("bank pays", "43694.64", bills::share_of(&bill, Payer::Credit)?),
    ]);
    bills::bank_pays(stage, story, &bill).await?;
    let bill = bills::reaches(stage, &stage.hospital, &bill.bill_id, &[BillState::Settled]).await?;
    story.check("bill", "SETTLED", bills::state_word(&bill));
    clinic_visit::check_credit(stage, story, credit_line_id, ["43718.64", "0.00", "16281.36"]).await?;
    receipt(stage, story, &bill.receipt_id).await?;
    close(stage, story, &booked.referral_id).await
}

/// She checks her receipt: by its own hash, and against the audit.
async fn receipt(stage: &Stage, story: &mut Story, receipt_id: &str) -> Result<()> {
    story.act(&stage.resident, "receives her receipt and has it verified");
    let get = async |request| stage.bills().get_receipt(request).await;
    let request = GetReceiptRequest { receipt_id: receipt_id.to_owned() };
    let receipt = stage.resident.call("GetReceipt", request, get).await?.receipt.context("no receipt")?;
    let total = proto::convert::money("total", receipt.total.as_ref())?;
    let own_hash = hex::encode(Sha256::digest(Receipt { hash: String::new(), ..receipt.clone() }.encode_to_vec()));
    let hashes = if own_hash == receipt.hash { "yes" } else { "no" };
    let is_sealed = wait::until("the receipt's place in the audit", async || {
        let context = stage.resident.context().await?;
        let request = VerifyReceiptRequest { receipt: Some(receipt.clone()) };
        match stage.bills().verify_receipt(context.request(request)).await {
            Ok(answer) => Ok(Some(answer.into_inner().audit_position > 0)),
            // Sealed within a second.
            Err(status) if chassis::error::reason(&status).as_deref() == Some("RECEIPT_NOT_SEALED") => Ok(None),
            Err(status) if status.code() == Code::Unavailable => Ok(None),
            Err(status) => Err(super::callers::refused("VerifyReceipt", &stage.resident, &status)),
        }
    })
    .await?;
    story.check_all(vec![
        Check::equal("receipt over", "189085.85", total),
        Check::equal("receipt hashes to its own hash:", "yes", hashes),
        Check::equal("receipt stands in the audit:", "yes", if is_sealed { "yes" } else { "no" }),
    ]);
    Ok(())
}

/// The referral heard of the stay by event; its care is done.
async fn close(stage: &Stage, story: &mut Story, referral_id: &str) -> Result<Referral> {
    let attended = wait::until("the referral's hearing of the stay", async || {
        let referral = acceptance::get(stage, &stage.hospital, referral_id).await?;
        Ok((referral.state() == ReferralState::Attended).then_some(referral))
    })
    .await?;
    let request = CloseReferralRequest {
        request_id: request_id(),
        referral_id: referral_id.to_owned(),
        version: attended.version,
    };
    let close = async |request| stage.referrals().close_referral(request).await;
    let answer = stage.hospital.call("CloseReferral", request, close).await?;
    let closed = answer.referral.context("a closing without a referral")?;
    story.check("referral", "CLOSED", referral_up::state_word(&closed));
    Ok(closed)
}
