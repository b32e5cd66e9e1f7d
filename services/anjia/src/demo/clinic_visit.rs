//! Step 2: she is seen, the claim is divided at once, and her share goes on her credit line.

use anyhow::{Context, Result};
use proto::anjia::payment::v1::{BillState, CreditLine, GetCreditLineRequest, GrantCreditLineRequest, Payer};
use proto::anjia::scheduling::v1::{Appointment, VisitOutcome};
use proto::convert::{to_money, to_timestamp};
use sha2::{Digest, Sha256};
use types::money::Money;

use super::bills::{self, OwnShare};
use super::calendar::Calendar;
use super::callers::{Stage, request_id};
use super::cast;
use super::claims::{self, Care};
use super::lines;
use super::prices;
use super::story::{Check, Story};
use super::text::yuan;
use super::visits;

const LIMIT_YUAN: i64 = 60_000;
const CREDIT_DAYS: i64 = 365;
/// What a bank would hash is the signed document.
const AGREEMENT: &str = "先诊疗后付费协议（演示）";

pub(crate) async fn walk(
    stage: &Stage,
    story: &mut Story,
    calendar: &Calendar,
    appointment: &Appointment,
) -> Result<CreditLine> {
    story.step(2, "社区就诊，即时结算", "Seen at the clinic, settled at once");
    let line = grant_credit(stage, calendar).await?;
    story.act(&stage.bank, &format!("grants her a medical credit line of {}", yuan(Money::from_fen(LIMIT_YUAN * 100))));

    story.act(&stage.clinic, "checks her in by her electronic credential, and sees her");
    let visit = visits::keep(stage, &stage.clinic, &appointment.appointment_id).await?;
    let visit = visits::end_now(stage, &stage.clinic, &visit, VisitOutcome::Completed).await?;
    story.act(&stage.clinic, "sends the claim, and has its division at once");
    let care = Care {
        title_zh: "家庭医生门诊",
        title_en: "family-doctor visit",
        visit: &visit,
        lines: lines::CLINIC_VISIT,
        quote_id: &appointment.quote_id,
        expected: &[("total", "240.00"), ("fund_total", "216.00"), ("person_total", "24.00")],
    };
    let settlement = claims::divide(stage, story, &stage.clinic, care).await?;
    story.check("differences from the quote", 0, settlement.drift.len());

    story.act(&stage.resident, "puts her 24.00 on the credit line: treated first, paid later");
    let on_credit = OwnShare::Credit(&line.credit_line_id);
    let bill = bills::authorise(stage, &stage.resident, "", &settlement, on_credit).await?;
    story.act(&stage.clinic, "captures the bill");
    let bill = bills::capture(stage, &stage.clinic, &bill).await?;
    story.check_all(vec![
        Check::equal("fund on the bill", "216.00", bills::share_of(&bill, Payer::PooledFund)?),
        Check::equal("credit on the bill", "24.00", bills::share_of(&bill, Payer::Credit)?),
    ]);
    bills::bank_pays(stage, story, &bill).await?;
    let bill = bills::reaches(stage, &stage.clinic, &bill.bill_id, &[BillState::Settled]).await?;
    story.check("bill", "SETTLED", bills::state_word(&bill));
    prices::after_settling(stage, story, &settlement.settlement_id, ["240.00", "216.00", "24.00"]).await?;
    Ok(line)
}

async fn grant_credit(stage: &Stage, calendar: &Calendar) -> Result<CreditLine> {
    let request = GrantCreditLineRequest {
        request_id: request_id(),
        credit_line_id: String::new(),
        national_id: cast::national_id(calendar.birth_date())?.expose().to_owned(),
        name: cast::PATIENT.zh.to_owned(),
        agreement_sha256: hex::encode(Sha256::digest(AGREEMENT)),
        limit: Some(to_money(Money::from_fen(LIMIT_YUAN * 100))),
        until: Some(to_timestamp(calendar.days_ahead(CREDIT_DAYS))),
    };
    let grant = async |request| stage.banking().grant_credit_line(request).await;
    let line = stage.bank.call("GrantCreditLine", request, grant).await?.credit_line;
    line.context("a grant without a credit line")
}

/// Checks what her credit line says of limit, drawn, reserved and left, as she herself sees it.
pub(crate) async fn check_credit(
    stage: &Stage,
    story: &mut Story,
    credit_line_id: &str,
    expected: [&str; 3],
) -> Result<()> {
    let get = async |request| stage.banking().get_credit_line(request).await;
    let request = GetCreditLineRequest { credit_line_id: credit_line_id.to_owned() };
    let line = stage.resident.call("GetCreditLine", request, get).await?.credit_line.context("no credit line")?;
    let found = [("drawn", &line.used), ("reserved", &line.held), ("left", &line.remaining)];
    let mut checks = vec![];
    for ((what, found), expected) in found.into_iter().zip(expected) {
        let found = proto::convert::money(what, found.as_ref())?;
        checks.push(Check::equal(&format!("credit {what}"), expected, found));
    }
    story.check_all(checks);
    Ok(())
}
