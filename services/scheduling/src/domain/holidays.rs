//! Public holidays, and the weekend days on which people work for them (调休), as the General Office of the State Council announces them each
//! autumn for the year after (国务院办公厅关于…年部分节假日安排的通知): 国办发明电〔2023〕7号 of 2023-10-25 for 2024, 〔2024〕12号 of 2024-11-12 for
//! 2025, and the notice of 2025-11-04 for 2026. Compared day by day with their texts. Of years that are not announced nothing is known.

use chrono::{Datelike as _, NaiveDate, Weekday};

/// What kind of day it is for whoever plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DayKind {
    Ordinary,
    Holiday,
    /// A Saturday or Sunday on which people work.
    MadeUp,
}

/// First and last day.
type Span = [(i32, u32, u32); 2];

const HOLIDAYS: [Span; 20] = [
    [(2024, 1, 1), (2024, 1, 1)],
    [(2024, 2, 10), (2024, 2, 17)],
    [(2024, 4, 4), (2024, 4, 6)],
    [(2024, 5, 1), (2024, 5, 5)],
    [(2024, 6, 10), (2024, 6, 10)],
    [(2024, 9, 15), (2024, 9, 17)],
    [(2024, 10, 1), (2024, 10, 7)],
    [(2025, 1, 1), (2025, 1, 1)],
    [(2025, 1, 28), (2025, 2, 4)],
    [(2025, 4, 4), (2025, 4, 6)],
    [(2025, 5, 1), (2025, 5, 5)],
    [(2025, 5, 31), (2025, 6, 2)],
    [(2025, 10, 1), (2025, 10, 8)],
    [(2026, 1, 1), (2026, 1, 3)],
    [(2026, 2, 15), (2026, 2, 23)],
    [(2026, 4, 4), (2026, 4, 6)],
    [(2026, 5, 1), (2026, 5, 5)],
    [(2026, 6, 19), (2026, 6, 21)],
    [(2026, 9, 25), (2026, 9, 27)],
    [(2026, 10, 1), (2026, 10, 7)],
];

const MADE_UP: [(i32, u32, u32); 19] = [
    (2024, 2, 4),
    (2024, 2, 18),
    (2024, 4, 7),
    (2024, 4, 28),
    (2024, 5, 11),
    (2024, 9, 14),
    (2024, 9, 29),
    (2024, 10, 12),
    (2025, 1, 26),
    (2025, 2, 8),
    (2025, 4, 27),
    (2025, 9, 28),
    (2025, 10, 11),
    (2026, 1, 4),
    (2026, 2, 14),
    (2026, 2, 28),
    (2026, 5, 9),
    (2026, 9, 20),
    (2026, 10, 10),
];

impl DayKind {
    pub fn of(day: NaiveDate) -> Self {
        let date = (day.year(), day.month(), day.day());
        if MADE_UP.contains(&date) {
            Self::MadeUp
        } else if HOLIDAYS.iter().any(|[first, last]| (*first..=*last).contains(&date)) {
            Self::Holiday
        } else {
            Self::Ordinary
        }
    }
}

/// Whether people work on it, as far as is announced.
pub fn is_working_day(day: NaiveDate) -> bool {
    match DayKind::of(day) {
        DayKind::Ordinary => !is_weekend(day),
        DayKind::Holiday => false,
        DayKind::MadeUp => true,
    }
}

pub fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn sc_13_holidays_are_those_announced_and_every_day_made_up_is_a_weekend() {
        assert_eq!(DayKind::of(day("2026-10-01")), DayKind::Holiday);
        assert_eq!(DayKind::of(day("2026-02-23")), DayKind::Holiday);
        assert_eq!(DayKind::of(day("2026-02-24")), DayKind::Ordinary);
        assert_eq!(DayKind::of(day("2026-10-10")), DayKind::MadeUp);
        assert_eq!(DayKind::of(day("2031-10-01")), DayKind::Ordinary, "not announced");
        for (year, month, number) in MADE_UP {
            let day = NaiveDate::from_ymd_opt(year, month, number).unwrap();
            assert!(is_weekend(day), "{day}");
        }
        for [first, last] in HOLIDAYS {
            let of = |(year, month, number)| NaiveDate::from_ymd_opt(year, month, number).unwrap();
            assert!(of(first) <= of(last) && (of(last) - of(first)).num_days() < 10);
        }
    }
}
