//! `anjia fund`: what the funds of a region received and paid, and what audit found, to be published.

mod chart;
mod page;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, ensure};
use chassis::Context;
use chassis::channel::Channel;
use chrono::{Datelike as _, Days, NaiveDate};
use proto::anjia::adjudication::v1::inspection_service_client::InspectionServiceClient;
use proto::anjia::adjudication::v1::supervision_service_client::SupervisionServiceClient;
use proto::anjia::adjudication::v1::{
    Assessment, FundMonth, GetFundRequest, GetOutliersRequest, GetRulePrecisionRequest, GetRulesRequest,
    ListAssessmentsRequest, Outlier, OutlierSubject, RulePrecision, RuleStanding,
};
use proto::anjia::common::v1::PageRequest;
use proto::convert::{self, to_date};
use serde_json::{Value, json};
use types::clock::{Clock as _, SystemClock, local_date};
use types::money::Money;

use crate::{Root, login, print, refused};

/// The funds of a region.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Report(ReportArgs),
}

/// Write the report of a year: `fund.html` to read, with charts, and `fund.json` for programs. It names no person.
#[derive(Debug, clap::Args)]
struct ReportArgs {
    /// Calendar year; this year if not said.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1850..=2200))]
    year: Option<i32>,
    /// Folder to write into; made if it is not there.
    #[arg(long)]
    out: PathBuf,
    /// Who asks, as `anjia token` knows them.
    #[arg(long = "as", default_value = "insurer-proposer", value_name = "CALLER")]
    caller: String,
    #[command(flatten)]
    root: Root,
}

/// A year of a region's funds.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) region: String,
    pub(crate) year: i32,
    pub(crate) months: Vec<Month>,
    pub(crate) precision: Vec<RulePrecision>,
    /// Checked, not configured and not decidable rules.
    pub(crate) rules: [usize; 3],
    pub(crate) outliers: Vec<Outlier>,
    /// Of contract years; the last one of each provider.
    pub(crate) assessments: Vec<Assessment>,
}

/// A scheme's month, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Month {
    pub(crate) scheme: &'static str,
    pub(crate) first_day: NaiveDate,
    pub(crate) income: Money,
    pub(crate) paid: Money,
    pub(crate) own: Money,
    pub(crate) withheld: Money,
    pub(crate) cut: Money,
    pub(crate) balance: Money,
    pub(crate) settlements: i64,
    pub(crate) persons: i64,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let Command::Report(args) = &args.command;
    let record = args.root.mesh()?;
    let today = local_date(SystemClock.now());
    let report = gather(&record, args, today).await?;
    fs::create_dir_all(&args.out)?;
    fs::write(args.out.join("fund.html"), page::render(&report))?;
    fs::write(args.out.join("fund.json"), serde_json::to_string_pretty(&as_json(&report))?)?;
    print(&format!("{} months: {}", report.months.len(), args.out.join("fund.html").display()))?;
    Ok(ExitCode::SUCCESS)
}

async fn gather(record: &devstack::MeshRecord, args: &ReportArgs, today: NaiveDate) -> Result<Report> {
    let year = args.year.unwrap_or_else(|| today.year());
    let first = NaiveDate::from_ymd_opt(year, 1, 1).context("no such year")?;
    let last = NaiveDate::from_ymd_opt(year, 12, 31).context("no such year")?.min(today);
    ensure!(first <= last, "--year {year} has not begun");
    let (everybody, context) = login::context(record, &args.caller, None).await?;
    let url = &record.services.get("adjudication").context("adjudication is not up")?.url;
    let channel = everybody.channel("adjudication", url)?;
    let mut supervision = SupervisionServiceClient::new(channel.clone());
    let mut inspection = InspectionServiceClient::new(channel);

    let asked = GetFundRequest { from: Some(to_date(first)), until: Some(to_date(last)) };
    let fund = supervision.get_fund(context.request(asked)).await.map_err(|status| refused(&status))?.into_inner();
    let asked = GetRulePrecisionRequest { from: Some(to_date(first)), until: Some(to_date(last)) };
    let precision = inspection
        .get_rule_precision(context.request(asked))
        .await
        .map_err(|status| refused(&status))?
        .into_inner()
        .rules;
    let rules = inspection
        .get_rules(context.request(GetRulesRequest {}))
        .await
        .map_err(|status| refused(&status))?
        .into_inner();
    let standing = |wanted: RuleStanding| rules.rules.iter().filter(|rule| rule.standing() == wanted).count();
    let outliers = if rules.rule_book.is_some() {
        let from = last.checked_sub_days(Days::new(90)).unwrap_or(first).max(first);
        let subject = OutlierSubject::Provider.into();
        let asked = GetOutliersRequest { subject, from: Some(to_date(from)), until: Some(to_date(last)) };
        supervision.get_outliers(context.request(asked)).await.map_err(|status| refused(&status))?.into_inner().outliers
    } else {
        vec![]
    };
    let assessments = assessments(&mut supervision, &context, year).await?;
    Ok(Report {
        region: fund.region_code,
        year,
        months: fund.months.iter().map(month).collect::<Result<_>>()?,
        precision,
        rules: [RuleStanding::Checked, RuleStanding::NotConfigured, RuleStanding::NotDecidable].map(standing),
        outliers,
        assessments,
    })
}

async fn assessments(
    supervision: &mut SupervisionServiceClient<Channel>,
    context: &Context,
    year: i32,
) -> Result<Vec<Assessment>> {
    let mut found = vec![];
    let mut page_token = String::new();
    loop {
        let asked = ListAssessmentsRequest { year, page: Some(PageRequest { page_size: 0, page_token }) };
        let answer = supervision.list_assessments(context.request(asked)).await;
        let answer = answer.map_err(|status| refused(&status))?.into_inner();
        found.extend(answer.assessments);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

fn month(month: &FundMonth) -> Result<Month> {
    let money = |field: &str, amount: Option<&proto::google::r#type::Money>| {
        signed(amount).with_context(|| format!("{field} is no amount"))
    };
    let layers = [
        money("pooled_fund", month.pooled_fund.as_ref())?,
        money("large_amount_fund", month.large_amount_fund.as_ref())?,
        money("critical_illness_fund", month.critical_illness_fund.as_ref())?,
        money("assistance_fund", month.assistance_fund.as_ref())?,
    ];
    let paid = layers.into_iter().try_fold(Money::ZERO, Money::checked_add);
    Ok(Month {
        scheme: convert::scheme("scheme", month.scheme).map_err(|error| anyhow!("{error:?}"))?.as_str(),
        first_day: convert::date("month", month.month.as_ref()).map_err(|error| anyhow!("{error:?}"))?,
        income: convert::money("income", month.income.as_ref()).map_err(|error| anyhow!("{error:?}"))?,
        paid: paid.context("more than money can be")?,
        own: money("own_share", month.own_share.as_ref())?,
        withheld: money("withheld", month.withheld.as_ref())?,
        cut: money("cut", month.cut.as_ref())?,
        balance: money("balance", month.balance.as_ref())?,
        settlements: month.settlements,
        persons: month.persons,
    })
}

/// A balance may be a debt, and what was paid in a month is negative where more was taken back in it. Only an income never is.
fn signed(amount: Option<&proto::google::r#type::Money>) -> Option<Money> {
    const NANOS_PER_FEN: i32 = 10_000_000;
    let amount = amount?;
    let fen = amount.units.checked_mul(100)?.checked_add((amount.nanos / NANOS_PER_FEN).into())?;
    Some(Money::from_fen(fen))
}

/// Nobody's name: providers by their number, persons not at all.
fn as_json(report: &Report) -> Value {
    let months = report.months.iter().map(|month| {
        json!({
            "scheme": month.scheme, "month": month.first_day.format("%Y-%m").to_string(), "income": month.income, "paid": month.paid,
            "own": month.own, "withheld": month.withheld, "cut": month.cut, "balance": month.balance,
            "settlements": month.settlements, "persons": month.persons,
        })
    });
    let precision = report.precision.iter().map(|rule| {
        json!({
            "rule": rule.rule, "raised": rule.raised, "decided": rule.decided, "upheld": rule.upheld,
            "precision": (!rule.precision.is_empty()).then_some(&rule.precision),
        })
    });
    let outliers = report.outliers.iter().map(|outlier| {
        json!({
            "provider": outlier.subject_id, "group": outlier.group, "figure": outlier.figure, "median": outlier.median,
            "score": outlier.score,
        })
    });
    let assessments = report.assessments.iter().map(|assessment| {
        let scores = assessment.scores.iter().map(|score| {
            let figure = (!score.figure.is_empty()).then_some(&score.figure);
            json!({ "criterion": score.criterion, "figure": figure, "points": score.points, "points_max": score.points_max })
        });
        json!({
            "provider": assessment.provider_organisation_id, "points": assessment.points, "is_passed": assessment.is_passed,
            "claims": assessment.claims, "scores": scores.collect::<Value>(),
        })
    });
    let [checked, not_configured, not_decidable] = report.rules;
    json!({
        "region": report.region, "year": report.year, "months": months.collect::<Value>(),
        "rules": { "checked": checked, "not_configured": not_configured, "not_decidable": not_decidable },
        "precision": precision.collect::<Value>(), "outliers": outliers.collect::<Value>(),
        "assessments": assessments.collect::<Value>(),
    })
}

#[cfg(test)]
mod tests {
    use proto::anjia::adjudication::v1::AssessmentScore;

    use super::*;

    fn report() -> Report {
        let money = |text: &str| text.parse::<Money>().unwrap();
        let month = |number: u32, income: &str, paid: &str, balance: &str| Month {
            scheme: "EMPLOYEE",
            first_day: NaiveDate::from_ymd_opt(2026, number, 1).unwrap(),
            income: money(income),
            paid: money(paid),
            own: money("10.00"),
            withheld: money("0.00"),
            cut: money("1.50"),
            balance: money(balance),
            settlements: 2,
            persons: 1,
        };
        Report {
            region: "110000".to_owned(),
            year: 2026,
            months: vec![month(1, "100.00", "40.00", "61.50"), month(2, "0.00", "80.00", "-17.00")],
            precision: vec![RulePrecision {
                rule: "N25-014".to_owned(),
                raised: 4,
                decided: 2,
                upheld: 1,
                precision: "0.5".to_owned(),
                ..RulePrecision::default()
            }],
            rules: [3, 70, 18],
            outliers: vec![],
            assessments: vec![Assessment {
                provider_organisation_id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
                year: 2026,
                scores: vec![AssessmentScore {
                    criterion: "READMISSION_RATIO".to_owned(),
                    figure: String::new(),
                    points: "20".to_owned(),
                    points_max: "20".to_owned(),
                }],
                points: "87.5".to_owned(),
                is_passed: true,
                claims: 12,
                assessed_at: None,
            }],
        }
    }

    #[test]
    fn ad_09_the_report_reads_in_two_languages_with_charts_and_loads_nothing() {
        let page = page::render(&report());
        for text in
            ["医保基金", "Fund", "61.50", "-17.00", "N25-014", "<svg", "2026-02", "年度考核", "87.5", "302099a8057"]
        {
            assert!(page.contains(text), "{text}");
        }
        assert!(
            !page.contains("<script") && !page.contains("http://") && !page.contains("https://"),
            "nothing is loaded"
        );
    }

    #[test]
    fn ad_09_a_debt_is_read_as_one() {
        let debt: Money = "-17.05".parse().unwrap();
        assert_eq!(signed(Some(&convert::to_money(debt))), Some(debt));
        assert_eq!(signed(None), None);
    }

    #[test]
    fn ad_09_a_month_in_which_more_was_taken_back_than_paid_is_read() {
        let money = |text: &str| Some(convert::to_money(text.parse::<Money>().unwrap()));
        let told = FundMonth {
            scheme: proto::anjia::common::v1::Scheme::Employee.into(),
            month: Some(to_date(NaiveDate::from_ymd_opt(2026, 3, 1).unwrap())),
            income: money("0.00"),
            pooled_fund: money("-180.00"),
            large_amount_fund: money("0.00"),
            critical_illness_fund: money("-0.05"),
            assistance_fund: money("10.00"),
            own_share: money("-1320.00"),
            withheld: money("-90.50"),
            cut: money("-2.00"),
            balance: money("0.00"),
            settlements: -1,
            persons: 0,
        };
        let read = month(&told).unwrap();
        let amounts = [read.income, read.paid, read.own, read.withheld, read.cut, read.balance];
        assert_eq!(
            amounts.map(|amount| amount.to_string()),
            ["0.00", "-170.05", "-1320.00", "-90.50", "-2.00", "0.00"]
        );
        assert_eq!((read.settlements, read.persons), (-1, 0));
        assert!(month(&FundMonth { income: money("-1.00"), ..told.clone() }).is_err(), "nothing is received back");
        assert!(month(&FundMonth { cut: None, ..told }).is_err());
    }

    #[test]
    fn ad_09_the_report_is_data_as_well() {
        let data = as_json(&report());
        assert_eq!(data["months"][1]["balance"], "-17.00");
        assert_eq!(data["precision"][0]["precision"], "0.5");
        assert_eq!(data["rules"]["not_configured"], 70);
        let assessed = &data["assessments"][0];
        assert_eq!((&assessed["points"], &assessed["is_passed"]), (&json!("87.5"), &json!(true)));
        assert_eq!((&assessed["scores"][0]["points"], &assessed["scores"][0]["figure"]), (&json!("20"), &Value::Null));
    }

    #[test]
    fn ad_09_a_chart_has_room_for_a_debt_and_for_nothing_at_all() {
        let drawn = chart::bars(&report().months.iter().collect::<Vec<_>>()).into_string();
        assert_eq!(drawn.matches("<rect").count(), 4, "income and payment of two months");
        assert!(!drawn.contains("height=\"-") && !drawn.contains("NaN"));
        assert!(chart::bars(&[]).into_string().is_empty());
        let line = chart::balances(&report().months.iter().collect::<Vec<_>>()).into_string();
        assert!(line.contains("<polyline") && !line.contains("NaN"));
    }

    #[test]
    fn ad_09_what_was_taken_back_is_drawn_below_the_line() {
        let mut months = report().months;
        months[0].paid = "-50.00".parse().unwrap();
        months[1].paid = "100.00".parse().unwrap();
        let drawn = chart::bars(&months.iter().collect::<Vec<_>>()).into_string();
        // Of 132 units, 88 stand for the 100 above the line and 44 for the 50 below.
        assert!(drawn.contains("class=\"nothing\" x1=\"24\" y1=\"112\""), "{drawn}");
        assert!(
            drawn.contains("y=\"24\" width=\"98\" height=\"88\"")
                && drawn.contains("y=\"112\" width=\"98\" height=\"44\""),
            "{drawn}"
        );
        months.truncate(1);
        months[0].income = Money::ZERO;
        let drawn = chart::bars(&months.iter().collect::<Vec<_>>()).into_string();
        assert!(drawn.contains("y=\"24\" width=\"197\" height=\"132\""), "nothing but take-backs: {drawn}");
    }
}
