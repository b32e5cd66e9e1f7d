//! The saga that judges a person's years anew, as a pure state machine: [`step`] says what comes of an event and what is to be done.
//!
//! ```text
//!                 unanswered, moved ↺ (backoff)
//!   RUNNING ── judged, in one transaction with what follows ──▶ COMPLETED
//!      └────── refused, too late ──▶ NEEDS_HUMAN
//! ```

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use types::ids::{ResidentId, SagaId};
use types::region::RegionCode;

use super::change::Cause;
use super::words::words;

words! {
    /// Where it stands.
    State {
        Running = "RUNNING",
        Completed = "COMPLETED",
        /// It cannot go on by itself.
        NeedsHuman = "NEEDS_HUMAN",
    }
}

/// How long it tries before a person is told.
pub const TRIED_FOR: TimeDelta = TimeDelta::hours(24);
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Somebody took the saga up: for the first time, after a wait, or after its owner died.
    TakenUp,
    /// The years are judged, in the transaction that stores what this leads to.
    Judged,
    /// A peer or the database cannot answer, or claims changed meanwhile; nothing is stored.
    Unanswered,
    /// Some claim has no answer by the rules, and trying again will not give it one.
    Refused,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Ask how the person was insured and judge the years, in one transaction with the state that follows.
    Judge,
    /// Try again after this long.
    Wait(Duration),
    /// Tell a person.
    Alert,
    /// Nothing is left to do.
    Rest,
}

/// The saga's row, as its holder took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readjudication {
    pub id: SagaId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub from_year: i32,
    pub cause: Cause,
    pub state: State,
    /// Setbacks in a row.
    pub attempts: u32,
    pub traceparent: Option<String>,
    pub requested_at: DateTime<Utc>,
    pub deadline: DateTime<Utc>,
    pub fence: i64,
}

impl Readjudication {
    pub fn step(&self, event: Event, now: DateTime<Utc>) -> (State, Effect) {
        step(self.state, event, self.attempts, self.deadline <= now)
    }
}

/// What comes of an event. Events that do not belong to a state change nothing: each may arrive twice.
pub fn step(state: State, event: Event, attempts: u32, is_late: bool) -> (State, Effect) {
    match (state, event) {
        (State::Running, Event::TakenUp) => (State::Running, Effect::Judge),
        (State::Running, Event::Judged) => (State::Completed, Effect::Rest),
        (State::Running, Event::Refused) => (State::NeedsHuman, Effect::Alert),
        (State::Running, Event::Unanswered) if is_late => (State::NeedsHuman, Effect::Alert),
        (State::Running, Event::Unanswered) => (State::Running, Effect::Wait(backoff(attempts))),
        (State::Completed | State::NeedsHuman, _) => (state, Effect::Rest),
    }
}

fn backoff(attempts: u32) -> Duration {
    BACKOFF_FIRST.saturating_mul(2_u32.saturating_pow(attempts)).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ad_03_a_readjudication_ends_once_and_stays_ended() {
        let events = [Event::TakenUp, Event::Judged, Event::Unanswered, Event::Refused];
        assert_eq!(step(State::Running, Event::TakenUp, 0, false), (State::Running, Effect::Judge));
        assert_eq!(step(State::Running, Event::Judged, 7, true), (State::Completed, Effect::Rest));
        assert_eq!(step(State::Running, Event::Refused, 0, false), (State::NeedsHuman, Effect::Alert));
        for ended in [State::Completed, State::NeedsHuman] {
            for event in events {
                assert_eq!(step(ended, event, 0, true), (ended, Effect::Rest), "{event:?}");
            }
        }
    }

    #[test]
    fn ad_03_what_is_not_answered_is_tried_with_growing_pauses_until_a_person_is_told() {
        let wait = |attempts| match step(State::Running, Event::Unanswered, attempts, false) {
            (State::Running, Effect::Wait(wait)) => wait,
            other => panic!("{other:?}"),
        };
        assert!(wait(0) < wait(1) && wait(1) < wait(2));
        assert_eq!(wait(u32::MAX), BACKOFF_MAX);
        assert_eq!(step(State::Running, Event::Unanswered, 0, true), (State::NeedsHuman, Effect::Alert));
    }
}
