//! What a claim needs to know of the visit it cites, as scheduling keeps it.

use chrono::NaiveDate;
use types::care::CareKind;
use types::ids::{JourneyId, OrganisationId, ReferralId, ResidentId, VisitId};
use types::tier::Tier;

use super::error::AdjudicationError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    pub id: VisitId,
    pub resident: ResidentId,
    pub provider: OrganisationId,
    pub tier: Tier,
    pub kind: CareKind,
    /// Local day of check-in or admission.
    pub from: NaiveDate,
    /// Local day of the end; none while it is open.
    pub until: Option<NaiveDate>,
    pub identity_proven: bool,
    /// False where the patient left before being seen.
    pub is_seen: bool,
    pub referral: Option<ReferralId>,
    pub journey: JourneyId,
}

/// The days of care that a claim covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    pub from: NaiveDate,
    pub until: NaiveDate,
}

impl Visit {
    /// Whether it waits for the end of a stay of the same person: what is given in hospital is the stay's.
    pub const fn waits_for_stays(&self) -> bool {
        matches!(self.kind, CareKind::Outpatient | CareKind::Chronic | CareKind::Pharmacy)
    }

    /// The days a claim of this visit covers. An inpatient stay must have ended; other visits may be claimed on the day.
    pub fn claimable(&self, today: NaiveDate) -> Result<Stay, AdjudicationError> {
        if !self.identity_proven {
            return Err(AdjudicationError::IdentityNotProven(self.id));
        }
        if !self.is_seen {
            return Err(AdjudicationError::LeftUnseen(self.id));
        }
        let until = match (self.until, self.kind) {
            (Some(until), _) => until,
            (None, CareKind::Inpatient) => return Err(AdjudicationError::OpenStay(self.id)),
            (None, _) => today,
        };
        Ok(Stay { from: self.from, until: until.max(self.from) })
    }
}

impl Stay {
    /// Every line's day of care must lie within.
    pub fn check(&self, days: impl IntoIterator<Item = NaiveDate>) -> Result<(), AdjudicationError> {
        match days.into_iter().enumerate().find(|(_, day)| *day < self.from || *day > self.until) {
            Some((line, day)) => Err(AdjudicationError::DateOutsideStay { line, day }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(kind: CareKind, until: Option<NaiveDate>) -> Visit {
        Visit {
            id: VisitId::generate(),
            resident: ResidentId::generate(),
            provider: OrganisationId::generate(),
            tier: Tier::Tertiary,
            kind,
            from: day(1),
            until,
            identity_proven: true,
            is_seen: true,
            referral: None,
            journey: JourneyId::generate(),
        }
    }

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
    }

    #[test]
    fn an_open_stay_is_not_claimed_and_an_open_visit_is() {
        assert!(matches!(visit(CareKind::Inpatient, None).claimable(day(5)), Err(AdjudicationError::OpenStay(_))));
        let stay = visit(CareKind::Outpatient, None).claimable(day(5)).unwrap();
        assert_eq!(stay, Stay { from: day(1), until: day(5) });
    }

    #[test]
    fn a_visit_without_proof_of_identity_is_not_claimed() {
        let unproven = Visit { identity_proven: false, ..visit(CareKind::Outpatient, Some(day(1))) };
        assert!(matches!(unproven.claimable(day(1)), Err(AdjudicationError::IdentityNotProven(_))));
    }

    #[test]
    fn a_patient_who_left_unseen_is_not_billed() {
        let unseen = Visit { is_seen: false, ..visit(CareKind::Outpatient, Some(day(1))) };
        assert!(matches!(unseen.claimable(day(1)), Err(AdjudicationError::LeftUnseen(_))));
    }

    #[test]
    fn a_line_outside_the_stay_is_named() {
        let stay = visit(CareKind::Inpatient, Some(day(4))).claimable(day(9)).unwrap();
        assert!(stay.check([day(1), day(4)]).is_ok());
        assert!(
            matches!(stay.check([day(2), day(5)]), Err(AdjudicationError::DateOutsideStay { line: 1, day: outside }) if outside == day(5))
        );
    }
}
