//! How many calls a channel sends again: one for every five it makes, and ten a second if it makes few.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What sending a call again costs; each call brings in one.
const PRICE: u64 = 5;
/// What comes in by the second without any call.
const INCOME: u64 = 10 * PRICE;
/// A replica that leaves may take this many calls along at once.
const SAVED_MAX: u64 = 200 * PRICE;

/// So that peers which are away, or refuse because they are at their limit, do not get a multiple of the calls.
pub(super) struct Budget(Mutex<Saved>);

struct Saved {
    amount: u64,
    /// Up to when the income was counted.
    counted_to: Instant,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Saved { amount: SAVED_MAX, counted_to: Instant::now() }))
    }

    /// A call is made for the first time.
    pub(super) fn put_in(&self) {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        saved.amount = (saved.amount + 1).min(SAVED_MAX);
    }

    /// Whether a call may be sent again.
    pub(super) fn take_out(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take_out(Instant::now())
    }
}

impl Saved {
    fn take_out(&mut self, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.counted_to).as_secs();
        if seconds > 0 {
            self.amount = (self.amount + seconds.saturating_mul(INCOME)).min(SAVED_MAX);
            self.counted_to = now;
        }
        let is_enough = self.amount >= PRICE;
        if is_enough {
            self.amount -= PRICE;
        }
        is_enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(budget: &Budget, now: Instant) -> usize {
        let mut saved = budget.0.lock().unwrap();
        std::iter::repeat_with(|| saved.take_out(now)).take(1_000).filter(|was_enough| *was_enough).count()
    }

    #[test]
    fn a_budget_is_what_is_saved_then_a_fifth_of_the_calls_and_a_little_by_the_second() {
        let budget = Budget::new();
        let begun = budget.0.lock().unwrap().counted_to;
        assert_eq!(taken(&budget, begun), 200);
        for _ in 0..50 {
            budget.put_in();
        }
        assert_eq!(taken(&budget, begun), 10);
        assert_eq!(taken(&budget, begun + Duration::from_secs(3)), 30);
        assert_eq!(taken(&budget, begun + Duration::from_hours(1)), 200);
    }
}
