//! The referral that a visit cites, as the referral service told of it, and what that says about how a person came.

use chrono::NaiveDate;
use types::ids::OrganisationId;

use super::circumstances::OwnClinic;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Referral {
    pub referrer: OrganisationId,
    pub target: OrganisationId,
    /// Local day on which it was made.
    pub on: NaiveDate,
}

/// What is known of the referral that a visit cites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cited {
    Nothing,
    /// Not told of, or not yet: the visit's word counts.
    Unheard,
    OfThePerson(Referral),
    /// It is somebody else's.
    OfAnother,
}

impl Cited {
    /// Whether the person came to a provider by it.
    pub fn leads_to(&self, provider: OrganisationId) -> bool {
        match self {
            Self::Nothing | Self::OfAnother => false,
            Self::Unheard => true,
            Self::OfThePerson(referral) => referral.target == provider,
        }
    }

    /// It, where the person came to a provider by it and it is known.
    pub fn known(&self, provider: OrganisationId) -> Option<&Referral> {
        match self {
            Self::OfThePerson(referral) => Some(referral).filter(|_| self.leads_to(provider)),
            Self::Nothing | Self::Unheard | Self::OfAnother => None,
        }
    }

    /// Where care is had, seen from the clinic that the person has a contract with.
    pub fn own_clinic(&self, contracted: Option<OrganisationId>, provider: OrganisationId) -> OwnClinic {
        let Some(own) = contracted else { return OwnClinic::Elsewhere };
        if own == provider {
            return OwnClinic::Here;
        }
        match self.known(provider) {
            Some(referral) if referral.referrer == own => OwnClinic::ReferredBy,
            _ => OwnClinic::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rf_09_a_referral_counts_for_the_person_and_the_provider_it_was_made_to() {
        let [clinic, hospital, other] = [(); 3].map(|()| OrganisationId::generate());
        let on = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let cited = Cited::OfThePerson(Referral { referrer: clinic, target: hospital, on });
        assert!(cited.leads_to(hospital) && !cited.leads_to(other));
        assert!(!Cited::OfAnother.leads_to(hospital) && !Cited::Nothing.leads_to(hospital));
        assert!(Cited::Unheard.leads_to(hospital));
        assert_eq!(cited.known(hospital).map(|referral| referral.on), Some(on));
        assert_eq!((cited.known(other), Cited::Unheard.known(hospital)), (None, None));
    }

    #[test]
    fn ad_05_the_own_clinic_is_the_one_with_the_contract() {
        let [clinic, hospital, other] = [(); 3].map(|()| OrganisationId::generate());
        let on = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let cited = Cited::OfThePerson(Referral { referrer: clinic, target: hospital, on });
        assert_eq!(cited.own_clinic(Some(clinic), clinic), OwnClinic::Here);
        assert_eq!(cited.own_clinic(Some(clinic), hospital), OwnClinic::ReferredBy);
        assert_eq!(cited.own_clinic(Some(clinic), other), OwnClinic::Elsewhere);
        assert_eq!(cited.own_clinic(Some(other), hospital), OwnClinic::Elsewhere);
        assert_eq!(cited.own_clinic(None, hospital), OwnClinic::Elsewhere);
        assert_eq!(Cited::Unheard.own_clinic(Some(clinic), hospital), OwnClinic::Elsewhere);
    }
}
