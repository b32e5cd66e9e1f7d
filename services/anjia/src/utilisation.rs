//! `anjia utilisation`: how a provider's places are used, how long people wait, and what will be wanted.

mod chart;
mod page;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use chrono::{Days, NaiveDate};
use devstack::callers;
use proto::anjia::scheduling::v1::statistics_service_client::StatisticsServiceClient;
use proto::anjia::scheduling::v1::{
    ForecastDemandRequest, ForecastDemandResponse, ForecastMethod, GetUtilisationRequest, UtilisationDay,
};
use proto::convert::{self, to_date};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use types::clock::{Clock as _, SystemClock, local_date};

use crate::{Root, login, print, refused};

/// How a provider's places are used.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Report(ReportArgs),
}

/// Write a report: `utilisation.html` to read, with charts, and `utilisation.json` for programs. It names no person.
#[derive(Debug, clap::Args)]
struct ReportArgs {
    /// How many days back.
    #[arg(long, default_value = "28", value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// How many days ahead.
    #[arg(long, default_value = "14", value_parser = clap::value_parser!(u16).range(1..=60))]
    ahead: u16,
    /// Provider; the caller's clinic if not said.
    #[arg(long, default_value_t = callers::CLINIC.to_string())]
    provider: String,
    /// Department; all if not said.
    #[arg(long, default_value = "")]
    department: String,
    /// Folder to write into; made if it is not there.
    #[arg(long)]
    out: PathBuf,
    /// Who asks, as `anjia token` knows them.
    #[arg(long = "as", default_value = "clinic", value_name = "CALLER")]
    caller: String,
    #[command(flatten)]
    root: Root,
}

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) provider: String,
    pub(crate) days: Vec<Day>,
    /// None where too little is known.
    pub(crate) forecast: Option<Forecast>,
}

/// A day that was.
#[derive(Debug, Clone)]
pub(crate) struct Day {
    pub(crate) day: NaiveDate,
    pub(crate) used: UtilisationDay,
}

#[derive(Debug)]
pub(crate) struct Forecast {
    pub(crate) days: Vec<Ahead>,
    pub(crate) method: &'static str,
    /// Method, mean absolute error, weighted percentage error.
    pub(crate) errors: Vec<(&'static str, String, String)>,
    pub(crate) history_days: i32,
    /// How many days ahead the errors are of.
    pub(crate) judged_days: i32,
}

/// A day to come.
#[derive(Debug, Clone)]
pub(crate) struct Ahead {
    pub(crate) day: NaiveDate,
    pub(crate) expected: Decimal,
    pub(crate) suggested: i32,
    pub(crate) planned: i32,
    pub(crate) is_holiday: bool,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let Command::Report(args) = &args.command;
    let record = args.root.mesh()?;
    let report = gather(&record, args, local_date(SystemClock.now())).await?;
    fs::create_dir_all(&args.out)?;
    fs::write(args.out.join("utilisation.html"), page::render(&report))?;
    fs::write(args.out.join("utilisation.json"), serde_json::to_string_pretty(&as_json(&report))?)?;
    print(&format!("{} days: {}", report.days.len(), args.out.join("utilisation.html").display()))?;
    Ok(ExitCode::SUCCESS)
}

async fn gather(record: &devstack::MeshRecord, args: &ReportArgs, today: NaiveDate) -> Result<Report> {
    let (everybody, context) = login::context(record, &args.caller, None).await?;
    let url = &record.services.get("scheduling").context("scheduling is not up")?.url;
    let mut statistics = StatisticsServiceClient::new(everybody.channel("scheduling", url)?);
    let first = today.checked_sub_days(Days::new(u64::from(args.days) - 1)).context("no such day")?;
    let (provider, department) = (args.provider.clone(), args.department.clone());
    let asked = GetUtilisationRequest {
        provider_organisation_id: provider.clone(),
        department_id: department.clone(),
        from: Some(to_date(first)),
        until: Some(to_date(today)),
    };
    let used =
        statistics.get_utilisation(context.request(asked)).await.map_err(|status| refused(&status))?.into_inner().days;
    let asked = ForecastDemandRequest {
        provider_organisation_id: provider.clone(),
        department_id: department,
        days: args.ahead.into(),
    };
    let forecast = match statistics.forecast_demand(context.request(asked)).await {
        Ok(told) => Some(forecast(told.into_inner())?),
        Err(status) if chassis::error::reason(&status).as_deref() == Some("HISTORY_TOO_SHORT") => None,
        Err(status) => return Err(status.into()),
    };
    let day = |used: UtilisationDay| anyhow::Ok(Day { day: date(used.day.as_ref())?, used });
    Ok(Report { provider, days: used.into_iter().map(day).collect::<Result<_>>()?, forecast })
}

fn date(day: Option<&proto::google::r#type::Date>) -> Result<NaiveDate> {
    convert::date("day", day).map_err(|error| anyhow!("{error:?}"))
}

fn forecast(told: ForecastDemandResponse) -> Result<Forecast> {
    let method = words(told.method());
    let errors = told.errors.into_iter().map(|error| (words(error.method()), error.mae, error.wape)).collect();
    let days = told.days.into_iter().map(|ahead| {
        Ok(Ahead {
            day: date(ahead.day.as_ref())?,
            expected: ahead.expected.parse()?,
            suggested: ahead.suggested_places,
            planned: ahead.planned_places,
            is_holiday: ahead.is_holiday,
        })
    });
    let (history_days, judged_days) = (told.history_days, told.judged_days);
    Ok(Forecast { days: days.collect::<Result<_>>()?, method, errors, history_days, judged_days })
}

const fn words(method: ForecastMethod) -> &'static str {
    match method {
        ForecastMethod::Unspecified => "—",
        ForecastMethod::SeasonalNaive => "上周同日 the same day of the week before",
        ForecastMethod::Weekly => "按周分解 by the week (MSTL)",
        ForecastMethod::WeeklyAndYearly => "按周与按年分解 by the week and the year (MSTL)",
    }
}

fn as_json(report: &Report) -> Value {
    let days = report.days.iter().map(|Day { day, used }| {
        json!({
            "day": day, "places": used.places, "given": used.given, "kept": used.kept, "no_shows": used.no_shows,
            "walk_ins": used.walk_ins, "refused": used.refused, "waiting": used.waiting, "called": used.called,
            "wait_median_s": used.wait_median_s, "wait_p90_s": used.wait_p90_s,
        })
    });
    let forecast = report.forecast.as_ref().map(|forecast| {
        let ahead = |ahead: &Ahead| {
            json!({
                "day": ahead.day, "expected": ahead.expected, "suggested_places": ahead.suggested,
                "planned_places": ahead.planned, "is_holiday": ahead.is_holiday,
            })
        };
        let error =
            |(method, mae, wape): &(&str, String, String)| json!({ "method": method, "mae": mae, "wape": wape });
        json!({
            "method": forecast.method, "history_days": forecast.history_days, "judged_days": forecast.judged_days,
            "errors": forecast.errors.iter().map(error).collect::<Value>(),
            "days": forecast.days.iter().map(ahead).collect::<Value>(),
        })
    });
    json!({ "provider": report.provider, "days": days.collect::<Value>(), "forecast": forecast })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(has_forecast: bool) -> Report {
        let day = |number: u32| NaiveDate::from_ymd_opt(2026, 3, number).unwrap();
        let used = |places, given| UtilisationDay { places, given, kept: given - 1, no_shows: 1, ..Default::default() };
        let ahead = |number, expected: &str, planned| Ahead {
            day: day(number),
            expected: expected.parse().unwrap(),
            suggested: 48,
            planned,
            is_holiday: number == 5,
        };
        let forecast = Forecast {
            days: vec![ahead(4, "41.5", 40), ahead(5, "8.0", 0)],
            method: words(ForecastMethod::Weekly),
            errors: vec![(words(ForecastMethod::SeasonalNaive), "5.10".to_owned(), "0.131".to_owned())],
            history_days: 140,
            judged_days: 14,
        };
        Report {
            provider: callers::CLINIC.to_string(),
            days: vec![Day { day: day(2), used: used(40, 37) }, Day { day: day(3), used: used(0, 1) }],
            forecast: has_forecast.then_some(forecast),
        }
    }

    #[test]
    fn sc_13_the_report_reads_in_two_languages_with_charts_and_loads_nothing() {
        let page = page::render(&report(true));
        for text in ["号源使用", "Places", "41.5", "5.10", "0.131", "<svg", "03-05", "92"] {
            assert!(page.contains(text), "{text}");
        }
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
        assert!(page::render(&report(false)).contains("历史不足"));
    }

    #[test]
    fn sc_13_charts_have_room_for_days_without_places_and_for_no_days() {
        let drawn = chart::used(&report(true).days).into_string();
        assert_eq!(drawn.matches("<rect").count(), 6, "places, given and walk-ins of two days");
        assert!(!drawn.contains("height=\"-") && !drawn.contains("NaN"));
        assert!(chart::used(&[]).into_string().is_empty() && chart::ahead(&[]).into_string().is_empty());
        let ahead = chart::ahead(&report(true).forecast.unwrap().days).into_string();
        assert!(ahead.contains("<polyline"));
    }

    /// Heights of the columns of one class, in the order of the days.
    fn heights(drawn: &str, class: &str) -> Vec<i64> {
        let of_class = drawn.split("<rect ").filter(|it| it.contains(&format!("class=\"{class}\"")));
        let height = |rect: &str| rect.split("height=\"").nth(1)?.split('"').next()?.parse().ok();
        of_class.map(|rect| height(rect).unwrap()).collect()
    }

    fn came(number: u32, [kept, no_shows]: [i32; 2], [called, wait_median_s, wait_p90_s]: [i32; 3]) -> Day {
        let used = UtilisationDay { kept, no_shows, called, wait_median_s, wait_p90_s, ..Default::default() };
        Day { day: NaiveDate::from_ymd_opt(2026, 3, number).unwrap(), used }
    }

    #[test]
    fn sc_13_waits_and_no_shows_have_charts_in_proportion() {
        let days =
            [came(2, [30, 10], [5, 600, 2_400]), came(3, [15, 0], [0, 999, 999]), came(4, [0, 40], [9, 0, 1_200])];
        let missed = chart::missed(&days).into_string();
        assert!(missed.contains("No") || missed.contains("爽约"), "it says what it shows");
        // As high as the chart goes: the 40 of the last day.
        let [whole, quarter, three_quarters] = [132, 33, 99];
        assert_eq!(heights(&missed, "missed"), [quarter, 0, whole]);
        assert_eq!(heights(&missed, "kept"), [three_quarters, 50, 0]);
        let waits = chart::waits(&days).into_string();
        assert_eq!(heights(&waits, "p90"), [whole, 0, whole / 2], "nobody was called on the second day");
        assert_eq!(heights(&waits, "median"), [quarter, 0, 0]);
        assert!(waits.contains("<title>40</title>"), "in minutes: {waits}");
        assert!(waits.contains("03-02") && waits.contains("03-04"));
        assert!(chart::missed(&[]).into_string().is_empty() && chart::waits(&[]).into_string().is_empty());
        assert!(chart::waits(&[came(2, [1, 1], [0, 0, 0])]).into_string().is_empty(), "nobody waited");

        let page = page::render(&Report { days: days.to_vec(), ..report(false) });
        assert_eq!(page.matches("<svg").count(), 3, "use, no-shows and waits");
        assert!(page.contains("爽约率 53%"), "50 of 95");
        assert_eq!(
            page::render(&report(true)).matches("<svg").count(),
            3,
            "use, no-shows and the forecast: nobody was called"
        );
    }

    #[test]
    fn sc_13_the_report_is_data_as_well() {
        let data = as_json(&report(true));
        assert_eq!(data["days"][0]["given"], 37);
        assert_eq!(data["forecast"]["days"][1]["is_holiday"], true);
        assert_eq!(as_json(&report(false))["forecast"], Value::Null);
    }
}
