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
    assert_eq!((said.days.len(), said.judged_days), (14, 14));
    for expected in &said.days {
        let usual = usual(expected.day);
        assert!((expected.persons - usual).abs() < 0.2 * usual + 2.0, "{expected:?}, usually {usual}");
        assert!(f64::from(expected.suggested_places) >= expected.persons);
    }
    assert_eq!(said.days[0].day, day("2030-01-07") + Days::new(140));
}

#[test]
fn sc_13_the_year_is_learnt_once_two_are_known() {
    // Most at the end of winter, least at the end of summer, four times as many.
    let seasonal = |day: NaiveDate| {
        let of_year = (f64::from(day.ordinal()) - 60.0) / 365.0;
        usual(day) * (1.0 + 0.6 * (of_year * std::f64::consts::TAU).cos())
    };
    let demand = history("2030-01-07", 3 * YEAR, 3, seasonal);
    let said = forecast(&demand, 42).unwrap();
    assert_eq!((said.method, said.judged_days), (Method::WeeklyAndYearly, 42));
    let [naive, weekly, yearly] = Method::ALL.map(|method| of(&said, method));
    assert!(yearly.mae < 0.75 * weekly.mae && yearly.mae < 0.75 * naive.mae, "{:?}", said.errors);
    assert!(yearly.wape < 0.18, "{yearly:?}");
    let right: f64 = said.days.iter().map(|expected| seasonal(expected.day)).sum();
    let expected: f64 = said.days.iter().map(|expected| expected.persons).sum();
    assert!((expected - right).abs() < 0.15 * right, "{expected}, not {right}");

    let (few, enough) = (demand.until(2 * YEAR + 7 * WEEK - 1), demand.until(2 * YEAR + 7 * WEEK));
    assert_eq!(forecast(&few, WEEK).unwrap().errors.len(), 2, "a year is judged where two lie before");
    assert_eq!(forecast(&enough, WEEK).unwrap().errors.len(), 3);
}

#[test]
fn sc_13_the_error_is_of_days_that_the_choice_has_not_seen_as_far_ahead_as_is_asked() {
    let backtest = Backtest::of(200, 30, TRAINED_MIN, 1).unwrap();
    assert_eq!(backtest.judging, [170, 163, 156, 149]);
    assert_eq!(backtest.choosing, [119, 112, 105, 98, 91, 84, 77, 70]);
    for (history, ahead) in [(56, 1), (56, 14), (56, 60), (70, 14), (100, 60), (1_095, 60)] {
        let Backtest { reach, choosing, judging } = Backtest::of(history, ahead, TRAINED_MIN, 1).unwrap();
        assert_eq!(reach, ahead.min((history - TRAINED_MIN) / 2), "{history} days, {ahead} ahead");
        assert!(judging.iter().all(|origin| origin + reach <= history) && judging[0] + reach == history);
        let first_judged = judging.iter().min().unwrap();
        assert!(choosing.iter().all(|origin| origin + reach <= *first_judged && *origin >= TRAINED_MIN));
    }
    assert_eq!(Backtest::of(TRAINED_MIN + 1, 7, TRAINED_MIN, 1), None);
    assert_eq!(Backtest::of(56, 14, TRAINED_MIN, 2), None, "there is room for one each");

    // A level that breaks away in the last weeks, which no method foresaw: the error says so, whatever was chosen.
    let broke = history("2030-01-07", 200, 5, |day| {
        if day >= self::day("2030-01-07") + Days::new(170) { 3.0 * usual(day) } else { usual(day) }
    });
    let said = forecast(&broke, 30).unwrap();
    assert_eq!(said.method, Method::Weekly, "chosen on the weeks before");
    assert!(of(&said, Method::Weekly).wape > 0.3, "{:?}", said.errors);
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
