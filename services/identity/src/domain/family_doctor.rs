//! Contracts of residents with their family doctors, and the packages that can be agreed on. Packages are data
//! (`service_packages.json`, or the city's own file); a contract keeps what was offered when it was signed.

use std::collections::BTreeSet;

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use proto::convert::FieldError;
use serde::{Deserialize, Serialize};
use types::clock::local_date;
use types::ids::{ContractId, OrganisationId, PractitionerId, ResidentId};
use types::money::Money;
use types::region::RegionCode;

use super::IdentityError;

const TERM_MAX: Months = Months::new(36);
const AHEAD_MAX: TimeDelta = TimeDelta::days(366);

/// What can be agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePackage {
    pub code: String,
    pub name: Localized,
    /// A year.
    pub price: Money,
    pub services: Vec<Localized>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Localized {
    pub zh: String,
    pub en: String,
}

/// All packages on offer, by code.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePackages {
    packages: Vec<ServicePackage>,
}

impl ServicePackages {
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut read: Self = serde_json::from_str(text)?;
        read.packages.sort_by(|one, other| one.code.cmp(&other.code));
        Ok(read)
    }

    pub fn all(&self) -> &[ServicePackage] {
        &self.packages
    }

    pub fn find(&self, code: &str) -> Result<&ServicePackage, IdentityError> {
        self.packages.iter().find(|package| package.code == code).ok_or(IdentityError::PackageNotFound)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    pub id: ContractId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub organisation: OrganisationId,
    pub team: BTreeSet<PractitionerId>,
    pub package: ServicePackage,
    pub from: NaiveDate,
    /// Last day as agreed.
    pub until: NaiveDate,
    pub renews: Option<ContractId>,
    pub signed_at: DateTime<Utc>,
    pub ended: Option<Ended>,
}

/// That a contract was ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub last_day: NaiveDate,
    pub reason: String,
    pub recorded_at: DateTime<Utc>,
}

impl Contract {
    pub fn check(&self) -> Result<(), FieldError> {
        let today = local_date(self.signed_at);
        if self.from < today || self.from > today + AHEAD_MAX {
            return Err(FieldError::new("from", "must be today or later, at most a year ahead"));
        }
        self.check_term()
    }

    fn check_term(&self) -> Result<(), FieldError> {
        let latest = self.from.checked_add_months(TERM_MAX).unwrap_or(NaiveDate::MAX);
        if self.until < self.from || self.until > latest {
            return Err(FieldError::new("until", "must not be before the first day, nor three years after it"));
        }
        Ok(())
    }

    /// The contract that continues this one from the day after its last.
    pub fn renewed(
        &self,
        id: ContractId,
        package: ServicePackage,
        until: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<Self, IdentityError> {
        let today = local_date(now);
        if self.ended.is_some() || self.until < today {
            return Err(IdentityError::ContractEnded);
        }
        let from = self.until.succ_opt().unwrap_or(self.until);
        let renewed = Self { id, package, from, until, renews: Some(self.id), signed_at: now, ..self.clone() };
        renewed.check_term()?;
        Ok(renewed)
    }

    /// Ends it with a last day from today on. One that has not begun yet is taken back by any day before its first.
    pub fn end(self, last_day: NaiveDate, reason: String, now: DateTime<Utc>) -> Result<Self, IdentityError> {
        let today = local_date(now);
        if self.ended.is_some() || self.until < today {
            return Err(IdentityError::ContractEnded);
        }
        if last_day < today || last_day > self.until {
            return Err(FieldError::new("last_day", "must be today or later, and no later than agreed").into());
        }
        Ok(Self { ended: Some(Ended { last_day, reason, recorded_at: now }), ..self })
    }

    /// Last day in force.
    pub fn last_day(&self) -> NaiveDate {
        self.ended.as_ref().map_or(self.until, |ended| ended.last_day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn now() -> DateTime<Utc> {
        "2026-03-01T04:00:00Z".parse().unwrap()
    }

    fn contract(from: &str, until: &str) -> Contract {
        let packages = ServicePackages::parse(crate::SERVICE_PACKAGES).unwrap();
        Contract {
            id: ContractId::from_uuid(uuid::Uuid::from_u128(1)),
            region: RegionCode::BEIJING,
            resident: ResidentId::from_uuid(uuid::Uuid::from_u128(2)),
            organisation: OrganisationId::from_uuid(uuid::Uuid::from_u128(3)),
            team: BTreeSet::from([PractitionerId::from_uuid(uuid::Uuid::from_u128(4))]),
            package: packages.find("BASIC").unwrap().clone(),
            from: day(from),
            until: day(until),
            renews: None,
            signed_at: now(),
            ended: None,
        }
    }

    #[test]
    fn id_05_a_term_begins_today_at_the_earliest_and_lasts_three_years_at_most() {
        assert_eq!(contract("2026-03-01", "2029-03-01").check(), Ok(()));
        assert_eq!(contract("2026-02-28", "2027-02-28").check().unwrap_err().field, "from");
        assert_eq!(contract("2027-03-03", "2028-03-03").check().unwrap_err().field, "from");
        assert_eq!(contract("2026-03-01", "2029-03-02").check().unwrap_err().field, "until");
        assert_eq!(contract("2026-03-02", "2026-03-01").check().unwrap_err().field, "until");
    }

    #[test]
    fn id_05_a_contract_is_continued_without_a_day_between() {
        let first = contract("2026-03-01", "2027-02-28");
        let id = ContractId::from_uuid(uuid::Uuid::from_u128(9));
        let renew = |until| first.renewed(id, first.package.clone(), day(until), now());
        let next = renew("2028-02-29").unwrap();
        assert_eq!((next.from, next.renews), (day("2027-03-01"), Some(first.id)));
        assert!(matches!(renew("2027-02-01"), Err(IdentityError::Field(_))));
        let ended = first.clone().end(day("2026-04-01"), "moved".to_owned(), now()).unwrap();
        let answer = ended.renewed(id, first.package.clone(), day("2028-02-29"), now());
        assert!(matches!(answer, Err(IdentityError::ContractEnded)));
    }

    #[test]
    fn id_05_a_contract_ends_once_and_never_in_the_past() {
        let end = |contract: Contract, last| contract.end(day(last), "moved".to_owned(), now());
        assert!(matches!(end(contract("2026-03-01", "2027-02-28"), "2026-02-28"), Err(IdentityError::Field(_))));
        assert!(matches!(end(contract("2026-03-01", "2027-02-28"), "2027-03-01"), Err(IdentityError::Field(_))));
        let ended = end(contract("2026-03-01", "2027-02-28"), "2026-03-01").unwrap();
        assert_eq!(ended.last_day(), day("2026-03-01"));
        assert!(matches!(end(ended, "2026-03-01"), Err(IdentityError::ContractEnded)));
        assert!(matches!(end(contract("2025-01-01", "2026-02-28"), "2026-03-01"), Err(IdentityError::ContractEnded)));
    }
}
