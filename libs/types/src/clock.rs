//! Time is passed in: the clock is read in `app/` and `work/`, never in `domain/`.

use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound as _, TimeDelta, Utc};

/// China Standard Time, the only zone of service dates, without daylight saving.
const LOCAL_OFFSET: TimeDelta = TimeDelta::hours(8);

pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine, to the microsecond: what the database keeps, so that a value reads back as it was written.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the system clock is read")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// A clock that stands where it was set.
#[derive(Debug)]
pub struct FixedClock(RwLock<DateTime<Utc>>);

impl FixedClock {
    pub const fn at(now: DateTime<Utc>) -> Self {
        Self(RwLock::new(now))
    }

    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = now;
    }

    pub fn advance(&self, by: TimeDelta) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The local calendar day of an instant: what policies and service dates go by.
pub fn local_date(instant: DateTime<Utc>) -> NaiveDate {
    local_time(instant).date()
}

/// What a clock on the wall shows at an instant: for texts that people read.
pub fn local_time(instant: DateTime<Utc>) -> NaiveDateTime {
    (instant + LOCAL_OFFSET).naive_utc()
}

/// The instant at which a local calendar day begins.
pub fn start_of_local_day(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc() - LOCAL_OFFSET
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_local_day_begins_at_sixteen_hours_utc() {
        let new_year = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        assert_eq!(local_date(instant("2025-12-31T15:59:59Z")), new_year.pred_opt().unwrap());
        assert_eq!(local_date(instant("2025-12-31T16:00:00Z")), new_year);
        assert_eq!(start_of_local_day(new_year), instant("2025-12-31T16:00:00Z"));
    }

    #[test]
    fn the_system_clock_keeps_what_the_database_keeps() {
        let now = SystemClock.now();
        assert_eq!(now.timestamp_subsec_nanos() % 1_000, 0);
    }

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = FixedClock::at(instant("2026-01-01T00:00:00Z"));
        clock.advance(TimeDelta::minutes(5));
        assert_eq!(clock.now(), instant("2026-01-01T00:05:00Z"));
        clock.set(instant("2026-02-01T00:00:00Z"));
        assert_eq!(clock.now(), clock.now());
    }
}
