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
    /// The last day of a waiting period (等待期); none outside of one.
    pub waiting_until: Option<NaiveDate>,
    /// A commercial top-up is in force, beside basic insurance.
    pub topped_up: bool,
    /// Whose family doctors the person has a contract with.
    pub family_doctor: Option<OrganisationId>,
    /// Groups that the person belongs to that day.
    pub groups: BTreeSet<Group>,
    /// Care elsewhere that was filed for the day; of a stay, for its first or its last.
    pub filings: Vec<Filing>,
    /// Of a stay that ended on another day than it began, what holds on its last: policies may judge by that.
    pub last_day: Option<LastDay>,
}

/// What of a person changes within a stay and matters on the day that a policy judges by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastDay {
    pub on: NaiveDate,
    pub groups: BTreeSet<Group>,
    /// None for whom nobody insures any more: they are what they were on the first day.
    pub retired: Option<bool>,
}

impl Coverage {
    /// Of the first day of a stay, with what holds on its last.
    #[must_use]
    pub fn until(self, on: NaiveDate, last: Self) -> Self {
        let retired = last.basic.map(|basic| basic.retired);
        // Who files within a stay files for its last day.
        let mut filings = self.filings;
        filings.extend(last.filings.into_iter().filter(|filing| !filings.contains(filing)).collect::<Vec<_>>());
        Self { filings, last_day: Some(LastDay { on, groups: last.groups, retired }), ..self }
    }

    /// The groups that the person belongs to on the day that a policy judges by.
    pub fn groups_on(&self, judged: NaiveDate) -> &BTreeSet<Group> {
        self.last_day_if(judged).map_or(&self.groups, |last| &last.groups)
    }

    /// Whether they are retired on that day.
    pub fn retired_on(&self, judged: NaiveDate, basic: Basic) -> bool {
        self.last_day_if(judged).and_then(|last| last.retired).unwrap_or(basic.retired)
    }

    fn last_day_if(&self, judged: NaiveDate) -> Option<&LastDay> {
        self.last_day.as_ref().filter(|last| last.on == judged)
    }
}

/// Basic medical insurance in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basic {
    pub scheme: Scheme,
    pub insured_region: RegionCode,
    pub retired: bool,
}
