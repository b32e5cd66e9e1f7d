//! How much one person may book, and one party for others. Source: published rules of the Beijing appointment platform
//! (北京市预约挂号统一平台预约规则: a day and department 1, a week 8, a month 12, a quarter 24). Referrals and emergencies are never limited (SC-08); who
//! may call something an emergency is in `emergency.rs`.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, TimeDelta, Utc};
use types::{
    care::CareKind,
    clock::{local_date, start_of_local_day},
};

use super::{absence, pool::Pool, session::Span, suspicion, words};

/// The limits of a city.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub per_day_and_department: i32,
    pub per_week: i32,
    pub per_month: i32,
    pub per_quarter: i32,
    /// Made by one party for others on a local day. Published rules have none: this keeps a stolen desk from emptying a town's places.
    pub per_delegate_and_day: i32,
    /// So often may one give up a place, or let a hold run out, of about the same time in one department before one has to cool off (冷静期):
    /// places are not kept by taking turns with oneself.
    pub given_up: i32,
    /// How long one cools off.
    pub cooling_off_hours: i32,
    /// Asked for from one device on a local day, whatever became of it. Published rules have none: a family books from one telephone, a
    /// scalper for a crowd.
    pub per_device_and_day: i32,
    /// So often may one appointment be moved.
    pub moves: i32,
    pub absence: absence::Rules,
    pub suspicion: suspicion::Rules,
}

impl Rules {
    /// What is published, where a city says nothing else.
    pub const PUBLISHED: Self = Self {
        per_day_and_department: 1,
        per_week: 8,
        per_month: 12,
        per_quarter: 24,
        per_delegate_and_day: 200,
        given_up: 3,
        cooling_off_hours: 24,
        per_device_and_day: 10,
        moves: 3,
        absence: absence::Rules::PUBLISHED,
        suspicion: suspicion::Rules::USUAL,
    };
}

words! {
    /// Whose bookings a bound counts.
    Of {
        /// The person's, those of other ids of theirs among them: held, confirmed, kept or missed, not those given up.
        Person = "PERSON",
        /// Those of the person in the same department of the same provider.
        Department = "DEPARTMENT",
        /// Those that the booking party made for others, whatever became of them.
        Booker = "BOOKER",
        /// Places of about that time in the same department that the person gave up or let run out.
        GivenUp = "GIVEN_UP",
        /// Those that were asked for from the same device, whatever became of them.
        Device = "DEVICE",
    }
}

/// At most so many bookings in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// As the refusal says it.
    pub period: &'static str,
    pub span: Span,
    pub most: i32,
    pub of: Of,
}

pub const PERIODS: [&str; 7] = [
    "a day in one department",
    "a week",
    "a month",
    "a quarter",
    "after giving up such places again and again",
    "a day for others",
    "a day from one device",
];

/// What is asked of a booking.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub pool: Pool,
    pub kind: CareKind,
    /// When the place begins.
    pub starts_at: DateTime<Utc>,
    /// Somebody books for the person.
    pub is_for_other: bool,
    /// The app said which device it runs on.
    pub is_device_known: bool,
    pub now: DateTime<Utc>,
}

/// The bounds that a booking has to keep, in the order in which they are told.
pub fn bounds(rules: &Rules, asked: Asked) -> Vec<Bound> {
    let Asked { pool, kind, starts_at, is_for_other, is_device_known, now } = asked;
    if pool == Pool::Referral || kind == CareKind::Emergency {
        return vec![];
    }
    let [department, week, month, quarter, given_up, others, device] = PERIODS;
    let cooling_off = (now - TimeDelta::hours(rules.cooling_off_hours.into()), now + TimeDelta::days(1));
    let mut bounds = vec![
        Bound { period: department, span: day_of(starts_at), most: rules.per_day_and_department, of: Of::Department },
        Bound { period: week, span: week_of(starts_at), most: rules.per_week, of: Of::Person },
        Bound { period: month, span: months_of(starts_at, 1), most: rules.per_month, of: Of::Person },
        Bound { period: quarter, span: months_of(starts_at, 3), most: rules.per_quarter, of: Of::Person },
        Bound { period: given_up, span: cooling_off, most: rules.given_up, of: Of::GivenUp },
    ];
    if is_for_other {
        bounds.push(Bound { period: others, span: day_of(now), most: rules.per_delegate_and_day, of: Of::Booker });
    }
    if is_device_known {
        bounds.push(Bound { period: device, span: day_of(now), most: rules.per_device_and_day, of: Of::Device });
    }
    bounds
}

/// Of these bounds those that an appointment has to keep where it moves: it is no new booking.
pub fn of_move(bounds: Vec<Bound>) -> Vec<Bound> {
    bounds.into_iter().filter(|bound| matches!(bound.of, Of::Person | Of::Department)).collect()
}

/// The local day of an instant.
pub fn day_of(instant: DateTime<Utc>) -> Span {
    let day = local_date(instant);
    span(day, day + Days::new(1))
}

/// The local week of an instant, Monday to Sunday.
pub fn week_of(instant: DateTime<Utc>) -> Span {
    let day = local_date(instant);
    let monday = day - Days::new(u64::from(day.weekday().num_days_from_monday()));
    span(monday, monday + Days::new(7))
}

/// The local month of an instant, or the group of `count` of the calendar in which it lies: 3 for its quarter.
pub fn months_of(instant: DateTime<Utc>, count: u32) -> Span {
    let day = local_date(instant);
    let first_of_month = day - Days::new(u64::from(day.day0()));
    let first = first_of_month - Months::new(day.month0() % count);
    span(first, first + Months::new(count))
}

/// The local calendar year of an instant.
pub fn year_of(instant: DateTime<Utc>) -> Span {
    months_of(instant, 12)
}

fn span(first: NaiveDate, next: NaiveDate) -> Span {
    (start_of_local_day(first), start_of_local_day(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn asked(pool: Pool, kind: CareKind) -> Asked {
        let now = instant("2026-03-08T15:59:00Z");
        Asked { pool, kind, starts_at: now, is_for_other: false, is_device_known: false, now }
    }

    #[test]
    fn sc_08_a_person_is_bound_a_day_a_week_a_month_and_a_quarter() {
        let bounds = bounds(&Rules::PUBLISHED, asked(Pool::Public, CareKind::Outpatient));
        assert_eq!(bounds.iter().map(|bound| bound.most).collect::<Vec<_>>(), [1, 8, 12, 24, 3]);
        assert_eq!(bounds[0].of, Of::Department);
        assert!(bounds[1..4].iter().all(|bound| bound.of == Of::Person));
        assert_eq!(bounds[4].of, Of::GivenUp);
    }

    #[test]
    fn sc_08_who_books_for_others_is_bound_too() {
        let for_other = Asked { is_for_other: true, ..asked(Pool::Public, CareKind::Outpatient) };
        let last = bounds(&Rules::PUBLISHED, for_other).pop().unwrap();
        assert_eq!((last.of, last.most, last.span), (Of::Booker, 200, day_of(for_other.now)));
    }

    #[test]
    fn sc_08_a_device_is_bound_where_it_is_known_and_a_move_is_no_new_booking() {
        let known = Asked { is_device_known: true, is_for_other: true, ..asked(Pool::Public, CareKind::Outpatient) };
        let bounds = bounds(&Rules::PUBLISHED, known);
        let last = bounds.last().unwrap();
        assert_eq!((last.of, last.most, last.span), (Of::Device, 10, day_of(known.now)));
        assert_eq!(of_move(bounds).iter().map(|bound| bound.most).collect::<Vec<_>>(), [1, 8, 12, 24]);
    }

    #[test]
    fn sc_08_a_referral_and_an_emergency_are_never_limited() {
        assert_eq!(bounds(&Rules::PUBLISHED, asked(Pool::Referral, CareKind::Outpatient)), []);
        assert_eq!(bounds(&Rules::PUBLISHED, asked(Pool::Public, CareKind::Emergency)), []);
    }

    #[test]
    fn periods_are_those_of_the_calendar_in_local_time() {
        // Sunday 2026-03-08, 23:59 local, and a minute later.
        let sunday = instant("2026-03-08T15:59:00Z");
        let monday = instant("2026-03-08T16:00:00Z");
        assert_eq!(week_of(sunday), (instant("2026-03-01T16:00:00Z"), monday));
        assert_eq!(week_of(monday).0, monday);
        assert_eq!(day_of(sunday), (instant("2026-03-07T16:00:00Z"), monday));
        assert_eq!(months_of(sunday, 1), (instant("2026-02-28T16:00:00Z"), instant("2026-03-31T16:00:00Z")));
        assert_eq!(months_of(sunday, 3), (instant("2025-12-31T16:00:00Z"), instant("2026-03-31T16:00:00Z")));
        // The last day of the year, and its quarter.
        let last = instant("2026-12-31T15:00:00Z");
        assert_eq!(months_of(last, 3), (instant("2026-09-30T16:00:00Z"), instant("2026-12-31T16:00:00Z")));
    }
}
