use chrono::Datelike as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::*;

/// Monday to Sunday.
const WEEKLY: [f64; WEEK] = [60.0, 48.0, 44.0, 42.0, 50.0, 20.0, 12.0];

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Days of this many persons and some chance: `of` says how many are expected.
fn history(first: &str, days: usize, seed: u64, of: impl Fn(NaiveDate) -> f64) -> Demand {
    let mut random = StdRng::seed_from_u64(seed);
    let first = day(first);
    let mut count = |index: usize| {
        let expected = of(first + Days::new(index as u64));
        (expected + random.random_range(-0.15..0.15) * expected).round().max(0.0) as u32
    };
    Demand { first, counts: (0..days).map(&mut count).collect() }
}

fn usual(day: NaiveDate) -> f64 {
    WEEKLY[day.weekday().num_days_from_monday() as usize]
}

fn of(forecast: &Forecast, method: Method) -> Off {
    *forecast.errors.iter().find(|off| off.method == method).unwrap()
}

#[test]
fn sc_13_smoothing_comes_to_the_published_level() {
    // Hyndman and Athanasopoulos, Forecasting: Principles and Practice (2nd ed.), 7.1: oil production of Saudi Arabia 1996 to 2013.
    let oil = [
        445.36, 453.20, 454.41, 422.38, 456.04, 440.39, 425.19, 486.21, 500.43, 521.28, 508.95, 488.89, 509.87, 456.72,
        473.82, 525.95, 549.83, 542.34,
    ];
    let (level, _) = smoothed(&oil, 446.5868, 0.8339);
    assert!((level - 542.68).abs() < 0.01, "{level}");
}

#[test]
fn sc_13_a_week_is_learnt_and_less_wrong_than_the_week_before() {
    // No holiday from here on is announced.
    let demand = history("2030-01-07", 140, 7, usual);
    let said = forecast(&demand, 14).unwrap();
    assert_eq!(said.method, Method::Weekly);
    let (naive, weekly) = (of(&said, Method::SeasonalNaive), of(&said, Method::Weekly));
    assert!(weekly.mae < naive.mae && weekly.wape < naive.wape, "{naive:?} {weekly:?}");
    assert!(weekly.wape < 0.12, "{weekly:?}");
    assert_eq!(said.days.len(), 14);
    for expected in &said.days {
        let usual = usual(expected.day);
        assert!((expected.persons - usual).abs() < 0.2 * usual + 2.0, "{expected:?}, usually {usual}");
        assert!(f64::from(expected.suggested_places) >= expected.persons);
    }
    assert_eq!(said.days[0].day, day("2030-01-07") + Days::new(140));
}

#[test]
fn sc_13_the_year_is_learnt_once_two_are_known() {
    let winter = |day: NaiveDate| usual(day) * if [12, 1, 2].contains(&day.month()) { 2.0 } else { 1.0 };
    let demand = history("2030-01-07", 2 * YEAR + 8 * WEEK, 3, winter);
    let said = forecast(&demand, 7).unwrap();
    assert_eq!(said.errors.len(), 3);
    assert!(forecast(&demand.until(2 * YEAR), 7).unwrap().errors.len() == 2, "a year is judged where two lie before");
}

#[test]
fn sc_13_holidays_do_not_spoil_the_week_and_are_forecast_apart() {
    let closed = |day: NaiveDate| match DayKind::of(day) {
        DayKind::Holiday => usual(day) * 0.2,
        DayKind::MadeUp => 50.0,
        DayKind::Ordinary => usual(day),
    };
    // Ends the day before the holiday of October 2025, of which eight days and one made-up Saturday follow.
    let demand = history("2025-01-06", 268, 11, closed);
    assert_eq!(demand.day(268), day("2025-10-01"));
    let said = forecast(&demand, 14).unwrap();
    assert_eq!(said.method, Method::Weekly);
    for expected in &said.days {
        let right = closed(expected.day);
        assert!((expected.persons - right).abs() < 0.35 * right + 3.0, "{expected:?}, not {right}");
    }
    let kinds: Vec<DayKind> = said.days.iter().map(|expected| expected.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == DayKind::Holiday).count(), 8);
    assert_eq!(kinds[10], DayKind::MadeUp);
}

#[test]
fn sc_13_where_nothing_is_to_be_learnt_the_week_before_is_said_again() {
    let nobody = Demand { first: day("2030-01-07"), counts: vec![0; 70] };
    let said = forecast(&nobody, 7).unwrap();
    assert_eq!(said.method, Method::SeasonalNaive);
    assert!(said.days.iter().all(|expected| expected.persons == 0.0 && expected.suggested_places == 0));
    assert_eq!(of(&said, Method::SeasonalNaive), Off { method: Method::SeasonalNaive, mae: 0.0, wape: 0.0 });
    let few = Demand { counts: vec![3; HISTORY_MIN - 1], ..nobody };
    let refused = forecast(&few, 7);
    assert!(matches!(refused, Err(SchedulingError::HistoryTooShort { days: 55, needed: HISTORY_MIN })), "{refused:?}");
}

#[test]
fn sc_13_the_margin_is_what_four_in_five_days_needed() {
    let seen: Vec<(f64, f64)> = (0..10).map(|more| (20.0, 20.0 + f64::from(more))).collect();
    assert!((margin(&seen) - 8.0).abs() < f64::EPSILON);
    assert!(margin(&[]).abs() < f64::EPSILON && margin(&[(5.0, 1.0)]).abs() < f64::EPSILON);
    let off = off(Method::Weekly, &[(10.0, 8.0), (10.0, 14.0)]);
    assert!((off.mae - 3.0).abs() < 1e-9 && (off.wape - 6.0 / 22.0).abs() < 1e-9);
}
