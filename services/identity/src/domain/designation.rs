//! By which contract an insurer designates a provider (定点), on which days.

use chrono::{DateTime, NaiveDate, Utc};
use proto::convert::FieldError;
use serde::{Deserialize, Serialize};
use types::ids::{DesignationId, OrganisationId};
use types::region::RegionCode;

use super::IdentityError;
use super::word::words;

words! {
    /// What for.
    Kind {
        Outpatient = "OUTPATIENT",
        Inpatient = "INPATIENT",
        Pharmacy = "PHARMACY",
        Chronic = "CHRONIC",
    }
}

impl Kind {
    /// What a provider that is designated on its registration is designated for.
    pub const ALL: [Self; 4] = [Self::Outpatient, Self::Inpatient, Self::Pharmacy, Self::Chronic];
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Designation {
    pub id: DesignationId,
    /// The tenant.
    pub region: RegionCode,
    pub provider: OrganisationId,
    /// None where the provider's registration said so.
    pub insurer: Option<OrganisationId>,
    pub kind: Kind,
    pub from: NaiveDate,
    /// Last day; open if none.
    pub until: Option<NaiveDate>,
    /// By first day; only the last one may be open.
    pub suspensions: Vec<Suspension>,
    pub end_reason: String,
    pub made_at: DateTime<Utc>,
}

/// Days on which a contract was not good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    pub from: NaiveDate,
    /// Last day; none while it lasts.
    pub until: Option<NaiveDate>,
    pub reason: String,
}

impl Designation {
    pub fn check(&self) -> Result<(), FieldError> {
        match self.until {
            Some(until) if until < self.from => Err(FieldError::new("until", "must not be before from")),
            _ => Ok(()),
        }
    }

    /// Whether care on that day is paid by it.
    pub fn is_good_on(&self, day: NaiveDate) -> bool {
        self.has(day) && !self.suspensions.iter().any(|suspension| suspension.has(day))
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        let ends_before = |first: &Self, second: &Self| first.until.is_some_and(|last| last < second.from);
        self.kind == other.kind && !ends_before(self, other) && !ends_before(other, self)
    }

    pub fn suspend(mut self, from: NaiveDate, reason: String) -> Result<Self, IdentityError> {
        if self.until.is_some_and(|last| last < from) {
            return Err(IdentityError::DesignationEnded);
        }
        if self.suspensions.iter().any(|suspension| suspension.until.is_none_or(|last| last >= from)) {
            return Err(IdentityError::DesignationSuspended);
        }
        if !self.has(from) {
            return Err(FieldError::new("from", "must be a day of the contract").into());
        }
        self.suspensions.push(Suspension { from, until: None, reason });
        Ok(self)
    }

    /// `from` is the first day on which it is good again.
    pub fn resume(mut self, from: NaiveDate) -> Result<Self, IdentityError> {
        let open = self.suspensions.last_mut().filter(|suspension| suspension.until.is_none());
        let open = open.ok_or(IdentityError::DesignationNotSuspended)?;
        if from <= open.from {
            return Err(FieldError::new("from", "must be after the first day of the suspension").into());
        }
        open.until = from.pred_opt();
        Ok(self)
    }

    pub fn end(self, until: NaiveDate, reason: String) -> Result<Self, IdentityError> {
        if until < self.from {
            return Err(FieldError::new("until", "must not be before the first day").into());
        }
        if self.until.is_some_and(|earlier| earlier <= until) {
            return Err(IdentityError::DesignationEnded);
        }
        Ok(Self { until: Some(until), end_reason: reason, ..self })
    }

    fn has(&self, day: NaiveDate) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }
}

impl Suspension {
    fn has(&self, day: NaiveDate) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn designation() -> Designation {
        Designation {
            id: DesignationId::from_uuid(uuid::Uuid::from_u128(1)),
            region: RegionCode::BEIJING,
            provider: OrganisationId::from_uuid(uuid::Uuid::from_u128(2)),
            insurer: None,
            kind: Kind::Outpatient,
            from: day("2026-01-01"),
            until: Some(day("2026-12-31")),
            suspensions: vec![],
            end_reason: String::new(),
            made_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn id_02_a_contract_is_good_on_its_days_without_those_of_suspensions() {
        let good_on = |designation: &Designation, on| designation.is_good_on(day(on));
        let suspended = designation().suspend(day("2026-03-01"), "违规".to_owned()).unwrap();
        assert!(good_on(&suspended, "2026-02-28"));
        assert!(!good_on(&suspended, "2026-03-01"));
        assert!(!good_on(&suspended, "2026-12-31"));
        let resumed = suspended.resume(day("2026-04-01")).unwrap();
        assert!(!good_on(&resumed, "2026-03-31"));
        assert!(good_on(&resumed, "2026-04-01"));
        assert!(!good_on(&resumed, "2025-12-31"));
        assert!(!good_on(&resumed, "2027-01-01"));
    }

    #[test]
    fn id_02_a_contract_is_suspended_resumed_and_ended_in_order() {
        let reason = || "违规".to_owned();
        let wrong = designation().suspend(day("2027-01-01"), reason());
        assert!(matches!(wrong, Err(IdentityError::DesignationEnded)));
        assert!(matches!(designation().suspend(day("2025-12-31"), reason()), Err(IdentityError::Field(_))));
        assert!(matches!(designation().resume(day("2026-03-01")), Err(IdentityError::DesignationNotSuspended)));
        let suspended = designation().suspend(day("2026-03-01"), reason()).unwrap();
        let again = suspended.clone().suspend(day("2026-04-01"), reason());
        assert!(matches!(again, Err(IdentityError::DesignationSuspended)));
        assert!(matches!(suspended.clone().resume(day("2026-03-01")), Err(IdentityError::Field(_))));
        let resumed = suspended.resume(day("2026-04-01")).unwrap();
        assert!(resumed.suspend(day("2026-05-01"), reason()).is_ok());

        let ended = designation().end(day("2026-06-30"), reason()).unwrap();
        assert!(!ended.is_good_on(day("2026-07-01")));
        assert!(matches!(ended.end(day("2026-06-30"), reason()), Err(IdentityError::DesignationEnded)));
        assert!(matches!(designation().end(day("2025-12-31"), reason()), Err(IdentityError::Field(_))));
    }
}
