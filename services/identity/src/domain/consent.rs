//! Which organisation may see a resident's health data.

use chrono::{DateTime, Utc};
use types::ids::{ConsentId, OrganisationId, ResidentId};
use types::region::RegionCode;

use super::word::words;

words! {
    /// What the data may be used for. One purpose never covers another.
    Purpose {
        Referral = "REFERRAL",
        Treatment = "TREATMENT",
        Research = "RESEARCH",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    pub id: ConsentId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub recipient: OrganisationId,
    pub purpose: Purpose,
    pub until: DateTime<Utc>,
    pub granted_at: DateTime<Utc>,
}
