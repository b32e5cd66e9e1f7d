//! What services may go on doing in a resident's name: an allow list, kept as data in `continuations.toml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::IdentityError;
use super::mandate::Mandate;

/// Methods (`package.Service/Method`) by service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuations(BTreeMap<String, Allowed>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    /// Under every mandate.
    any: BTreeSet<String>,
    /// Only under a mandate with credit: what commits the resident's money.
    credit: BTreeSet<String>,
}

impl Continuations {
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text).map(Self)
    }

    /// Refuses unless the mandate's service may continue under it with every one of the methods, of which there is at least one.
    pub fn check(&self, mandate: &Mandate, methods: &[String]) -> Result<(), IdentityError> {
        let allowed = self.0.get(mandate.service()).ok_or(IdentityError::ContinuationNotPermitted)?;
        let covers = |method: &String| {
            allowed.any.contains(method) || (mandate.credit.is_some() && allowed.credit.contains(method))
        };
        if methods.is_empty() || !methods.iter().all(covers) {
            return Err(IdentityError::ContinuationNotPermitted);
        }
        Ok(())
    }

    /// Every method of the list.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.0.values().flat_map(|allowed| allowed.any.iter().chain(&allowed.credit)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use types::caller::Party;
    use types::ids::{CreditLineId, MandateId, ReferralId, ResidentId};
    use types::mandate::{Credit, Work};
    use types::money::Money;
    use types::region::RegionCode;

    use super::*;

    fn shipped() -> Continuations {
        Continuations::parse(include_str!("../../continuations.toml")).unwrap()
    }

    fn mandate(credit: Option<Credit>) -> Mandate {
        let resident = ResidentId::generate();
        Mandate {
            id: MandateId::generate(),
            region: RegionCode::BEIJING,
            resident,
            given_by: Party::Resident(resident),
            delegation: None,
            work: Work::Referral(ReferralId::generate()),
            credit,
            given_at: DateTime::UNIX_EPOCH,
            until: Mandate::ends(DateTime::UNIX_EPOCH, 1),
            ended: None,
        }
    }

    #[test]
    fn every_method_of_the_list_is_declared_by_a_contract() {
        for method in shipped().methods() {
            assert!(chassis::methods::Methods::declared().shape(method).is_some(), "{method}");
        }
    }

    #[test]
    fn id_07_a_service_continues_with_listed_methods_only() {
        let hold = "anjia.scheduling.v1.AppointmentService/HoldSlot".to_owned();
        let capture = "anjia.payment.v1.BillService/CaptureBill".to_owned();
        let check = |methods: &[String]| shipped().check(&mandate(None), methods).is_ok();
        assert!(check(std::slice::from_ref(&hold)));
        assert!(!check(&[]));
        assert!(!check(&[hold, capture]));
    }

    #[test]
    fn id_07_money_is_committed_under_a_mandate_with_credit_only() {
        let authorise = ["anjia.payment.v1.BillService/AuthoriseBill".to_owned()];
        let credit = Credit { line: CreditLineId::generate(), own_share_max: Money::from_fen(100) };
        assert!(shipped().check(&mandate(Some(credit)), &authorise).is_ok());
        assert!(shipped().check(&mandate(None), &authorise).is_err());
    }
}
