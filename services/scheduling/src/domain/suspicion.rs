//! What looks like scalping (号贩子): one party, or one device, that takes places for many persons and lets them go again. A report accuses nobody
//! and refuses nothing; it is for people to look at, with the evidence (SC-08).

use chrono::{DateTime, NaiveDate, Utc};
use types::ids::{AppointmentId, SuspicionId};

use super::words;

/// From how much on a day looks so. Our own figures: nothing is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Persons for whom places were let go, and
    pub persons: i32,
    /// places that were let go.
    pub given_up: i32,
}

impl Rules {
    pub const USUAL: Self = Self { persons: 5, given_up: 10 };
}

words! {
    /// What takes places for many.
    Kind {
        Booker = "BOOKER",
        Device = "DEVICE",
    }
}

/// A pattern on one local day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    pub id: SuspicionId,
    pub kind: Kind,
    /// A party, or the hash of a device.
    pub who: String,
    pub day: NaiveDate,
    pub persons: i32,
    pub given_up: i32,
    /// The first of them.
    pub evidence: Vec<AppointmentId>,
    pub noticed_at: DateTime<Utc>,
}
