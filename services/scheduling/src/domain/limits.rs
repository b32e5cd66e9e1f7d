//! How much one person may book. Source: published rules of the Beijing appointment platform (`per_day_hospital_department`,
//! `per_week`). Referrals are not limited (SC-08).

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use types::clock::{local_date, start_of_local_day};

use super::{error::SchedulingError, pool::Pool, session::Span};

const PER_DAY_AND_DEPARTMENT: i64 = 1;
const PER_WEEK: i64 = 8;

/// Bookings of one person that count: held, confirmed, kept or missed, not those given up.
#[derive(Debug, Clone, Copy)]
pub struct Booked {
    /// In the same department of the same provider on the slot's local day.
    pub same_day_and_department: i64,
    /// In the slot's local week, Monday to Sunday.
    pub same_week: i64,
}

/// Whether one booking more is within the limits.
pub fn check(pool: Pool, booked: Booked) -> Result<(), SchedulingError> {
    if pool == Pool::Referral {
        return Ok(());
    }
    if booked.same_day_and_department >= PER_DAY_AND_DEPARTMENT {
        return Err(SchedulingError::BookingLimit { period: "a day in one department" });
    }
    if booked.same_week >= PER_WEEK {
        return Err(SchedulingError::BookingLimit { period: "a week" });
    }
    Ok(())
}

/// The local day of an instant.
pub fn day_of(instant: DateTime<Utc>) -> Span {
    let day = local_date(instant);
    span(day, 1)
}

/// The local week of an instant.
pub fn week_of(instant: DateTime<Utc>) -> Span {
    let day = local_date(instant);
    let since_monday = u64::from(day.weekday().num_days_from_monday());
    span(day - Days::new(since_monday), 7)
}

fn span(first: NaiveDate, days: u64) -> Span {
    (start_of_local_day(first), start_of_local_day(first + Days::new(days)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn is_allowed(pool: Pool, same_day_and_department: i64, same_week: i64) -> bool {
        check(pool, Booked { same_day_and_department, same_week }).is_ok()
    }

    #[test]
    fn sc_08_one_a_day_in_a_department_and_eight_a_week() {
        assert!(is_allowed(Pool::Public, 0, 7));
        assert!(!is_allowed(Pool::Public, 1, 1));
        assert!(!is_allowed(Pool::CommunityWorker, 0, 8));
    }

    #[test]
    fn sc_08_a_referral_is_never_limited() {
        assert!(is_allowed(Pool::Referral, 3, 20));
    }

    #[test]
    fn a_week_begins_on_monday_in_local_time() {
        // Sunday 2026-03-08, 23:59 local, and a minute later.
        let sunday = instant("2026-03-08T15:59:00Z");
        let monday = instant("2026-03-08T16:00:00Z");
        assert_eq!(week_of(sunday), (instant("2026-03-01T16:00:00Z"), monday));
        assert_eq!(week_of(monday).0, monday);
        assert_eq!(day_of(sunday), (instant("2026-03-07T16:00:00Z"), monday));
    }
}
