//! Use cases, one a file: the only place that begins and commits.

mod act_for;
mod book;
mod calendar;
mod cancel;
mod change_session;
mod check_in;
mod confirm;
mod copies;
mod displace;
mod end_visit;
mod expire;
mod full;
mod get;
mod give;
mod hold;
mod join_queue;
mod keep_calendar;
mod look;
mod move_queue;
mod moves;
mod no_show;
mod pass_on;
mod publish;
mod queue;
mod records;
mod refusals;
mod release_holds;
mod reschedule;
mod search;
mod search_together;
mod see_calendar;
mod set_quote;
mod statistics;
mod surge;
mod suspensions;
mod together;
mod view;
mod wait_list;
mod watch;
mod watch_queue;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use postgres::{Database, gather::Gatherer};
use types::clock::Clock;

use self::{full::FullSlots, give::Giving, look::Look, pass_on::Passing, refusals::Refusals, watch_queue::Lines};
use crate::{
    domain::{limits::Rules, queue::Rules as QueueRules},
    peers::identity::Identity,
};

pub use crate::store::{PERSONAL, obligations::OPEN, surges::Closing};
pub use book::Booking;
pub use calendar::{Calendar, Generated};
pub use cancel::{Cancel, Cancelled};
pub use change_session::{Affected, ChangedSession, SessionChange};
pub use check_in::{CheckIn, PresentClaim, Subject};
pub use displace::Outcome;
pub use end_visit::EndVisit;
pub use get::{Listed, Whose};
pub use hold::Hold;
pub use keep_calendar::{Declared, LadderWish};
pub use move_queue::{MoveQueue, Moved};
pub use publish::{Draft, Published};
pub use release_holds::Revoked;
pub use reschedule::Reschedule;
pub use search::Search;
pub use see_calendar::Within;
pub use set_quote::Quoted;
pub use statistics::Forecasted;
pub use surge::Opening;
pub use wait_list::Join;

/// How long places are kept, and how far ahead they are made.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// By a hold whose caller does not say.
    pub hold: TimeDelta,
    /// By an offer to somebody who waited.
    pub offer: TimeDelta,
    /// For somebody whose own place was taken back.
    pub displaced: TimeDelta,
    /// So many days ahead sessions are made of templates.
    pub days_ahead: u64,
}

/// What every use case that changes something stands on. Cheap to clone.
#[derive(Clone)]
pub struct Scheduling {
    db: Database,
    clock: Arc<dyn Clock>,
    identity: Identity,
    /// How long a hold keeps a place where its caller does not say.
    hold_duration: TimeDelta,
    passing: Passing,
    calendar: Calendar,
    looking: Gatherer<Look>,
    giving: Gatherer<Giving>,
    full: FullSlots,
    queue_rules: QueueRules,
    lines: Lines,
    refusals: Refusals,
}

impl Scheduling {
    /// Must be called within a runtime.
    pub fn new(db: Database, clock: Arc<dyn Clock>, identity: Identity, times: Times, rules: Rules) -> Self {
        let look = Look { db: db.clone(), clock: Arc::clone(&clock) };
        let giving = Giving { db: db.clone() };
        let calendar = Calendar::new(db.clone(), Arc::clone(&clock), times, rules);
        Self {
            db,
            clock,
            identity,
            hold_duration: times.hold,
            passing: calendar.passing,
            calendar,
            looking: Gatherer::new(look),
            giving: Gatherer::new(giving),
            full: FullSlots::new(),
            queue_rules: QueueRules::USUAL,
            lines: watch_queue::lines(),
            refusals: Refusals::default(),
        }
    }

    /// The same, with other rules for queues on the day.
    #[must_use]
    pub fn queue_by(self, queue_rules: QueueRules) -> Self {
        Self { queue_rules, ..self }
    }

    /// What it is kept in.
    pub const fn db(&self) -> &Database {
        &self.db
    }

    /// What keeps the calendar by itself.
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
