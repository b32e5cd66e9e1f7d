//! The acceptance saga as a pure machine: `step(plan, state, event) -> (state, effects)`.
//!
//! Whoever drives it commits each new state before it carries out the effects, so the stored state names the one call whose outcome
//! may be unknown. Every call has a request id that follows from the saga and the step: a repetition is answered alike. Ids of what
//! the calls create are chosen beforehand, so that it can be undone also where the reply was lost.

mod plan;

use chrono::{DateTime, Utc};
use types::{ids::OrganisationId, money::Money};

use super::{mandate::Payment, refusal::Refusal};

pub use plan::{Call, Plan, request_id};

/// The place that was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldPlace {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// What stands ready to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arranged {
    pub place: HeldPlace,
    /// A quote was made.
    pub quoted: bool,
    /// Its own share; none without a price.
    pub own_share: Option<Money>,
    /// The own share is reserved on the credit line.
    pub authorised: bool,
}

/// The call that may have been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Consent,
    Place,
    Price {
        place: HeldPlace,
    },
    Credit {
        place: HeldPlace,
        own_share: Money,
    },
    /// The point of no return: once this is sent, only forward, until confirmed or the hold has run out.
    Confirm(Arranged),
    /// A confirmation was refused otherwise than by expiry: look what became of the place.
    Inspect(Arranged),
}

/// What is being undone, in reverse order of doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    Credit,
    Place,
}

/// Where a saga stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running(Step),
    Compensating { undo: Undo, refusal: Refusal },
    Completed(Arranged),
    Compensated { refusal: Refusal },
    NeedsHuman { refusal: Refusal },
}

/// Where an appointment was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    Held,
    /// Confirmed or already kept.
    Confirmed,
    Expired,
    Cancelled,
}

/// What a call answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Permitted,
    Held { place: HeldPlace, provider: OrganisationId },
    Quoted { own_share: Option<Money> },
    Authorised,
    Confirmed,
    Found(Whereabouts),
    Undone,
}

/// What happened to a saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It begins, is taken over after a crash, or its pause is over.
    Due,
    /// As `Due`, and its deadline has passed.
    DueLate,
    Answered(Answer),
    /// The call was refused for good: repeating it would not help.
    Refused(Refusal),
    /// Nobody knows whether the call took effect.
    Lost,
}

/// What to do after the new state is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Call(Call),
    /// Make the state's call again, after a pause.
    RetryLater,
    /// Tell the referral, in the transaction that stores the state.
    Conclude,
}

/// One move. An answer that does not fit the state, such as one that comes late, changes nothing.
pub fn step(plan: &Plan, state: State, event: Event) -> (State, Vec<Effect>) {
    match (state, event) {
        (State::Completed(_) | State::Compensated { .. } | State::NeedsHuman { .. }, _) => (state, Vec::new()),
        (_, Event::Lost) => (state, vec![Effect::RetryLater]),
        (State::Running(at), Event::DueLate) if at.can_turn_back() => give_up(at, Refusal::TimedOut),
        (_, Event::Due | Event::DueLate) => go(state),
        (State::Running(at), Event::Answered(answer)) => forward(plan, at, answer),
        (State::Running(at), Event::Refused(refusal)) => refused(at, refusal),
        (State::Compensating { undo, refusal }, Event::Answered(Answer::Undone)) => undone(undo, refusal),
        (State::Compensating { undo, .. }, Event::Refused(_)) => go(State::NeedsHuman { refusal: undo.failed() }),
        (State::Compensating { .. }, Event::Answered(_)) => (state, Vec::new()),
    }
}

fn forward(plan: &Plan, at: Step, answer: Answer) -> (State, Vec<Effect>) {
    let next = match (at, answer) {
        (Step::Consent, Answer::Permitted) => Step::Place,
        (Step::Place, Answer::Held { provider, .. }) if provider != plan.target => {
            return give_up(at, Refusal::SlotElsewhere);
        }
        (Step::Place, Answer::Held { place, .. }) if plan.lines.is_empty() => {
            Step::Confirm(Arranged { place, quoted: false, own_share: None, authorised: false })
        }
        (Step::Place, Answer::Held { place, .. }) => Step::Price { place },
        (Step::Price { place }, Answer::Quoted { own_share }) => match (plan.mandate.payment, own_share) {
            (Payment::Credit { own_share_max, .. }, Some(own_share)) if own_share > own_share_max => {
                return give_up(at, Refusal::OwnShareAboveMandate);
            }
            (Payment::Credit { .. }, Some(own_share)) if own_share.is_positive() => Step::Credit { place, own_share },
            // Nothing to reserve: paid at the desk, nothing left to pay, or no price.
            _ => Step::Confirm(Arranged { place, quoted: true, own_share, authorised: false }),
        },
        (Step::Credit { place, own_share }, Answer::Authorised) => {
            Step::Confirm(Arranged { place, quoted: true, own_share: Some(own_share), authorised: true })
        }
        (Step::Confirm(arranged), Answer::Confirmed)
        | (Step::Inspect(arranged), Answer::Found(Whereabouts::Confirmed)) => return go(State::Completed(arranged)),
        (Step::Inspect(arranged), Answer::Found(Whereabouts::Held)) => {
            // Not at once: whatever refused the confirmation may pass, and if not, the hold runs out.
            return (State::Running(Step::Confirm(arranged)), vec![Effect::RetryLater]);
        }
        (Step::Inspect(_), Answer::Found(Whereabouts::Expired)) => return give_up(at, Refusal::HoldExpired),
        (Step::Inspect(_), Answer::Found(Whereabouts::Cancelled)) => return give_up(at, Refusal::AppointmentCancelled),
        _ => return (State::Running(at), Vec::new()),
    };
    go(State::Running(next))
}

fn refused(at: Step, refusal: Refusal) -> (State, Vec<Effect>) {
    match at {
        Step::Confirm(_) if refusal == Refusal::HoldExpired => give_up(at, refusal),
        Step::Confirm(arranged) => go(State::Running(Step::Inspect(arranged))),
        // It was held, and now nobody knows it: undoing would guess.
        Step::Inspect(_) => go(State::NeedsHuman { refusal: Refusal::AppointmentUnknown }),
        Step::Consent | Step::Place | Step::Price { .. } | Step::Credit { .. } => give_up(at, refusal),
    }
}

/// Undoes whatever may have been done. A refused step is undone as well: an earlier try of it may still be on its way, and cancelling
/// an unknown id is remembered, so that it then finds itself cancelled.
fn give_up(at: Step, refusal: Refusal) -> (State, Vec<Effect>) {
    go(match at {
        Step::Consent => State::Compensated { refusal },
        Step::Place | Step::Price { .. } => State::Compensating { undo: Undo::Place, refusal },
        Step::Credit { .. } => State::Compensating { undo: Undo::Credit, refusal },
        Step::Confirm(arranged) | Step::Inspect(arranged) => {
            State::Compensating { undo: if arranged.authorised { Undo::Credit } else { Undo::Place }, refusal }
        }
    })
}

fn undone(undo: Undo, refusal: Refusal) -> (State, Vec<Effect>) {
    go(match undo {
        Undo::Credit => State::Compensating { undo: Undo::Place, refusal },
        Undo::Place => State::Compensated { refusal },
    })
}

fn go(state: State) -> (State, Vec<Effect>) {
    (state, vec![state.call().map_or(Effect::Conclude, Effect::Call)])
}

impl Step {
    /// Before the point of no return.
    const fn can_turn_back(self) -> bool {
        !matches!(self, Self::Confirm(_) | Self::Inspect(_))
    }
}

impl Undo {
    const fn failed(self) -> Refusal {
        match self {
            Self::Credit => Refusal::CreditNotReleased,
            Self::Place => Refusal::PlaceNotReleased,
        }
    }
}

impl State {
    /// The call that this state stands for; none at the ends.
    pub const fn call(self) -> Option<Call> {
        Some(match self {
            Self::Running(Step::Consent) => Call::CheckMandate,
            Self::Running(Step::Place) => Call::Hold,
            Self::Running(Step::Price { place }) => Call::Quote { on: place.from },
            Self::Running(Step::Credit { own_share, .. }) => Call::Authorise { own_share },
            Self::Running(Step::Confirm(_)) => Call::Confirm,
            Self::Running(Step::Inspect(_)) => Call::Inspect,
            Self::Compensating { undo: Undo::Credit, .. } => Call::CancelBill,
            Self::Compensating { undo: Undo::Place, .. } => Call::CancelAppointment,
            Self::Completed(_) | Self::Compensated { .. } | Self::NeedsHuman { .. } => return None,
        })
    }

    pub const fn is_terminal(self) -> bool {
        self.call().is_none()
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;
