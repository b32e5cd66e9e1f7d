//! `StatisticsService`: how places are used, and how many will be wanted.

use chassis::{Context, error::invalid};
use proto::{
    anjia::scheduling::v1::{self as wire, statistics_service_server::StatisticsService},
    convert::{self, FieldError, to_date},
};
use tonic::{Request, Response, Status};

use crate::{
    app::{Forecasted, Scheduling},
    domain::{
        forecast::{Expected, Method, Off},
        holidays::DayKind,
        utilisation::Day,
    },
};

const DAYS_DEFAULT: u32 = 14;
const DAYS_MAX: u32 = 60;

pub(super) struct Statistics(pub(super) Scheduling);

#[tonic::async_trait]
impl StatisticsService for Statistics {
    async fn get_utilisation(
        &self,
        request: Request<wire::GetUtilisationRequest>,
    ) -> Result<Response<wire::GetUtilisationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.get_ref();
        let organisation =
            convert::id("provider_organisation_id", &message.provider_organisation_id).map_err(invalid)?;
        let department = convert::optional_id("department_id", &message.department_id).map_err(invalid)?;
        let from = convert::date("from", message.from.as_ref()).map_err(invalid)?;
        let until = convert::date("until", message.until.as_ref()).map_err(invalid)?;
        let days = self.0.utilisation(&ctx, organisation, department, (from, until)).await?;
        Ok(Response::new(wire::GetUtilisationResponse { days: days.iter().map(to_day).collect() }))
    }

    async fn forecast_demand(
        &self,
        request: Request<wire::ForecastDemandRequest>,
    ) -> Result<Response<wire::ForecastDemandResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.get_ref();
        let organisation =
            convert::id("provider_organisation_id", &message.provider_organisation_id).map_err(invalid)?;
        let department = convert::optional_id("department_id", &message.department_id).map_err(invalid)?;
        let days = days(message.days).map_err(invalid)?;
        let forecasted = self.0.forecast(&ctx, organisation, department, days).await?;
        Ok(Response::new(to_forecast(&forecasted)))
    }
}

fn days(asked: i32) -> Result<u32, FieldError> {
    match u32::try_from(asked) {
        Ok(0) => Ok(DAYS_DEFAULT),
        Ok(days) if days <= DAYS_MAX => Ok(days),
        _ => Err(FieldError::new("days", format!("must be 0 to {DAYS_MAX}"))),
    }
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn to_day(day: &Day) -> wire::UtilisationDay {
    wire::UtilisationDay {
        day: Some(to_date(day.day)),
        places: number(day.places),
        given: number(day.given),
        kept: number(day.kept),
        no_shows: number(day.no_shows),
        walk_ins: number(day.walk_ins),
        refused: number(day.refused),
        waiting: number(day.waiting),
        called: number(day.called),
        wait_median_s: number(day.wait_median_s),
        wait_p90_s: number(day.wait_p90_s),
    }
}

fn to_forecast(forecasted: &Forecasted) -> wire::ForecastDemandResponse {
    wire::ForecastDemandResponse {
        days: forecasted.days.iter().map(|(expected, planned)| to_expected(expected, *planned)).collect(),
        method: to_method(forecasted.forecast.method).into(),
        errors: forecasted.forecast.errors.iter().map(to_error).collect(),
        history_days: i32::try_from(forecasted.history_days).unwrap_or(i32::MAX),
        judged_days: i32::try_from(forecasted.forecast.judged_days).unwrap_or(i32::MAX),
    }
}

fn to_expected(expected: &Expected, planned: u32) -> wire::DemandDay {
    wire::DemandDay {
        day: Some(to_date(expected.day)),
        expected: format!("{:.1}", expected.persons),
        suggested_places: number(expected.suggested_places),
        planned_places: number(planned),
        is_holiday: expected.kind == DayKind::Holiday,
    }
}

fn to_error(off: &Off) -> wire::ForecastError {
    wire::ForecastError {
        method: to_method(off.method).into(),
        mae: format!("{:.2}", off.mae),
        wape: format!("{:.3}", off.wape),
    }
}

const fn to_method(method: Method) -> wire::ForecastMethod {
    match method {
        Method::SeasonalNaive => wire::ForecastMethod::SeasonalNaive,
        Method::Weekly => wire::ForecastMethod::Weekly,
        Method::WeeklyAndYearly => wire::ForecastMethod::WeeklyAndYearly,
    }
}
