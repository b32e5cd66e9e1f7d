//! Who may say that it is an emergency. One is bound by no limit and no suspension, and goes before everybody in a queue (SC-08, SC-11): that
//! takes the word of somebody who sees or hears the patient. A patient's own word in an app books none; it is kept from nobody, since a
//! walk-in at an emergency desk is never refused for want of a place.

use types::{
    caller::{Caller, Party, Role},
    care::CareKind,
};

use super::error::SchedulingError;

/// Staff who triage, and referral, which goes on where a hospital has accepted.
fn may_say(role: &Role) -> bool {
    match role {
        Role::CommunityWorker | Role::FamilyDoctor | Role::ClinicClerk | Role::Clinician | Role::ReferralDesk => true,
        Role::Service(name) => name == "referral",
        Role::Resident
        | Role::InsurerOfficer
        | Role::InsurerReviewer
        | Role::Bank
        | Role::Platform
        | Role::Operator
        | Role::Auditor => false,
    }
}

/// Refuses an emergency that nobody but the patient, their delegate or a bank's desk calls one.
pub fn check(caller: &Caller, kind: CareKind) -> Result<(), SchedulingError> {
    let is_resident = matches!(caller.acting(), Party::Resident(_));
    if kind != CareKind::Emergency || (!is_resident && caller.roles.iter().any(may_say)) {
        Ok(())
    } else {
        Err(SchedulingError::EmergencyByStaffOnly)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use types::{
        ids::{PractitionerId, ResidentId},
        region::RegionCode,
    };

    use super::*;

    fn caller(actor: Option<Party>, role: Role) -> Caller {
        let resident = Party::Resident(ResidentId::generate());
        Caller { actor, roles: BTreeSet::from([role]), ..Caller::new(resident, RegionCode::BEIJING) }
    }

    fn is_refused(caller: &Caller) -> bool {
        assert!(check(caller, CareKind::Outpatient).is_ok(), "nothing else is asked about");
        matches!(check(caller, CareKind::Emergency), Err(SchedulingError::EmergencyByStaffOnly))
    }

    #[test]
    fn sc_08_an_emergency_takes_the_word_of_staff_or_of_a_hospital_that_accepted() {
        let staff = [Role::CommunityWorker, Role::FamilyDoctor, Role::ClinicClerk, Role::Clinician, Role::ReferralDesk];
        for role in staff {
            let actor = Some(Party::Practitioner(PractitionerId::generate()));
            assert!(!is_refused(&caller(actor, role.clone())), "{role}");
        }
        let service = |name: &str| caller(Some(Party::Service(name.to_owned())), Role::Service(name.to_owned()));
        assert!(!is_refused(&service("referral")));
        assert!(is_refused(&service("payment")));
    }

    #[test]
    fn sc_08_neither_a_patient_nor_a_relative_nor_a_bank_declares_an_emergency() {
        let relative = Party::Resident(ResidentId::generate());
        assert!(is_refused(&caller(None, Role::Resident)));
        assert!(is_refused(&caller(Some(relative.clone()), Role::Resident)));
        assert!(is_refused(&caller(Some(Party::Client("bank".to_owned())), Role::Bank)));
        // Who works as a nurse is a relative at home.
        assert!(is_refused(&caller(Some(relative), Role::Clinician)));
    }
}
