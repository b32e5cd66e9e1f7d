//! A person's records opened in an emergency, without their consent: for a while, seen by the person, reviewed by somebody else.

use chrono::{DateTime, TimeDelta, Utc};
use proto::convert::FieldError;
use types::caller::Party;
use types::ids::{BreakGlassId, OrganisationId, ResidentId};
use types::redacted::Redacted;
use types::region::RegionCode;

use super::IdentityError;
use super::word::words;

words! {
    /// Why there is no time to ask, or nobody to be asked.
    Reason {
        LifeAtRisk = "LIFE_AT_RISK",
        CannotConsent = "CANNOT_CONSENT",
        PublicHealth = "PUBLIC_HEALTH",
    }
}

words! {
    /// What a review found.
    Verdict {
        Justified = "JUSTIFIED",
        Unjustified = "UNJUSTIFIED",
    }
}

/// How much is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub duration_max: TimeDelta,
    /// Openings by one clinician on one local day.
    pub per_day_max: u16,
}

impl Limits {
    /// How long it stays open: as asked, or as long as it may.
    pub fn duration(&self, minutes: i32) -> Result<TimeDelta, FieldError> {
        let asked = TimeDelta::minutes(minutes.into());
        match minutes {
            0 => Ok(self.duration_max),
            1.. if asked <= self.duration_max => Ok(asked),
            _ => {
                let most = self.duration_max.num_minutes();
                Err(FieldError::new("minutes", format!("must be 1 to {most}, or 0 for as long as that")))
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlass {
    pub id: BreakGlassId,
    pub region: RegionCode,
    pub resident: ResidentId,
    pub organisation: OrganisationId,
    pub opened_by: Party,
    pub reason: Reason,
    pub justification: Redacted<String>,
    pub opened_at: DateTime<Utc>,
    pub closes_at: DateTime<Utc>,
    pub review: Option<Review>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    pub verdict: Verdict,
    pub by: Party,
    pub at: DateTime<Utc>,
}

impl BreakGlass {
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.closes_at > now
    }

    /// Once, and by nobody who opened it.
    pub fn review(self, review: Review) -> Result<Self, IdentityError> {
        if review.by == self.opened_by {
            return Err(IdentityError::OutsideScope);
        }
        if self.review.is_some() {
            return Err(IdentityError::BreakGlassReviewed);
        }
        Ok(Self { review: Some(review), ..self })
    }
}

#[cfg(test)]
mod tests {
    use types::ids::PractitionerId;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    #[test]
    fn id_06_break_glass_lasts_no_longer_than_is_allowed() {
        let limits = Limits { duration_max: TimeDelta::minutes(240), per_day_max: 1 };
        assert_eq!(limits.duration(0), Ok(TimeDelta::minutes(240)));
        assert_eq!(limits.duration(30), Ok(TimeDelta::minutes(30)));
        assert_eq!(limits.duration(240), Ok(TimeDelta::minutes(240)));
        for minutes in [-1, 241, i32::MAX, i32::MIN] {
            assert_eq!(limits.duration(minutes).unwrap_err().field, "minutes");
        }
    }

    #[test]
    fn id_06_break_glass_closes_by_itself_and_is_reviewed_once() {
        let party = || Party::Practitioner(PractitionerId::generate());
        let opened = BreakGlass {
            id: BreakGlassId::generate(),
            region: RegionCode::BEIJING,
            resident: ResidentId::generate(),
            organisation: OrganisationId::generate(),
            opened_by: party(),
            reason: Reason::CannotConsent,
            justification: Redacted::new("昏迷送入抢救室".to_owned()),
            opened_at: NOW,
            closes_at: NOW + TimeDelta::minutes(30),
            review: None,
        };
        assert!(opened.is_open(opened.closes_at - TimeDelta::microseconds(1)));
        assert!(!opened.is_open(opened.closes_at));
        let own = Review { verdict: Verdict::Justified, by: opened.opened_by.clone(), at: NOW };
        assert!(matches!(opened.clone().review(own), Err(IdentityError::OutsideScope)));
        let review = |verdict| Review { verdict, by: party(), at: NOW };
        let reviewed = opened.review(review(Verdict::Unjustified)).unwrap();
        let again = reviewed.review(review(Verdict::Justified));
        assert!(matches!(again, Err(IdentityError::BreakGlassReviewed)));
    }
}
