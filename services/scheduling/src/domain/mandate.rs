//! What one of our services may do about a resident's places: what the resident's mandate says, and nothing else.

use types::{
    caller::{Caller, Party},
    ids::ReferralId,
};

use super::{appointment::Appointment, error::SchedulingError};

/// A referral changes who pays what: it is cited by whoever goes on under the mandate for it, and by nobody else.
pub fn check_referral(caller: &Caller, referral: Option<ReferralId>) -> Result<(), SchedulingError> {
    match caller.terms() {
        Ok(Some(terms)) if terms.covers(referral) => Ok(()),
        Ok(None) if referral.is_none() => Ok(()),
        Ok(None) => {
            Err(SchedulingError::field("referral_id", "is cited by referral itself when it books; leave it empty"))
        }
        Ok(Some(_)) | Err(_) => Err(SchedulingError::OutsideMandate),
    }
}

/// Refuses services every appointment that they did not arrange: under a mandate others than for its referral, in their own name what
/// they did not book.
pub fn check_arranged(caller: &Caller, appointment: &Appointment) -> Result<(), SchedulingError> {
    let is_theirs = match (caller.terms(), &caller.subject) {
        (Ok(Some(terms)), _) => terms.covers(appointment.referral),
        (Ok(None), Party::Service(_)) => appointment.booked_by == caller.subject,
        (Ok(None), _) => true,
        (Err(_), _) => false,
    };
    if is_theirs { Ok(()) } else { Err(SchedulingError::OutsideMandate) }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use types::{
        care::CareKind,
        ids::{AppointmentId, JourneyId, MandateId, OrganisationId, ResidentId, SessionId, SlotId},
        mandate::{Terms, Work},
        region::RegionCode,
    };

    use super::*;
    use crate::domain::{
        appointment::{Channel, State},
        pool::Pool,
        session::{Slot, VisitTerms},
    };

    fn caller(subject: Party, actor: Option<Party>, mandate: Option<Terms>) -> Caller {
        Caller { actor, mandate, ..Caller::new(subject, RegionCode::BEIJING) }
    }

    fn resident() -> Party {
        Party::Resident(ResidentId::generate())
    }

    fn service(name: &str) -> Party {
        Party::Service(name.to_owned())
    }

    fn going_on(work: Option<ReferralId>) -> Caller {
        let terms = work.map(|id| Terms { id: MandateId::generate(), work: Work::Referral(id), credit: None });
        caller(resident(), Some(service("referral")), terms)
    }

    fn appointment(booked_by: Party, referral: Option<ReferralId>) -> Appointment {
        let now = DateTime::UNIX_EPOCH;
        Appointment {
            id: AppointmentId::generate(),
            resident: ResidentId::generate(),
            slot: Slot { id: SlotId::generate(), session: SessionId::generate(), starts_at: now, ends_at: now },
            more_slots: vec![],
            organisation: OrganisationId::generate(),
            department: None,
            practitioner: None,
            kind: CareKind::Outpatient,
            pool: Pool::Public,
            channel: Channel::App,
            booked_by,
            device: None,
            delegation: None,
            referral,
            journey: JourneyId::generate(),
            stated_lines: vec![],
            terms: VisitTerms::default(),
            quote: None,
            revision: 1,
            held_at: now,
            hold_expires_at: now,
            confirmed_at: None,
            state: State::Held,
        }
    }

    #[test]
    fn rf_04_a_referral_is_cited_under_the_mandate_for_it_and_by_nobody_else() {
        let referral = Some(ReferralId::generate());
        assert!(check_referral(&going_on(referral), referral).is_ok());
        for (caller, cited) in [
            (going_on(referral), Some(ReferralId::generate())),
            (going_on(referral), None),
            (going_on(None), referral),
            (going_on(None), None),
        ] {
            assert!(matches!(check_referral(&caller, cited), Err(SchedulingError::OutsideMandate)), "{cited:?}");
        }

        let herself = caller(resident(), None, None);
        assert!(check_referral(&herself, None).is_ok());
        assert!(check_referral(&herself, referral).is_err());
    }

    #[test]
    fn rf_04_a_service_goes_on_with_what_it_arranged_and_nothing_else() {
        let referral = Some(ReferralId::generate());
        let its_own = appointment(service("referral"), referral);
        let other = appointment(resident(), None);
        let refused = |caller: &Caller, appointment: &Appointment| {
            matches!(check_arranged(caller, appointment), Err(SchedulingError::OutsideMandate))
        };
        assert!(!refused(&going_on(referral), &its_own));
        assert!(refused(&going_on(referral), &other));
        assert!(refused(&going_on(Some(ReferralId::generate())), &its_own));
        assert!(refused(&going_on(None), &its_own), "it says nothing of a mandate");

        assert!(!refused(&caller(service("referral"), None, None), &its_own));
        assert!(refused(&caller(service("payment"), None, None), &its_own));
        assert!(refused(&caller(service("referral"), None, None), &other));
        assert!(!refused(&caller(resident(), None, None), &other), "whose it is, others say");
    }
}
