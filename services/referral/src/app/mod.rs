//! When things happen: one use case a file. The only place that begins and commits.

mod accept;
mod close;
mod drive;
mod follow;
mod journey;
mod perform;
mod propose;
mod read;
mod record;
mod return_to_referrer;
mod sight;
mod submit;
mod watch;

use std::{sync::Arc, time::Duration};

use chassis::Credentials;
use chrono::TimeDelta;
use postgres::Database;
use tokio::sync::{Notify, broadcast};
use types::{clock::Clock, ids::OrganisationId};

use crate::peers::{Adjudication, Identity, Payment, Scheduling};

pub use crate::store::{PERSONAL, obligations::OPEN};
pub use accept::Accept;
pub use follow::HEARD;
pub use journey::JourneySight;
pub use propose::{Asked, Proposal};
pub use read::{ListReferrals, Whose};
pub use sight::Sight;
pub use submit::Submission;

/// The use cases and what they need. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub identity: Identity,
    pub scheduling: Scheduling,
    pub adjudication: Adjudication,
    pub payment: Payment,
    pub credentials: Credentials,
    pub limits: Limits,
    pub signals: Signals,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the acceptance to its deadline.
    pub acceptance: TimeDelta,
    /// From that deadline to the end of the hold it asks for.
    pub hold_margin: TimeDelta,
    /// How long a driver owns a saga without a sign of life.
    pub lease: Duration,
    /// How long one call of a saga may take; shorter than the lease.
    pub call: Duration,
}

/// Short cuts within one process: they save waiting, nothing depends on them.
#[derive(Debug, Clone)]
pub struct Signals {
    /// An acceptance has begun.
    pub accepted: Arc<Notify>,
    /// The work list of this organisation may have changed.
    pub changed: broadcast::Sender<OrganisationId>,
}

impl Default for Signals {
    fn default() -> Self {
        Self { accepted: Arc::default(), changed: broadcast::Sender::new(256) }
    }
}
