//! How many will want to be seen, from how many did (SC-13). Decomposed by the week, and by the year where two are known (MSTL, Bandara et
//! al. 2021), with exponential smoothing of what remains; used only where it was less wrong on past days, as far ahead as is asked, than the same
//! day of the week before. How far off it is, is said of the weeks after those by which it was chosen. Holidays are kept out of what is learnt about weeks and have a factor of their own.

#![expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "estimates of how many people come: no money, and shown with their error"
)]

use std::borrow::Cow;

use augurs_core::{Fit as _, Forecast as Points, Predict as _};
use augurs_mstl::{FittedTrendModel, MSTLModel, TrendModel};
use chrono::{Days, NaiveDate};

use super::{
    error::SchedulingError,
    holidays::{DayKind, is_weekend},
};

/// Fewer days say nothing about weeks.
pub const HISTORY_MIN: usize = 56;
/// More add nothing.
pub const HISTORY_MAX: u64 = 3 * 365;
const WEEK: usize = 7;
const YEAR: usize = 365;
/// A method is chosen by forecasts from so many past weeks,
const CHOOSING_MAX: usize = 8;
/// the year by so many at least,
const YEARLY_CHOOSING_MIN: usize = 4;
/// and judged by those from so many later ones,
const JUDGING_MAX: usize = 4;
/// each from so many days at least.
const TRAINED_MIN: usize = 28;
/// Fewer holidays say nothing about holidays.
const SPECIAL_MIN: usize = 3;
/// How fast the level follows what was seen, in hundredths: the one that would have been least wrong is taken.
const SMOOTHINGS: [u8; 8] = [2, 5, 10, 15, 20, 30, 40, 50];
/// Four in five days the places suggested would have been enough.
const ENOUGH: (usize, usize) = (4, 5);

/// Persons, day by day, without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    pub first: NaiveDate,
    pub counts: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As on the same day of the week before.
    SeasonalNaive,
    Weekly,
    WeeklyAndYearly,
}

/// How far off a method was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Off {
    pub method: Method,
    /// Mean absolute error, in persons a day.
    pub mae: f64,
    /// Sum of absolute errors by sum of demand.
    pub wape: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    pub day: NaiveDate,
    pub kind: DayKind,
    pub persons: f64,
    pub suggested_places: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    pub days: Vec<Expected>,
    /// The one that was least wrong before the days that `errors` are of.
    pub method: Method,
    pub errors: Vec<Off>,
    /// How many days ahead the forecasts reached that `errors` are of.
    pub judged_days: usize,
}

impl Demand {
    fn day(&self, index: usize) -> NaiveDate {
        self.first + Days::new(index as u64)
    }

    fn until(&self, days: usize) -> Self {
        Self { first: self.first, counts: self.counts.iter().copied().take(days).collect() }
    }

    fn values(&self) -> Vec<f64> {
        self.counts.iter().copied().map(f64::from).collect()
    }
}

impl Method {
    const ALL: [Self; 3] = [Self::SeasonalNaive, Self::Weekly, Self::WeeklyAndYearly];
    const OF_WEEKS: [Self; 2] = [Self::SeasonalNaive, Self::Weekly];

    const fn needs(self) -> usize {
        match self {
            Self::SeasonalNaive => WEEK,
            Self::Weekly => TRAINED_MIN,
            Self::WeeklyAndYearly => 2 * YEAR,
        }
    }

    fn predict(self, demand: &Demand, days: usize) -> Result<Vec<f64>, SchedulingError> {
        let periods = match self {
            Self::SeasonalNaive => return Ok(repeated(&demand.values(), days)),
            Self::Weekly => vec![WEEK],
            Self::WeeklyAndYearly => vec![WEEK, YEAR],
        };
        let calendar = Calendar::learn(demand);
        let fitted = MSTLModel::new(periods, Smoothing).fit(&calendar.ordinary).map_err(failed)?;
        let base = fitted.predict(days, None::<f64>).map_err(failed)?.point;
        let first = demand.counts.len();
        Ok(calendar.apply(&base, |ahead| demand.day(first + ahead)))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn failed(error: augurs_mstl::Error) -> SchedulingError {
    SchedulingError::Forecast(error.to_string())
}

/// The last week again and again.
fn repeated(values: &[f64], days: usize) -> Vec<f64> {
    let last = &values[values.len().saturating_sub(WEEK)..];
    last.iter().copied().cycle().take(days).collect()
}

/// What is known of days that are not like others of their week.
struct Calendar {
    /// The history as if there had been none of them.
    ordinary: Vec<f64>,
    /// Demand on a holiday, as a part of what its weekday would have had.
    holiday: f64,
    /// Demand on a weekend day that was made a working day, as a part of that of working days.
    made_up: f64,
}

impl Calendar {
    fn learn(demand: &Demand) -> Self {
        let actual = demand.values();
        let kinds: Vec<DayKind> = (0..actual.len()).map(|index| DayKind::of(demand.day(index))).collect();
        let is_ordinary = |index: &usize| kinds.get(*index) == Some(&DayKind::Ordinary);
        let instead = |index: usize| {
            let before = (1..=index / WEEK).map(|weeks| index - weeks * WEEK).find(is_ordinary);
            let after = || (index + WEEK..actual.len()).step_by(WEEK).find(is_ordinary);
            before.or_else(after).map_or(actual[index], |other| actual[other])
        };
        let ordinary: Vec<f64> =
            (0..actual.len()).map(|index| if is_ordinary(&index) { actual[index] } else { instead(index) }).collect();
        let working: Vec<f64> = (0..actual.len())
            .filter(|index| is_ordinary(index) && !is_weekend(demand.day(*index)))
            .map(|index| actual[index])
            .collect();
        let working = mean(&working);
        let of_kind = |kind: DayKind, usual: &dyn Fn(usize) -> f64| {
            let days: Vec<usize> = (0..actual.len()).filter(|index| kinds[*index] == kind).collect();
            let (seen, usual): (f64, f64) =
                days.iter().fold((0.0, 0.0), |(seen, sum), index| (seen + actual[*index], sum + usual(*index)));
            if days.len() < SPECIAL_MIN || usual <= 0.0 { 1.0 } else { seen / usual }
        };
        Self {
            holiday: of_kind(DayKind::Holiday, &|index| ordinary[index]),
            made_up: of_kind(DayKind::MadeUp, &|_| working),
            ordinary,
        }
    }

    /// A forecast as if no day were special, with those that are.
    fn apply(&self, base: &[f64], day: impl Fn(usize) -> NaiveDate) -> Vec<f64> {
        let around = |index: usize| {
            let near = index.saturating_sub(WEEK)..(index + WEEK).min(base.len());
            let working: Vec<f64> =
                near.filter(|other| !is_weekend(day(*other))).filter_map(|other| base.get(other).copied()).collect();
            mean(&working)
        };
        let with = |(index, value): (usize, &f64)| match DayKind::of(day(index)) {
            DayKind::Ordinary => *value,
            DayKind::Holiday => value * self.holiday,
            DayKind::MadeUp => around(index) * self.made_up,
        };
        base.iter().enumerate().map(with).map(|value| value.max(0.0)).collect()
    }
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / count(values.len()) }
}

fn count(length: usize) -> f64 {
    f64::from(u32::try_from(length).unwrap_or(u32::MAX))
}

/// Simple exponential smoothing: the level goes on.
#[derive(Debug)]
struct Smoothing;

/// The level after these values, and the sum of squared errors on the way to it.
fn smoothed(values: &[f64], begin: f64, share: f64) -> (f64, f64) {
    values.iter().fold((begin, 0.0), |(level, squares), value| {
        let error = value - level;
        (level + share * error, squares + error * error)
    })
}

type Failure = Box<dyn std::error::Error + Send + Sync + 'static>;

impl TrendModel for Smoothing {
    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed("simple exponential smoothing")
    }

    fn fit(&self, values: &[f64]) -> Result<Box<dyn FittedTrendModel + Sync + Send>, Failure> {
        let begin = mean(&values[..values.len().min(WEEK)]);
        let tried = SMOOTHINGS.map(|share| smoothed(values, begin, f64::from(share) / 100.0));
        let best = tried.into_iter().min_by(|(_, one), (_, other)| one.total_cmp(other));
        Ok(Box::new(Level(best.map_or(begin, |(level, _)| level))))
    }
}

#[derive(Debug)]
struct Level(f64);

impl FittedTrendModel for Level {
    fn predict_inplace(&self, horizon: usize, _: Option<f64>, points: &mut Points) -> Result<(), Failure> {
        points.point = vec![self.0; horizon];
        Ok(())
    }

    fn predict_in_sample_inplace(&self, _: Option<f64>, _: &mut Points) -> Result<(), Failure> {
        Err("only what is to come is asked for".into())
    }

    fn training_data_size(&self) -> Option<usize> {
        None
    }
}

/// From which past days forecasts are made to be judged: each reaches as many days ahead as is asked for, or as many as the history has room
/// for twice, once to choose a method by and once, later, to say how far off the one that was chosen is.
#[derive(Debug, PartialEq, Eq)]
struct Backtest {
    /// Days that each reaches ahead.
    reach: usize,
    /// By these a method is chosen. None of them reaches into the days by which it is judged.
    choosing: Vec<usize>,
    judging: Vec<usize>,
}

impl Backtest {
    /// One week apart, the latest first; none where a method that needs so many days has too few to be chosen by.
    fn of(history: usize, ahead: usize, needs: usize, choosing_min: usize) -> Option<Self> {
        let room = history.checked_sub(needs)?;
        let reach = ahead.min(room / 2);
        if reach == 0 {
            return None;
        }
        let weeks = (room - 2 * reach) / WEEK;
        let judging = (weeks / 2).min(JUDGING_MAX - 1) + 1;
        let choosing = (weeks + 1 - (judging - 1)).min(CHOOSING_MAX);
        let back = |latest: usize, count: usize| (0..count).map(|week| latest - week * WEEK).collect::<Vec<_>>();
        let judging = back(history - reach, judging);
        let first_judged = judging.last().copied().unwrap_or_default();
        let choosing = back(first_judged - reach, choosing);
        (choosing.len() >= choosing_min).then_some(Self { reach, choosing, judging })
    }
}

/// What would have been said on past days, beside what came.
fn replayed(
    method: Method,
    demand: &Demand,
    origins: &[usize],
    reach: usize,
) -> Result<Vec<(f64, f64)>, SchedulingError> {
    let mut seen = vec![];
    for origin in origins {
        let said = method.predict(&demand.until(*origin), reach)?;
        let came = demand.counts.iter().skip(*origin).map(|count| f64::from(*count));
        seen.extend(said.into_iter().zip(came));
    }
    Ok(seen)
}

fn off(method: Method, seen: &[(f64, f64)]) -> Off {
    let sum: f64 = seen.iter().map(|(said, came)| (came - said).abs()).sum();
    let total: f64 = seen.iter().map(|(_, came)| came).sum();
    let wape = if total > 0.0 { sum / total } else { 0.0 };
    Off { method, mae: if seen.is_empty() { 0.0 } else { sum / count(seen.len()) }, wape }
}

/// How many more than expected came on four in five days, at most.
fn margin(seen: &[(f64, f64)]) -> f64 {
    let mut more: Vec<f64> = seen.iter().map(|(said, came)| came - said).collect();
    more.sort_by(f64::total_cmp);
    let (times, of) = ENOUGH;
    more.get((more.len() * times / of).min(more.len().saturating_sub(1))).copied().unwrap_or(0.0).max(0.0)
}

/// The days after the history, by the method that was least wrong on past ones, as far ahead as these.
pub fn forecast(demand: &Demand, days: usize) -> Result<Forecast, SchedulingError> {
    if demand.counts.len() < HISTORY_MIN {
        return Err(SchedulingError::HistoryTooShort { days: demand.counts.len(), needed: HISTORY_MIN });
    }
    // All methods are tried on the same days, so the year is in the race only where enough lie before all of them.
    let whole = demand.counts.len();
    let yearly = Backtest::of(whole, days, Method::WeeklyAndYearly.needs(), YEARLY_CHOOSING_MIN);
    let (methods, backtest) = match yearly {
        Some(backtest) => (Method::ALL.as_slice(), backtest),
        None => (
            Method::OF_WEEKS.as_slice(),
            Backtest::of(whole, days, TRAINED_MIN, 1)
                .ok_or(SchedulingError::HistoryTooShort { days: whole, needed: HISTORY_MIN })?,
        ),
    };
    let Backtest { reach, choosing, judging } = backtest;
    let mut tried = vec![];
    for method in methods {
        let chosen_by = replayed(*method, demand, &choosing, reach)?;
        let judged_by = replayed(*method, demand, &judging, reach)?;
        tried.push((off(*method, &chosen_by), off(*method, &judged_by), [chosen_by, judged_by].concat()));
    }
    // The first of equals is the simplest.
    let best = tried.iter().min_by(|(one, ..), (other, ..)| one.mae.total_cmp(&other.mae));
    let (method, margin) = best.map_or((Method::SeasonalNaive, 0.0), |(off, _, seen)| (off.method, margin(seen)));
    let expected = method.predict(demand, days)?.into_iter().enumerate().map(|(ahead, persons)| {
        let day = demand.day(whole + ahead);
        Expected { day, kind: DayKind::of(day), persons, suggested_places: (persons + margin).ceil() as u32 }
    });
    let errors = tried.into_iter().map(|(_, off, _)| off).collect();
    Ok(Forecast { days: expected.collect(), method, errors, judged_days: reach })
}

#[cfg(test)]
#[path = "forecast_tests.rs"]
mod tests;
