//! A person's request to be erased (个人信息保护法 art. 47), and how the services come to it together. What is open anywhere blocks it;
//! when nothing is, every service closes first, so that nothing begins while who the person is gets erased.

mod receipt;

use chrono::{DateTime, TimeDelta, Utc};
use types::caller::Party;
use types::ids::{ErasureId, ResidentId};
use types::region::RegionCode;

pub use receipt::{Reason, Receipt, receipt};

use super::IdentityError;
use super::word::words;

/// Who has to say a word before anything is erased.
pub const SERVICES: [&str; 4] = ["scheduling", "referral", "adjudication", "payment"];

/// While services close, the person gets no care: after this long without the last of them they open again, and it begins anew.
const CLOSING_MAX: TimeDelta = TimeDelta::minutes(2);

words! {
    Word {
        Open = "OPEN",
        Clear = "CLEAR",
        Closed = "CLOSED",
        Erased = "ERASED",
    }
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Requested,
    Blocked,
    Closing { since: DateTime<Utc> },
    Erased { at: DateTime<Utc> },
    Completed { erased_at: DateTime<Utc>, at: DateTime<Utc> },
    Cancelled { at: DateTime<Utc> },
}

/// What a service is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Watch,
    Close,
    Erase,
    Cancel,
    Rest,
}

/// Something that has to end first.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Obligation {
    pub kind: String,
    pub id: String,
}

/// What law orders kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Kept {
    pub rule: String,
    pub rows: i64,
    /// `None` while its time has not begun.
    pub until: Option<DateTime<Utc>>,
}

/// What one service has said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub service: String,
    pub word: Option<Word>,
    pub open: Vec<Obligation>,
    pub kept: Vec<Kept>,
    pub reported_at: Option<DateTime<Utc>>,
}

/// What a service says.
#[derive(Debug, Clone)]
pub struct Report {
    pub word: Word,
    pub open: Vec<Obligation>,
    pub kept: Vec<Kept>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    pub id: ErasureId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub state: State,
    pub requested_by: Party,
    /// Empty where the person asked.
    pub evidence: String,
    pub requested_at: DateTime<Utc>,
    /// One of each service, in the order of [`SERVICES`].
    pub standings: Vec<Standing>,
    /// From the erasure on.
    pub receipt: Option<Receipt>,
}

impl Erasure {
    pub fn request(
        id: ErasureId,
        region: RegionCode,
        resident: ResidentId,
        by: Party,
        evidence: String,
        now: DateTime<Utc>,
    ) -> Self {
        let silent = |service: &&str| Standing {
            service: (*service).to_owned(),
            word: None,
            open: vec![],
            kept: vec![],
            reported_at: None,
        };
        Self {
            id,
            region,
            resident,
            state: State::Requested,
            requested_by: by,
            evidence,
            requested_at: now,
            standings: SERVICES.iter().map(silent).collect(),
            receipt: None,
        }
    }

    pub const fn is_carried_out(&self) -> bool {
        matches!(self.state, State::Erased { .. } | State::Completed { .. })
    }

    /// Takes it back, once; refused when it was carried out.
    pub fn cancel(self, now: DateTime<Utc>) -> Result<Self, IdentityError> {
        match self.state {
            State::Requested | State::Blocked | State::Closing { .. } => {
                Ok(Self { state: State::Cancelled { at: now }, ..self })
            }
            State::Cancelled { .. } => Ok(self),
            State::Erased { .. } | State::Completed { .. } => Err(IdentityError::ErasureCarriedOut),
        }
    }

    /// Takes in a service's word and answers what that service does next. When the last one has closed, the state becomes ERASED: whoever
    /// stores that carries it out in the same transaction. A service that nobody asked is refused.
    pub fn hear(mut self, service: &str, report: Report, now: DateTime<Utc>) -> Result<(Self, Step), IdentityError> {
        let place = self.standings.iter().position(|standing| standing.service == service);
        let standing = place.and_then(|place| self.standings.get_mut(place)).ok_or(IdentityError::ErasureNotFound)?;
        let word = report.word;
        let before = standing.word;
        *standing = Standing {
            service: standing.service.clone(),
            word: Some(word),
            open: report.open,
            kept: report.kept,
            reported_at: Some(now),
        };
        self.state = match self.state {
            State::Closing { since } if now - since > CLOSING_MAX && !self.all(Word::Closed) => {
                self.forget_words();
                State::Requested
            }
            State::Closing { .. } if self.all(Word::Closed) => State::Erased { at: now },
            State::Closing { since } if word != Word::Open => State::Closing { since },
            State::Requested | State::Blocked | State::Closing { .. } => {
                // A service that had closed for an attempt that came to nothing is not counted before it has opened again.
                if self.any(Word::Open) {
                    State::Blocked
                } else if self.all(Word::Clear) {
                    State::Closing { since: now }
                } else {
                    State::Requested
                }
            }
            State::Erased { at } if self.all(Word::Erased) => State::Completed { erased_at: at, at: now },
            state @ (State::Erased { .. } | State::Completed { .. } | State::Cancelled { .. }) => state,
        };
        // Once it is carried out, an older word that arrives late changes nothing.
        if self.is_carried_out()
            && before == Some(Word::Erased)
            && word != Word::Erased
            && let Some(standing) = place.and_then(|place| self.standings.get_mut(place))
        {
            standing.word = before;
        }
        let step = match self.state {
            State::Requested | State::Blocked => Step::Watch,
            State::Closing { .. } => Step::Close,
            State::Erased { .. } | State::Completed { .. } if word == Word::Erased => Step::Rest,
            State::Erased { .. } | State::Completed { .. } => Step::Erase,
            State::Cancelled { .. } => Step::Cancel,
        };
        Ok((self, step))
    }

    fn all(&self, word: Word) -> bool {
        self.standings.iter().all(|standing| standing.word == Some(word))
    }

    fn any(&self, word: Word) -> bool {
        self.standings.iter().any(|standing| standing.word == Some(word))
    }

    fn forget_words(&mut self) {
        for standing in &mut self.standings {
            standing.word = None;
        }
    }
}

#[cfg(test)]
mod tests;
