//! How a person is insured on a day, as identity keeps it.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use types::{ids::OrganisationId, region::RegionCode, scheme::Scheme};

use super::{circumstances::Group, inspection::Sex, remote_care::Filing};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    pub birth_date: NaiveDate,
    /// None where it is not known.
    pub sex: Option<Sex>,
    /// The basic layer; none for whom nobody insures, and in a waiting period.
    pub basic: Option<Basic>,
    /// A commercial top-up is in force, beside basic insurance.
    pub topped_up: bool,
    /// Whose family doctors the person has a contract with.
    pub family_doctor: Option<OrganisationId>,
    /// Groups that the person belongs to that day.
    pub groups: BTreeSet<Group>,
    /// Care elsewhere that was filed for the day.
    pub filings: Vec<Filing>,
}

/// Basic medical insurance in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basic {
    pub scheme: Scheme,
    pub insured_region: RegionCode,
    pub retired: bool,
}
