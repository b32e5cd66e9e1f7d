//! Use cases, one a file: the only place that begins and commits.

mod act_for;
mod book;
mod cancel;
mod check_in;
mod confirm;
mod end_visit;
mod expire;
mod get;
mod hold;
mod publish;
mod records;
mod release_holds;
mod search;
mod set_quote;
mod view;

use std::{sync::Arc, time::Duration};

use postgres::Database;
use types::clock::Clock;

use crate::peers::identity::Identity;

pub use crate::store::{PERSONAL, obligations::OPEN};
pub use book::Booking;
pub use cancel::{Cancel, Cancelled};
pub use check_in::{CheckIn, PresentClaim, Subject};
pub use end_visit::EndVisit;
pub use get::{Listed, Whose};
pub use hold::Hold;
pub use publish::{Draft, Published};
pub use release_holds::Revoked;
pub use search::Search;
pub use set_quote::Quoted;

/// What every use case that changes something stands on. Cheap to clone.
#[derive(Clone)]
pub struct Scheduling {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub identity: Identity,
    /// How long a hold keeps a place where its caller does not say.
    pub hold_duration: Duration,
}
