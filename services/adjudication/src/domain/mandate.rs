//! What one of our services may have priced in a resident's name: what the resident's mandate says, and nothing else.

use types::caller::Caller;
use types::ids::ReferralId;

use super::error::AdjudicationError;

/// Refuses whoever goes on in a resident's name every other care than that of the mandate's referral. Others are held to no mandate.
pub fn check(caller: &Caller, referral: Option<ReferralId>) -> Result<(), AdjudicationError> {
    match caller.terms() {
        Ok(None) => Ok(()),
        Ok(Some(terms)) if terms.covers(referral) => Ok(()),
        Ok(Some(_)) | Err(_) => Err(AdjudicationError::OutsideMandate),
    }
}

#[cfg(test)]
mod tests {
    use types::caller::Party;
    use types::ids::{MandateId, ResidentId};
    use types::mandate::{Terms, Work};
    use types::region::RegionCode;

    use super::*;

    fn caller(actor: Option<Party>, work: Option<ReferralId>) -> Caller {
        Caller {
            actor,
            mandate: work.map(|id| Terms { id: MandateId::generate(), work: Work::Referral(id), credit: None }),
            ..Caller::new(Party::Resident(ResidentId::generate()), RegionCode::BEIJING)
        }
    }

    #[test]
    fn rf_04_a_mandate_has_the_care_of_its_own_referral_priced() {
        let referral = Some(ReferralId::generate());
        let going_on = |work| caller(Some(Party::Service("referral".to_owned())), work);
        assert!(check(&going_on(referral), referral).is_ok());
        for (work, asked) in
            [(referral, Some(ReferralId::generate())), (referral, None), (None, referral), (None, None)]
        {
            let outside = check(&going_on(work), asked);
            assert!(matches!(outside, Err(AdjudicationError::OutsideMandate)), "{work:?} {asked:?}");
        }
        assert!(check(&caller(None, None), referral).is_ok());
        assert!(check(&caller(None, None), None).is_ok());
    }
}
