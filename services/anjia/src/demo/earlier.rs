//! Step 0: earlier care of the same year, reported late. It fills the outpatient deductible and uses part of the year's ceiling.

use anyhow::Result;
use proto::anjia::common::v1::CareKind;
use proto::anjia::payment::v1::BillState;
use proto::anjia::scheduling::v1::{Visit, VisitOutcome};
use types::clock::local_date;

use super::bills::{self, OwnShare};
use super::calendar::{Calendar, Span};
use super::callers::{Caller, Stage};
use super::claims::{self, Care};
use super::lines;
use super::story::Story;
use super::visits;

pub(crate) async fn walk(stage: &Stage, story: &mut Story, calendar: &Calendar) -> Result<()> {
    story.step(0, "今年早些时候（补报）", "Earlier this year, reported late");
    let when = calendar.earlier_visit();
    story.act(&stage.clinic, &format!("reports her visit of {}", days(when)));
    let visit = visits::earlier(stage, &stage.clinic, CareKind::Outpatient, when, VisitOutcome::Completed).await?;
    let care = Care {
        title_zh: "社区门诊",
        title_en: "community clinic",
        visit: &visit,
        lines: lines::EARLIER_VISIT,
        quote_id: "",
        expected: &[
            ("total", "1300.00"),
            ("deductible", "1300.00"),
            ("fund_total", "0.00"),
            ("person_total", "1300.00"),
        ],
    };
    settle(stage, story, &stage.clinic, care).await?;

    let when = calendar.earlier_stay();
    story.act(&stage.hospital, &format!("reports her stay of {}", days(when)));
    let stay: Visit =
        visits::earlier(stage, &stage.hospital, CareKind::Inpatient, when, VisitOutcome::Discharged).await?;
    let care = Care {
        title_zh: "三级医院住院",
        title_en: "stay at a tertiary hospital",
        visit: &stay,
        lines: lines::EARLIER_STAY,
        quote_id: "",
        expected: &[
            ("in_scope", "10355.48"),
            ("deductible", "1300.00"),
            ("fund_total", "8240.49"),
            ("person_total", "2114.99"),
        ],
    };
    settle(stage, story, &stage.hospital, care).await
}

/// She pays at the desk, so no bank is waited for.
async fn settle(stage: &Stage, story: &mut Story, provider: &Caller, care: Care<'_>) -> Result<()> {
    let settlement = claims::divide(stage, story, provider, care).await?;
    let bill = bills::authorise(stage, provider, "", &settlement, OwnShare::Desk).await?;
    bills::capture(stage, provider, &bill).await?;
    let bill = bills::reaches(stage, provider, &bill.bill_id, &[BillState::Settled]).await?;
    story.check("bill, paid at the desk,", "SETTLED", bills::state_word(&bill));
    Ok(())
}

fn days(span: Span) -> String {
    let (from, until) = (local_date(span.from), local_date(span.until));
    if from == until { from.to_string() } else { format!("{from} to {until}") }
}
