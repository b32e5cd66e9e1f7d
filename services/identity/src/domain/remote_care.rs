//! Care outside of the insured region, filed (异地备案): why, where, and on which days it is good.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proto::convert::FieldError;
use types::clock::local_date;
use types::ids::{OrganisationId, RemoteCareFilingId, ResidentId};
use types::region::RegionCode;

use super::IdentityError;
use super::word::words;

/// How far back a filing may begin: a limit of ours. In time is whoever files before the discharge is settled
/// (医保发〔2022〕22号, article 16), which adjudication can tell and identity cannot.
const BACKDATED_MAX: TimeDelta = TimeDelta::days(366);
/// A referral and an emergency end.
const TEMPORARY_MAX: TimeDelta = TimeDelta::days(366);

words! {
    /// Why somebody is cared for elsewhere.
    Kind {
        ResettledRetired = "RESETTLED_RETIRED",
        LongTermResident = "LONG_TERM_RESIDENT",
        TemporaryReferral = "TEMPORARY_REFERRAL",
        Emergency = "EMERGENCY",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filing {
    pub id: RemoteCareFilingId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub kind: Kind,
    pub care_region: RegionCode,
    /// First day it is good for.
    pub from: NaiveDate,
    /// Last day it is good for; none means until withdrawn.
    pub until: Option<NaiveDate>,
    pub evidence: String,
    /// Organisation whose desk filed it.
    pub recorder: Option<OrganisationId>,
    pub filed_at: DateTime<Utc>,
    pub withdrawn_at: Option<DateTime<Utc>>,
}

impl Filing {
    pub fn check(&self) -> Result<(), FieldError> {
        let filed_on = local_date(self.filed_at);
        if self.from < filed_on - BACKDATED_MAX {
            return Err(FieldError::new("from", "must be at most a year back"));
        }
        if self.until.is_some_and(|until| until < self.from) {
            return Err(FieldError::new("until", "must not be before from"));
        }
        let is_temporary = matches!(self.kind, Kind::TemporaryReferral | Kind::Emergency);
        if is_temporary && self.until.is_none_or(|until| until > self.from + TEMPORARY_MAX) {
            return Err(FieldError::new("until", "must be within a year of from"));
        }
        Ok(())
    }

    /// Filed after its first day (补办).
    pub fn is_supplementary(&self) -> bool {
        self.from < local_date(self.filed_at)
    }

    /// Refuses if it was withdrawn before.
    pub fn withdraw(self, now: DateTime<Utc>) -> Result<Self, IdentityError> {
        match self.withdrawn_at {
            Some(_) => Err(IdentityError::FilingWithdrawn),
            None => Ok(Self { withdrawn_at: Some(now), ..self }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filing(kind: Kind, from: &str, until: Option<&str>) -> Filing {
        Filing {
            id: RemoteCareFilingId::from_uuid(uuid::Uuid::from_u128(1)),
            region: RegionCode::BEIJING,
            resident: ResidentId::from_uuid(uuid::Uuid::from_u128(2)),
            kind,
            care_region: RegionCode::DEMONSTRATION,
            from: from.parse().unwrap(),
            until: until.map(|until| until.parse().unwrap()),
            evidence: "居住证".to_owned(),
            recorder: None,
            filed_at: "2026-03-01T04:00:00Z".parse().unwrap(),
            withdrawn_at: None,
        }
    }

    #[test]
    fn id_03_a_filing_may_come_after_the_first_day_but_not_after_a_year() {
        assert!(!filing(Kind::LongTermResident, "2026-03-01", None).is_supplementary());
        let late = filing(Kind::LongTermResident, "2026-02-28", None);
        assert!(late.is_supplementary());
        assert_eq!(late.check(), Ok(()));
        assert_eq!(filing(Kind::LongTermResident, "2025-02-27", None).check().unwrap_err().field, "from");
    }

    #[test]
    fn id_03_a_temporary_filing_ends() {
        for kind in [Kind::TemporaryReferral, Kind::Emergency] {
            assert_eq!(filing(kind, "2026-03-01", None).check().unwrap_err().field, "until");
            assert_eq!(filing(kind, "2026-03-01", Some("2027-03-03")).check().unwrap_err().field, "until");
            assert_eq!(filing(kind, "2026-03-01", Some("2026-08-31")).check(), Ok(()));
        }
        assert_eq!(filing(Kind::ResettledRetired, "2026-03-01", None).check(), Ok(()));
        let reversed = filing(Kind::ResettledRetired, "2026-03-01", Some("2026-02-28"));
        assert_eq!(reversed.check().unwrap_err().field, "until");
    }

    #[test]
    fn id_03_a_filing_is_withdrawn_once() {
        let now = DateTime::UNIX_EPOCH;
        let withdrawn = filing(Kind::Emergency, "2026-03-01", None).withdraw(now).unwrap();
        assert!(matches!(withdrawn.withdraw(now), Err(IdentityError::FilingWithdrawn)));
    }
}
