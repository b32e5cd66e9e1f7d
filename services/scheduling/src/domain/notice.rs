//! Until when a patient gives a confirmed place up, or moves it.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use types::clock::{local_date, start_of_local_day};

use super::{holidays::is_working_day, session::Span};

/// The longest notice in minutes: 30 days.
pub const MINUTES_MAX: u16 = 43_200;
/// So many days back a working day is looked for, as long as the longest notice.
const DAYS_BACK_MAX: u64 = 30;

/// What a session says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelNotice {
    /// So long before the place begins; not 0.
    MinutesBefore(u16),
    /// Until that time of the last working day before the day of the place: 14:00 by the published rules of the Beijing appointment platform.
    PreviousWorkingDay(NaiveTime),
}

impl CancelNotice {
    /// The instant for a place that begins then.
    pub fn until(self, starts_at: DateTime<Utc>, closed: &Closed) -> DateTime<Utc> {
        match self {
            Self::MinutesBefore(minutes) => starts_at - TimeDelta::minutes(minutes.into()),
            Self::PreviousWorkingDay(time) => {
                let day = previous_working_day(local_date(starts_at), closed);
                start_of_local_day(day) + (time - NaiveTime::MIN)
            }
        }
    }
}

/// When the whole region rests besides announced holidays, as operators declared it: no two spans touch.
#[derive(Debug, Default)]
pub struct Closed(Vec<Span>);

impl Closed {
    pub fn of(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut spans: Vec<Span> = spans.into_iter().collect();
        spans.sort_unstable();
        spans.dedup_by(|next, last| {
            let touches = next.0 <= last.1;
            if touches {
                last.1 = last.1.max(next.1);
            }
            touches
        });
        Self(spans)
    }

    fn covers(&self, day: NaiveDate) -> bool {
        let (from, until) = (start_of_local_day(day), start_of_local_day(day + Days::new(1)));
        self.0.iter().any(|span| span.0 <= from && span.1 >= until)
    }
}

/// Of which time it must be known when the region rests, to reckon for sessions of those times; none where none goes by working days.
pub fn looked_at(sessions: impl IntoIterator<Item = (Option<CancelNotice>, Span)>) -> Option<Span> {
    sessions
        .into_iter()
        .filter(|(notice, _)| matches!(notice, Some(CancelNotice::PreviousWorkingDay(_))))
        .map(|(_, span)| (start_of_local_day(local_date(span.0) - Days::new(DAYS_BACK_MAX)), span.1))
        .reduce(|all, span| (all.0.min(span.0), all.1.max(span.1)))
}

fn previous_working_day(day: NaiveDate, closed: &Closed) -> NaiveDate {
    let mut before = (1..=DAYS_BACK_MAX).map(|days| day - Days::new(days));
    before.find(|day| is_working_day(*day) && !closed.covers(*day)).unwrap_or_else(|| day - Days::new(DAYS_BACK_MAX))
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
        BEIJING.until(instant(starts_at), &Closed::of(closed.iter().copied()))
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
        // The rest of the day besides, in whatever order they were declared.
        let afternoon = (morning.1, friday.1);
        assert_eq!(until("2026-03-09T01:00:00Z", &[afternoon, morning]), instant("2026-03-05T06:00:00Z"));
        let evening = (instant("2026-03-06T10:00:00Z"), friday.1);
        assert_eq!(until("2026-03-09T01:00:00Z", &[evening, morning]), instant("2026-03-06T06:00:00Z"));
        let noon = (instant("2026-03-06T03:00:00Z"), instant("2026-03-06T03:30:00Z"));
        assert_eq!(until("2026-03-09T01:00:00Z", &[noon, afternoon, morning]), instant("2026-03-05T06:00:00Z"));
        let always = (instant("2025-01-01T00:00:00Z"), instant("2027-01-01T00:00:00Z"));
        assert_eq!(until("2026-03-09T01:00:00Z", &[always]), instant("2026-02-07T06:00:00Z"), "thirty days before");
    }

    #[test]
    fn sc_04_exceptions_are_read_as_far_back_as_a_working_day_is_looked_for() {
        let hour = |text: &str| (instant(text), instant(text) + TimeDelta::hours(1));
        let (soon, late) = (hour("2026-03-08T23:00:00Z"), hour("2026-03-20T01:00:00Z"));
        // From the beginning of 7 February on, thirty days before 9 March.
        let looked = (instant("2026-02-06T16:00:00Z"), late.1);
        let sessions = [(Some(BEIJING), late), (None, hour("2026-01-01T00:00:00Z")), (Some(BEIJING), soon)];
        assert_eq!(looked_at(sessions), Some(looked));
        assert_eq!(looked_at([(Some(CancelNotice::MinutesBefore(180)), soon), (None, late)]), None);
    }

    #[test]
    fn sc_04_minutes_are_counted_back_from_the_start() {
        let hours = CancelNotice::MinutesBefore(180);
        assert_eq!(hours.until(instant("2026-03-09T01:00:00Z"), &Closed::default()), instant("2026-03-08T22:00:00Z"));
    }
}
