//! Until when a patient gives a confirmed place up, or moves it.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use types::clock::{local_date, start_of_local_day};

use super::{holidays::is_working_day, session::Span};

/// The longest notice in minutes: 30 days.
pub const MINUTES_MAX: u16 = 43_200;
/// So many days back a working day is looked for, as long as the longest notice.
pub const DAYS_BACK_MAX: u64 = 30;

/// What a session says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelNotice {
    /// So long before the place begins; not 0.
    MinutesBefore(u16),
    /// Until that time of the last working day before the day of the place: 14:00 by the published rules of the Beijing appointment platform
    /// (`cancel_until` of `appointment_rules` in `data/policies.json`).
    PreviousWorkingDay(NaiveTime),
}

impl CancelNotice {
    /// The instant for a place that begins then. `closed` is when the whole region rests besides announced holidays.
    pub fn until(self, starts_at: DateTime<Utc>, closed: &[Span]) -> DateTime<Utc> {
        match self {
            Self::MinutesBefore(minutes) => starts_at - TimeDelta::minutes(minutes.into()),
            Self::PreviousWorkingDay(time) => {
                let day = previous_working_day(local_date(starts_at), closed);
                start_of_local_day(day) + (time - NaiveTime::MIN)
            }
        }
    }
}

fn previous_working_day(day: NaiveDate, closed: &[Span]) -> NaiveDate {
    let is_closed = |day: NaiveDate| {
        let (from, until) = (start_of_local_day(day), start_of_local_day(day + Days::new(1)));
        closed.iter().any(|span| span.0 <= from && span.1 >= until)
    };
    let mut before = (1..=DAYS_BACK_MAX).map(|days| day - Days::new(days));
    before.find(|day| is_working_day(*day) && !is_closed(*day)).unwrap_or_else(|| day - Days::new(DAYS_BACK_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Two in the afternoon is six o'clock UTC.
    const BEIJING: CancelNotice = match NaiveTime::from_hms_opt(14, 0, 0) {
        Some(time) => CancelNotice::PreviousWorkingDay(time),
        None => panic!("a time"),
    };

    fn until(starts_at: &str, closed: &[Span]) -> DateTime<Utc> {
        BEIJING.until(instant(starts_at), closed)
    }

    #[test]
    fn sc_04_a_place_on_monday_is_given_up_on_friday_at_two() {
        assert_eq!(until("2026-03-09T01:00:00Z", &[]), instant("2026-03-06T06:00:00Z"));
        assert_eq!(until("2026-03-10T01:00:00Z", &[]), instant("2026-03-09T06:00:00Z"));
    }

    #[test]
    fn sc_04_the_day_of_a_place_is_the_regions() {
        // Monday has begun at sixteen hours UTC of Sunday, and Tuesday of Monday.
        assert_eq!(until("2026-03-08T16:00:00Z", &[]), instant("2026-03-06T06:00:00Z"));
        assert_eq!(until("2026-03-09T15:59:00Z", &[]), instant("2026-03-06T06:00:00Z"));
        assert_eq!(until("2026-03-09T23:30:00Z", &[]), instant("2026-03-09T06:00:00Z"));
    }

    #[test]
    fn sc_04_holidays_are_no_working_days_and_days_made_up_are() {
        // 1 to 8 October 2025 are National Day; Sunday 28 September and Saturday 11 October are worked in exchange.
        assert_eq!(until("2025-10-09T01:00:00Z", &[]), instant("2025-09-30T06:00:00Z"));
        assert_eq!(until("2025-10-13T01:00:00Z", &[]), instant("2025-10-11T06:00:00Z"));
        assert_eq!(until("2025-09-29T01:00:00Z", &[]), instant("2025-09-28T06:00:00Z"));
        // A clinic that is open within the holiday goes by the day before it as well.
        assert_eq!(until("2025-10-05T01:00:00Z", &[]), instant("2025-09-30T06:00:00Z"));
    }

    #[test]
    fn sc_04_a_day_on_which_the_whole_region_rests_is_no_working_day() {
        let friday = (instant("2026-03-05T16:00:00Z"), instant("2026-03-06T16:00:00Z"));
        assert_eq!(until("2026-03-09T01:00:00Z", &[friday]), instant("2026-03-05T06:00:00Z"));
        let morning = (friday.0, instant("2026-03-06T04:00:00Z"));
        assert_eq!(until("2026-03-09T01:00:00Z", &[morning]), instant("2026-03-06T06:00:00Z"), "people work that day");
        let always = (instant("2025-01-01T00:00:00Z"), instant("2027-01-01T00:00:00Z"));
        assert_eq!(until("2026-03-09T01:00:00Z", &[always]), instant("2026-02-07T06:00:00Z"), "thirty days before");
    }

    #[test]
    fn sc_04_minutes_are_counted_back_from_the_start() {
        let hours = CancelNotice::MinutesBefore(180);
        assert_eq!(hours.until(instant("2026-03-09T01:00:00Z"), &[]), instant("2026-03-08T22:00:00Z"));
    }
}
