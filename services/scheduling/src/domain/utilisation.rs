//! How places were used on a day, and how many wanted one.

use chrono::{Days, NaiveDate};

use super::{error::SchedulingError, forecast::Demand};

/// Longest span that is asked about at once.
const DAYS_MAX: i64 = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    pub day: NaiveDate,
    pub places: u32,
    pub given: u32,
    pub kept: u32,
    pub no_shows: u32,
    pub walk_ins: u32,
    pub refused: u32,
    pub waiting: u32,
    pub called: u32,
    pub wait_median_s: u32,
    pub wait_p90_s: u32,
}

impl Day {
    /// Who came or had a place, who waited in vain, who was refused.
    const fn demand(&self) -> u32 {
        self.given.saturating_add(self.walk_ins).saturating_add(self.waiting).saturating_add(self.refused)
    }
}

/// From the first to the last day, both included.
pub fn span(from: NaiveDate, until: NaiveDate) -> Result<(NaiveDate, NaiveDate), SchedulingError> {
    let days = (until - from).num_days();
    if (0..DAYS_MAX).contains(&days) {
        Ok((from, until))
    } else {
        Err(SchedulingError::field("until", format!("must not be before from, nor {DAYS_MAX} days after it")))
    }
}

/// The history of demand: days in order, without a gap.
pub fn demand(days: &[Day]) -> Option<Demand> {
    let first = days.first()?.day;
    let is_whole = (0..).zip(days).all(|(index, day)| day.day == first + Days::new(index));
    is_whole.then(|| Demand { first, counts: days.iter().map(Day::demand).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn on(text: &str) -> Day {
        let day = day(text);
        let (given, walk_ins, waiting, refused) = (5, 3, 2, 7);
        let (places, kept, no_shows) = (10, 4, 1);
        Day {
            day,
            places,
            given,
            kept,
            no_shows,
            walk_ins,
            refused,
            waiting,
            called: 0,
            wait_median_s: 0,
            wait_p90_s: 0,
        }
    }

    #[test]
    fn sc_13_demand_is_who_came_who_waited_and_who_was_refused() {
        let days = [on("2026-03-02"), on("2026-03-03")];
        assert_eq!(demand(&days), Some(Demand { first: day("2026-03-02"), counts: vec![17, 17] }));
        assert_eq!(demand(&[on("2026-03-02"), on("2026-03-04")]), None, "a day is missing");
        assert_eq!(demand(&[]), None);
    }

    #[test]
    fn sc_13_a_span_is_neither_backwards_nor_endless() {
        let first = day("2026-03-02");
        assert!(span(first, first).is_ok() && span(first, first + Days::new(399)).is_ok());
        assert!(span(first, first + Days::new(400)).is_err());
        assert!(span(first, day("2026-03-01")).is_err());
    }
}
