//! Pairs of residents who may be one person. Nobody is refused for it: a desk looks, and says that they are two, or has them merged.

use chrono::{DateTime, Utc};
use types::caller::Party;
use types::ids::{DuplicateId, ResidentId};
use types::region::RegionCode;

/// More namesakes of one birthday, or more people on one telephone, than a desk could look at.
pub const CANDIDATES_MAX: i64 = 20;

/// Two who may be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub id: DuplicateId,
    pub region: RegionCode,
    /// The one registered or changed later.
    pub resident: ResidentId,
    pub other: ResidentId,
    pub same_name_and_birth_date: bool,
    pub same_mobile: bool,
    pub found_at: DateTime<Utc>,
    pub settled: Option<Settled>,
}

/// What somebody decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub at: DateTime<Utc>,
    pub by: Party,
    pub evidence: String,
}
