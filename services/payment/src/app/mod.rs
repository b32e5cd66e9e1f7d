//! The use cases, one a file: the only place with begin and commit.

mod authorise;
mod authority;
mod cancel;
mod capture;
mod desk;
mod follow_settlement;
mod grant;
mod orders;
mod post;
mod read;
mod receipts;
mod record;
mod refund;
mod run_capture;
mod withhold;

use std::sync::Arc;
use std::time::Duration;

use chassis::Credentials;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use postgres::Database;
use tokio::sync::Notify;
use types::clock::Clock;

pub use crate::store::{PERSONAL, obligations::OPEN};
pub use authorise::{Authorise, BasisId};
pub use cancel::Cancel;
pub use desk::{Collect, OpenPayout, Witness};
pub use grant::Grant;
pub use orders::{QueryOrders, Report};
pub use read::{ListKey, Whose};
pub use receipts::{Proof, share_wire, wire as receipt_wire};
pub use refund::Refund;

use crate::peers::adjudication::Adjudication;
use crate::peers::identity::Identity;

/// How long things last.
#[derive(Debug, Clone, Copy)]
pub struct Durations {
    /// A reservation, from the day of care on.
    pub reservation: TimeDelta,
    /// A capture, until a person is asked.
    pub capture: TimeDelta,
    /// Whoever works on a capture has it to themself, until another replica may take it over.
    pub capture_lease: Duration,
}

/// What the use cases work with.
pub struct App {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub identity: Identity,
    pub adjudication: Adjudication,
    pub credentials: Credentials,
    pub durations: Durations,
    /// Wakes the loop that runs captures. Saves waiting; nothing depends on it.
    pub captures_due: Notify,
}

impl App {
    /// Now, as the database keeps it: what is answered at once reads the same later.
    fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}
