//! Taking in other services' events, each once in effect.
//!
//! The cursor of a source moves in the transaction of the effect and only from the position it was read at: the cursor is the
//! inbox. Replicas may run the same consumer; the one that comes second finds the cursor moved and its transaction rolled back.
//! Order is by position. An event that is refused five times is parked with an alert, and later events of its subject with it,
//! while the others go on.

mod bookkeeping;
mod inbox;
mod meter;
mod run;

use std::{fmt, time::Duration};

use crate::{Error, events::Event};

pub use inbox::{Advanced, Inbox};
pub use run::run;

/// Where events come from.
pub trait Source: Send + Sync {
    /// Why nothing could be pulled, for the log.
    type Error: fmt::Display + Send;

    /// Names the cursor: the service pulled from, followed by `/<purpose>` if it is pulled for several purposes.
    fn name(&self) -> &'static str;

    /// The next events, in order.
    fn pull(&self, asked: Asked) -> impl Future<Output = Result<Pulled, Self::Error>> + Send;
}

/// What a source is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Events after this position.
    pub after: i64,
    /// At most so many.
    pub max: u32,
    /// How long to wait for the first.
    pub wait: Duration,
    /// As [`Handler::KINDS`].
    pub kinds: &'static [&'static str],
}

/// What a source has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    pub events: Vec<Event>,
    /// Where to go on from: nothing that was asked for lies before it and is not in `events`.
    pub position: i64,
}

/// What events do here.
pub trait Handler: Send + Sync {
    /// The types that it takes in: whole ones, or what they begin with, up to a full stop; none: all. The source passes over the others.
    const KINDS: &'static [&'static str];

    /// Takes in one event: [`Inbox::begin`], the effect, [`Inbox::commit`]; or [`Inbox::skip`] if it is of no interest.
    fn handle(&self, event: &Event, inbox: Inbox) -> impl Future<Output = Result<Advanced, Failure>> + Send;
}

/// Why an event was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The cause lies elsewhere: a peer or the database cannot be reached, a race was lost, the time has not come. The event is
    /// tried again for as long as it takes, and nothing overtakes it.
    #[error("not now: {0}")]
    NotNow(String),
    /// The event itself cannot be handled. Five times, then it is parked.
    #[error("refused: {0}")]
    Refused(String),
}

impl Failure {
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over their error")]
    pub fn not_now(cause: impl ToString) -> Self {
        Self::NotNow(cause.to_string())
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers hand over their error")]
    pub fn refused(cause: impl ToString) -> Self {
        Self::Refused(cause.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let passes = error.is_unavailable()
            || error.is_retryable()
            || matches!(error, Error::RequestInProgress | Error::CursorMoved { .. } | Error::LeaseLost { .. });
        if passes { Self::not_now(error) } else { Self::refused(error) }
    }
}
