//! How a person is insured on a day, as identity keeps it.

use chrono::NaiveDate;
use types::{ids::OrganisationId, region::RegionCode, scheme::Scheme};

use super::inspection::Sex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    pub birth_date: NaiveDate,
    /// None where it is not known.
    pub sex: Option<Sex>,
    /// The basic layer; none for whom nobody insures, and in a waiting period.
    pub basic: Option<Basic>,
    /// Whose family doctors the person has a contract with.
    pub family_doctor: Option<OrganisationId>,
}

/// Basic medical insurance in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basic {
    pub scheme: Scheme,
    pub insured_region: RegionCode,
    pub retired: bool,
}
