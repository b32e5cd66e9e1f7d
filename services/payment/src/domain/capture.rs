//! The capture saga as a pure state machine: [`step`] says what comes of an event and what is to be done about it.
//!
//! ```text
//!                    unanswered ↺ (backoff)          setback ↺ (backoff)
//!   CONFIRMING ── settlement confirmed ──▶ CONFIRMED ── shares posted ──▶ COMPLETED
//!       │  └── refused: stale, lapsed ──▶ COMPENSATED (the bill is AUTHORISED again)
//!       └───── refused otherwise, contradicted, too late ──▶ NEEDS_HUMAN ◀── too late ──┘ (from CONFIRMED)
//! ```
//!
//! The point of no return is the confirmation: once it was sent its outcome may be lost, so an unanswered one is sent again under
//! the same key until there is an answer. Past it only forward: fund and bank cannot disagree.

use std::time::Duration;

use chrono::{DateTime, Utc};
use types::ids::{BillId, JourneyId, SagaId, SettlementId};
use types::region::RegionCode;

use super::words::words;

words! {
    /// Where a capture stands.
    State {
        /// The intent is committed; the settlement is to be confirmed, or its confirmation went unanswered.
        Confirming = "CONFIRMING",
        /// The settlement is confirmed; the shares are to be posted.
        Confirmed = "CONFIRMED",
        Completed = "COMPLETED",
        /// The settlement could not be confirmed and the bill is authorised again: nothing happened.
        Compensated = "COMPENSATED",
        /// It can go neither on nor back by itself.
        NeedsHuman = "NEEDS_HUMAN",
    }
}

impl State {
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::NeedsHuman)
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Somebody took the saga up: for the first time, after a wait, or after its owner died.
    TakenUp,
    /// The settlement is confirmed, by this call or an earlier one.
    SettlementConfirmed,
    /// It is confirmed, but divides otherwise than the bill.
    SettlementContradicts,
    /// Adjudication refused, and nothing changed there.
    SettlementRefused(Refusal),
    /// Whether it is confirmed is not known.
    Unanswered,
    /// The shares are posted, in the transaction that stores what this leads to.
    SharesPosted,
    /// Our own database refused or could not be reached; nothing changed.
    Setback,
}

/// Why a settlement was not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Accumulators moved since: the claim is divided anew.
    Stale,
    /// It was not confirmed in time, or was taken back.
    Lapsed,
    /// Anything that asking again will not change.
    Final,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Ask adjudication to confirm, under the key of this saga and step.
    ConfirmSettlement,
    /// Post the shares, order the banks and issue the receipt, in one transaction with the state that follows.
    PostShares,
    /// Authorise the bill again, in the transaction that stores the new state.
    ReleaseBill,
    /// Try again after this long.
    Wait(Duration),
    /// Tell a person.
    Alert,
    /// Nothing is left to do.
    Rest,
}

/// What `step` goes by beside state and event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// Setbacks in a row, this one not counted.
    pub attempts: u32,
    /// The deadline has passed.
    pub is_late: bool,
}

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// Short, since what is waited for mostly is a peer that restarts.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// What comes of an event. Events that do not belong to a state change nothing: each may arrive twice.
pub fn step(state: State, event: Event, circumstances: Circumstances) -> (State, Effect) {
    match (state, event) {
        (State::Confirming, Event::TakenUp) => (State::Confirming, Effect::ConfirmSettlement),
        (State::Confirming, Event::SettlementRefused(Refusal::Stale | Refusal::Lapsed)) => {
            (State::Compensated, Effect::ReleaseBill)
        }
        (State::Confirming, Event::SettlementRefused(Refusal::Final) | Event::SettlementContradicts) => {
            (State::NeedsHuman, Effect::Alert)
        }
        (State::Confirming, Event::SettlementConfirmed)
        | (State::Confirmed, Event::TakenUp | Event::SettlementConfirmed) => (State::Confirmed, Effect::PostShares),
        (State::Confirmed, Event::SharesPosted) => (State::Completed, Effect::Rest),
        (State::Confirming, Event::Unanswered | Event::Setback) | (State::Confirmed, Event::Setback) => {
            if circumstances.is_late {
                (State::NeedsHuman, Effect::Alert)
            } else {
                (state, Effect::Wait(backoff(circumstances.attempts)))
            }
        }
        // Posted without its confirmation on record, or a late answer to a saga that has ended.
        _ => (state, Effect::Rest),
    }
}

fn backoff(attempts: u32) -> Duration {
    BACKOFF_FIRST.saturating_mul(2_u32.saturating_pow(attempts)).min(BACKOFF_MAX)
}

/// The saga's row, as its holder took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    pub id: SagaId,
    pub region: RegionCode,
    pub bill: BillId,
    pub settlement: SettlementId,
    pub state: State,
    pub attempts: u32,
    pub traceparent: Option<String>,
    pub journey: Option<JourneyId>,
    pub begun_at: DateTime<Utc>,
    pub deadline: DateTime<Utc>,
    /// Raised whenever the row is taken; a holder with an older one can write nothing.
    pub fence: i64,
}

impl Capture {
    pub fn step(&self, event: Event, now: DateTime<Utc>) -> (State, Effect) {
        step(self.state, event, Circumstances { attempts: self.attempts, is_late: self.deadline <= now })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const CALM: Circumstances = Circumstances { attempts: 0, is_late: false };
    const LATE: Circumstances = Circumstances { attempts: 9, is_late: true };
    const EVENTS: [Event; 9] = [
        Event::TakenUp,
        Event::SettlementConfirmed,
        Event::SettlementContradicts,
        Event::SettlementRefused(Refusal::Stale),
        Event::SettlementRefused(Refusal::Lapsed),
        Event::SettlementRefused(Refusal::Final),
        Event::Unanswered,
        Event::SharesPosted,
        Event::Setback,
    ];

    /// Adjudication, the bill and the row of the saga, with a fault at each place where one can strike.
    #[derive(Debug, Default)]
    struct World {
        row: Option<State>,
        is_confirmed: bool,
        refusal: Option<Refusal>,
        postings: u32,
        releases: u32,
        attempts: u32,
        faults: VecDeque<Fault>,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Fault {
        None,
        /// The call never arrives.
        CallLost,
        /// It arrives; its answer does not.
        ReplyLost,
        /// The process dies before the commit.
        DiesBefore,
        /// The process dies right after the commit.
        DiesAfter,
        /// The database refuses the commit.
        CommitFails,
    }
    const FAULTS: [Fault; 6] =
        [Fault::None, Fault::CallLost, Fault::ReplyLost, Fault::DiesBefore, Fault::DiesAfter, Fault::CommitFails];

    impl World {
        fn state(&self) -> State {
            self.row.unwrap_or(State::Confirming)
        }

        fn fault(&mut self) -> Fault {
            self.faults.pop_front().unwrap_or(Fault::None)
        }

        /// One owner takes the row up and works until it rests, waits or dies; as the driver does.
        fn run_once(&mut self) {
            let mut event = Event::TakenUp;
            loop {
                let circumstances = Circumstances { attempts: self.attempts, is_late: false };
                let before = self.state();
                let (state, effect) = step(before, event, circumstances);
                let in_transaction = matches!(effect, Effect::PostShares | Effect::ReleaseBill);
                if state != before && !in_transaction {
                    match self.fault() {
                        Fault::DiesBefore | Fault::CommitFails => return,
                        Fault::DiesAfter => {
                            self.row = Some(state);
                            return;
                        }
                        _ => self.row = Some(state),
                    }
                }
                event = match effect {
                    Effect::ConfirmSettlement => self.confirm(),
                    Effect::PostShares => {
                        // The confirmation is on record before the posting begins.
                        self.row = Some(state);
                        match self.commit(|world| {
                            world.postings += 1;
                            let (posted, _) = step(State::Confirmed, Event::SharesPosted, CALM);
                            world.row = Some(posted);
                        }) {
                            Some(false) => Event::Setback,
                            Some(true) | None => return,
                        }
                    }
                    Effect::ReleaseBill => match self.commit(|world| {
                        world.releases += 1;
                        world.row = Some(state);
                    }) {
                        Some(false) => Event::Setback,
                        Some(true) | None => return,
                    },
                    Effect::Wait(_) => {
                        self.attempts += 1;
                        return;
                    }
                    Effect::Alert | Effect::Rest => return,
                };
            }
        }

        fn confirm(&mut self) -> Event {
            match self.fault() {
                Fault::CallLost => return Event::Unanswered,
                Fault::ReplyLost => {
                    self.is_confirmed |= self.refusal.is_none();
                    return Event::Unanswered;
                }
                _ => {}
            }
            match self.refusal {
                Some(refusal) if !self.is_confirmed => Event::SettlementRefused(refusal),
                _ => {
                    self.is_confirmed = true;
                    Event::SettlementConfirmed
                }
            }
        }

        /// True if committed, false if refused, none if the process died.
        fn commit(&mut self, effect: impl FnOnce(&mut Self)) -> Option<bool> {
            match self.fault() {
                Fault::DiesBefore => None,
                Fault::CommitFails => Some(false),
                Fault::DiesAfter => {
                    effect(self);
                    None
                }
                _ => {
                    effect(self);
                    Some(true)
                }
            }
        }
    }

    fn finished(faults: &[Fault], refusal: Option<Refusal>) -> World {
        let mut world = World { refusal, faults: faults.iter().copied().collect(), ..World::default() };
        for _ in 0..20 {
            world.run_once();
        }
        world
    }

    fn every_fault_at_three_places() -> impl Iterator<Item = [Fault; 3]> {
        FAULTS
            .into_iter()
            .flat_map(|a| FAULTS.into_iter().flat_map(move |b| FAULTS.into_iter().map(move |c| [a, b, c])))
    }

    #[test]
    fn i6_whatever_fails_or_dies_a_capture_posts_exactly_once() {
        for faults in every_fault_at_three_places() {
            let world = finished(&faults, None);
            assert_eq!(world.row, Some(State::Completed), "{faults:?}");
            assert_eq!((world.is_confirmed, world.postings, world.releases), (true, 1, 0), "{faults:?}");
        }
    }

    #[test]
    fn i6_whatever_fails_or_dies_a_stale_division_releases_exactly_once() {
        for refusal in [Refusal::Stale, Refusal::Lapsed] {
            for faults in every_fault_at_three_places() {
                let world = finished(&faults, Some(refusal));
                assert_eq!(world.row, Some(State::Compensated), "{faults:?}");
                assert_eq!((world.is_confirmed, world.postings, world.releases), (false, 0, 1), "{faults:?}");
            }
        }
    }

    #[test]
    fn i6_a_final_refusal_asks_a_person_and_moves_nothing() {
        for faults in every_fault_at_three_places() {
            let world = finished(&faults, Some(Refusal::Final));
            assert_eq!((world.row, world.postings, world.releases), (Some(State::NeedsHuman), 0, 0), "{faults:?}");
        }
    }

    #[test]
    fn i6_past_the_point_of_no_return_nothing_goes_back() {
        for event in EVENTS {
            for circumstances in [CALM, LATE] {
                let (state, effect) = step(State::Confirmed, event, circumstances);
                assert_ne!(effect, Effect::ReleaseBill, "{event:?}");
                assert!(!matches!(state, State::Confirming | State::Compensated), "{event:?}");
            }
        }
    }

    #[test]
    fn i6_what_has_ended_stays_ended_and_does_nothing() {
        for state in [State::Completed, State::Compensated, State::NeedsHuman] {
            for event in EVENTS {
                assert_eq!(step(state, event, CALM), (state, Effect::Rest));
                assert_eq!(step(state, event, LATE), (state, Effect::Rest));
            }
        }
    }

    #[test]
    fn i6_an_unanswered_confirmation_is_never_taken_for_a_refusal() {
        assert_eq!(step(State::Confirming, Event::Unanswered, LATE), (State::NeedsHuman, Effect::Alert));
        let mut waited = Vec::new();
        for attempts in 0..50 {
            let circumstances = Circumstances { attempts, is_late: false };
            match step(State::Confirming, Event::Unanswered, circumstances) {
                (State::Confirming, Effect::Wait(wait)) => waited.push(wait),
                other => panic!("{other:?}"),
            }
        }
        assert!(waited.is_sorted() && waited[0] == BACKOFF_FIRST && waited[49] == BACKOFF_MAX);
    }
}
