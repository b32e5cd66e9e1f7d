//! How places are used, and how many will be wanted.

use chassis::Context;
use chrono::{DateTime, Days, NaiveDate, Utc};
use postgres::Scope;
use types::{
    clock::local_date,
    ids::{DepartmentId, OrganisationId},
};

use super::{Scheduling, get::Whose};
use crate::{
    domain::{
        error::SchedulingError,
        forecast::{self, Expected, Forecast, HISTORY_MAX},
        utilisation::{self, Day},
    },
    store::statistics::{self, Place},
};

/// A forecast, with what is planned.
#[derive(Debug, Clone)]
pub struct Forecasted {
    pub days: Vec<(Expected, u32)>,
    pub forecast: Forecast,
    pub history_days: usize,
}

impl Scheduling {
    pub async fn utilisation(
        &self,
        ctx: &Context,
        organisation: OrganisationId,
        department: Option<DepartmentId>,
        span: (NaiveDate, NaiveDate),
    ) -> Result<Vec<Day>, SchedulingError> {
        ctx.permit(Whose::Providers(organisation))?;
        let span = utilisation::span(span.0, span.1)?;
        self.days(ctx, Place { organisation, department }, span, self.clock.now()).await
    }

    /// Computed apart from the threads that answer calls.
    pub async fn forecast(
        &self,
        ctx: &Context,
        organisation: OrganisationId,
        department: Option<DepartmentId>,
        days: u32,
    ) -> Result<Forecasted, SchedulingError> {
        ctx.permit(Whose::Providers(organisation))?;
        let (place, now) = (Place { organisation, department }, self.clock.now());
        let today = local_date(now);
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let first = statistics::first_day(&mut tx, place).await?;
        tx.commit().await?;
        let first = first.map_or(today, |first| first.max(today - Days::new(HISTORY_MAX)));
        let ahead = usize::try_from(days).unwrap_or(usize::MAX);
        let (past, planned) = if first < today {
            let past = self.days(ctx, place, (first, today - Days::new(1)), now).await?;
            (past, self.days(ctx, place, (today, today + Days::new(u64::from(days.saturating_sub(1)))), now).await?)
        } else {
            (vec![], vec![])
        };
        let history = utilisation::demand(&past).unwrap_or(forecast::Demand { first: today, counts: vec![] });
        let history_days = history.counts.len();
        let computed = tokio::task::spawn_blocking(move || forecast::forecast(&history, ahead)).await;
        let forecast = computed.map_err(|_| SchedulingError::Lost)??;
        let places = planned.iter().map(|day| day.places);
        let days = forecast.days.iter().copied().zip(places).collect();
        Ok(Forecasted { days, forecast, history_days })
    }

    async fn days(
        &self,
        ctx: &Context,
        place: Place,
        span: (NaiveDate, NaiveDate),
        now: DateTime<Utc>,
    ) -> Result<Vec<Day>, SchedulingError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let days = statistics::days(&mut tx, place, span, now).await?;
        tx.commit().await?;
        Ok(days)
    }
}
