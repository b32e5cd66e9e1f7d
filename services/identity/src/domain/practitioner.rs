//! People who work for an organisation.

use chrono::{DateTime, Utc};
use types::ids::{DepartmentId, OrganisationId, PractitionerId};
use types::region::RegionCode;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Practitioner {
    pub id: PractitionerId,
    pub region: RegionCode,
    pub organisation: OrganisationId,
    pub name: String,
    pub title: String,
    pub departments: Vec<DepartmentId>,
    pub registered_at: DateTime<Utc>,
}
