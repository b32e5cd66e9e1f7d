//! How a person is insured on a day, as identity keeps it.

use chrono::NaiveDate;
use types::{region::RegionCode, scheme::Scheme};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    pub birth_date: NaiveDate,
    /// The basic layer; none for whom nobody insures.
    pub basic: Option<Basic>,
}

/// Basic medical insurance in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basic {
    pub scheme: Scheme,
    pub insured_region: RegionCode,
    pub retired: bool,
}
