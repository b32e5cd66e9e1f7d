//! Who a place is kept for (号源池), and who may draw from which pool.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use types::{
    caller::Role,
    ids::{OrganisationId, PractitionerId},
};

use super::{appointment::Channel, error::SchedulingError, words};

words! {
    /// Who a place is kept for.
    Pool {
        Public = "PUBLIC",
        Referral = "REFERRAL",
        FamilyDoctor = "FAMILY_DOCTOR",
        CommunityWorker = "COMMUNITY_WORKER",
        PhoneElderly = "PHONE_ELDERLY",
    }
}

/// From this age on a resident draws from the pool of the elderly by any channel.
pub const ELDERLY_AGE_YEARS: u32 = 65;

/// What decides which pools are open to a booking.
#[derive(Debug, Clone, Copy)]
pub struct Booker<'a> {
    /// Of whoever holds the credential.
    pub roles: &'a BTreeSet<Role>,
    /// Somebody acts for the resident: only then is the channel more than the resident's own word.
    pub is_delegate: bool,
    pub channel: Channel,
    pub age_years: u32,
    /// The resident has a contract with the family doctors whose place it is.
    pub is_contracted: bool,
}

/// A resident's contract with a team of family doctors (家庭医生签约).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyDoctorContract {
    pub organisation: OrganisationId,
    pub team: Vec<PractitionerId>,
    pub from: NaiveDate,
    /// Last day.
    pub until: NaiveDate,
}

impl FamilyDoctorContract {
    /// Whether a place of this provider and doctor is one of the team's on that day. A place of no doctor in particular is
    /// everybody's who is contracted to the provider.
    pub fn opens(&self, organisation: OrganisationId, practitioner: Option<PractitionerId>, day: NaiveDate) -> bool {
        organisation == self.organisation
            && practitioner.is_none_or(|practitioner| self.team.contains(&practitioner))
            && (self.from..=self.until).contains(&day)
    }
}

impl Booker<'_> {
    /// Referral's saga, which alone knows that a hospital has accepted.
    fn is_referral_service(&self) -> bool {
        self.roles.contains(&Role::Service("referral".to_owned()))
    }
}

impl Pool {
    /// Whether it depends on the patient's age or family doctor who may draw from it.
    pub const fn asks_for_patient(self) -> bool {
        matches!(self, Self::FamilyDoctor | Self::PhoneElderly)
    }

    /// Whether a place may be drawn from this pool.
    pub fn admit(self, booker: Booker<'_>) -> Result<(), SchedulingError> {
        let is_open = match self {
            Self::Public => true,
            Self::Referral => booker.is_referral_service(),
            Self::FamilyDoctor => booker.is_contracted || booker.roles.contains(&Role::FamilyDoctor),
            Self::CommunityWorker => booker.roles.contains(&Role::CommunityWorker),
            Self::PhoneElderly => {
                booker.age_years >= ELDERLY_AGE_YEARS || (booker.is_delegate && booker.channel == Channel::Phone)
            }
        };
        if is_open { Ok(()) } else { Err(SchedulingError::PoolNotOpen) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(role: Role) -> BTreeSet<Role> {
        BTreeSet::from([role])
    }

    fn booker(roles: &BTreeSet<Role>) -> Booker<'_> {
        Booker { roles, is_delegate: false, channel: Channel::App, age_years: 40, is_contracted: false }
    }

    fn is_open(pool: Pool, booker: Booker<'_>) -> bool {
        pool.admit(booker).is_ok()
    }

    #[test]
    fn sc_02_each_pool_opens_to_those_it_is_kept_for() {
        let resident = roles(Role::Resident);
        let referral = roles(Role::Service("referral".to_owned()));
        let doctor = roles(Role::FamilyDoctor);
        let worker = roles(Role::CommunityWorker);
        let expected = [
            (booker(&resident), [true, false, false, false, false]),
            (booker(&referral), [true, true, false, false, false]),
            (booker(&doctor), [true, false, true, false, false]),
            (booker(&worker), [true, false, false, true, false]),
            (Booker { age_years: 65, ..booker(&resident) }, [true, false, false, false, true]),
            (Booker { is_contracted: true, ..booker(&resident) }, [true, false, true, false, false]),
        ];
        let pools = [Pool::Public, Pool::Referral, Pool::FamilyDoctor, Pool::CommunityWorker, Pool::PhoneElderly];
        for (booker, open) in expected {
            assert_eq!(pools.map(|pool| is_open(pool, booker)), open, "{booker:?}");
        }
    }

    #[test]
    fn sc_02_a_resident_does_not_become_a_telephone_by_saying_so() {
        let resident = roles(Role::Resident);
        let phone = Booker { channel: Channel::Phone, ..booker(&resident) };
        assert!(!is_open(Pool::PhoneElderly, phone));
        assert!(is_open(Pool::PhoneElderly, Booker { is_delegate: true, ..phone }));
    }

    #[test]
    fn id_05_a_contract_opens_the_places_of_its_own_team_in_its_own_time() {
        let organisation = OrganisationId::from_uuid(uuid::Uuid::from_u128(1));
        let doctor = PractitionerId::from_uuid(uuid::Uuid::from_u128(2));
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let (from, until) = (day("2026-01-01"), day("2026-12-31"));
        let contract = FamilyDoctorContract { organisation, team: vec![doctor], from, until };
        assert!(contract.opens(organisation, Some(doctor), from));
        assert!(contract.opens(organisation, None, until));
        assert!(!contract.opens(organisation, Some(doctor), day("2027-01-01")));
        let other = PractitionerId::from_uuid(uuid::Uuid::from_u128(3));
        assert!(!contract.opens(organisation, Some(other), from));
        assert!(!contract.opens(OrganisationId::from_uuid(uuid::Uuid::from_u128(4)), None, from));
    }
}
