//! When things happen. The clock is real, so earlier care falls into what has elapsed of this year, and places are booked soon.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
use types::clock::{local_date, start_of_local_day};

/// The whole journey must fall into one calendar year, places included, because insurance counts by the year.
const ROOM_BEFORE_NEW_YEAR: TimeDelta = TimeDelta::minutes(30);
/// Far less than the 90 days after which a stay bears a second deductible.
const STAY_MAX: TimeDelta = TimeDelta::days(6);
const VISIT_MAX: TimeDelta = TimeDelta::minutes(40);
/// Calendar years that the patient is old all this year long.
const AGE_YEARS: i32 = 72;

/// From when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Calendar {
    now: DateTime<Utc>,
    year_start: DateTime<Utc>,
}

impl Calendar {
    pub(crate) fn at(now: DateTime<Utc>) -> Self {
        Self { now, year_start: start_of_local_day(first_day(local_date(now).year())) }
    }

    /// How long to wait because the year is about to end; none on any other day.
    pub(crate) fn wait_for_new_year(now: DateTime<Utc>) -> Option<TimeDelta> {
        let left = start_of_local_day(first_day(local_date(now).year() + 1)) - now;
        (left < ROOM_BEFORE_NEW_YEAR).then_some(left)
    }

    /// A visit to the community clinic early in what has elapsed of the year.
    pub(crate) fn earlier_visit(&self) -> Span {
        self.span(200, 300, VISIT_MAX)
    }

    /// A hospital stay later in it.
    pub(crate) fn earlier_stay(&self) -> Span {
        self.span(400, 800, STAY_MAX)
    }

    /// So many minutes ahead, on a whole minute.
    pub(crate) fn soon(&self, minutes: i64) -> DateTime<Utc> {
        let into_the_minute = TimeDelta::seconds(i64::from(self.now.second()))
            + TimeDelta::nanoseconds(i64::from(self.now.nanosecond() % 1_000_000_000));
        self.now - into_the_minute + TimeDelta::minutes(minutes)
    }

    pub(crate) fn first_of_january(&self, years_ago: i32) -> NaiveDate {
        first_day(local_date(self.now).year() - years_ago)
    }

    pub(crate) fn birth_date(&self) -> NaiveDate {
        self.first_of_january(AGE_YEARS)
    }

    pub(crate) fn days_ahead(&self, days: i64) -> DateTime<Utc> {
        self.now + TimeDelta::days(days)
    }

    fn span(&self, from_permille: i32, until_permille: i32, length_max: TimeDelta) -> Span {
        let (from, latest) = (self.elapsed(from_permille), self.elapsed(until_permille));
        Span { from, until: latest.min(from + length_max) }
    }

    /// The moment at which this share of what has elapsed of the year had elapsed.
    fn elapsed(&self, permille: i32) -> DateTime<Utc> {
        self.year_start + (self.now - self.year_start) / 1000 * permille
    }
}

/// `11月22日 14:20` and `22 Nov 14:20`, in local time.
pub(crate) fn day_and_time(instant: DateTime<Utc>) -> (String, String) {
    let since_midnight = instant - start_of_local_day(local_date(instant));
    let clock = format!("{:02}:{:02}", since_midnight.num_hours(), since_midnight.num_minutes() % 60);
    let day = local_date(instant);
    (format!("{}月{}日 {clock}", day.month(), day.day()), format!("{} {clock}", day.format("%-d %b")))
}

fn first_day(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn earlier_care_is_past_and_of_this_year_also_in_its_first_seconds() {
        for now in ["2026-07-03T02:00:00Z", "2025-12-31T16:00:05Z", "2026-12-31T15:00:00Z"] {
            let now = instant(now);
            let calendar = Calendar::at(now);
            for span in [calendar.earlier_visit(), calendar.earlier_stay()] {
                assert!(calendar.year_start <= span.from && span.from <= span.until && span.until <= now, "{span:?}");
                assert_eq!(local_date(span.from).year(), local_date(now).year());
            }
            assert!(calendar.earlier_visit().until <= calendar.earlier_stay().from);
        }
    }

    #[test]
    fn only_the_last_half_hour_of_a_year_is_waited_out() {
        assert_eq!(Calendar::wait_for_new_year(instant("2026-12-31T15:30:00Z")), None);
        assert_eq!(Calendar::wait_for_new_year(instant("2026-12-31T15:50:00Z")), Some(TimeDelta::minutes(10)));
        assert_eq!(Calendar::wait_for_new_year(instant("2026-07-03T02:00:00Z")), None);
    }

    #[test]
    fn people_read_local_time() {
        let (zh, en) = day_and_time(instant("2026-07-03T18:05:09Z"));
        assert_eq!((zh.as_str(), en.as_str()), ("7月4日 02:05", "4 Jul 02:05"));
    }

    #[test]
    fn places_begin_on_a_whole_minute() {
        let calendar = Calendar::at(instant("2026-07-03T02:00:59.999999Z"));
        assert_eq!(calendar.soon(4), instant("2026-07-03T02:04:00Z"));
        assert_eq!(calendar.birth_date(), NaiveDate::from_ymd_opt(1954, 1, 1).unwrap());
    }
}
