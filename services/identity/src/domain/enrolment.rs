//! Who is insured, by which scheme and region, in which layer, from when until when.

use chrono::{DateTime, NaiveDate, Utc};
use proto::convert::FieldError;
use types::ids::{EnrolmentId, OrganisationId, ResidentId};
use types::region::RegionCode;
use types::scheme::Scheme;

use super::word::words;

words! {
    /// Layer of cover, in the order in which they pay.
    Layer {
        Basic = "BASIC",
        CriticalIllness = "CRITICAL_ILLNESS",
        Assistance = "ASSISTANCE",
        Commercial = "COMMERCIAL",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    pub id: EnrolmentId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub scheme: Scheme,
    pub insured_region: RegionCode,
    pub layer: Layer,
    /// Nobody: the insured region's own fund.
    pub payer: Option<OrganisationId>,
    /// First day in force.
    pub from: NaiveDate,
    /// Last day in force; open if none.
    pub until: Option<NaiveDate>,
    pub retired: bool,
    /// Organisation that recorded it.
    pub recorder: Option<OrganisationId>,
    pub recorded_at: DateTime<Utc>,
}

/// What is in force for a resident on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    pub resident: ResidentId,
    pub on: NaiveDate,
    pub enrolments: Vec<Enrolment>,
    pub birth_date: NaiveDate,
}

impl Enrolment {
    pub fn check(&self) -> Result<(), FieldError> {
        if self.until.is_some_and(|until| until < self.from) {
            return Err(FieldError::new("enrolment.until", "must not be before from"));
        }
        Ok(())
    }
}
