//! What services may go on doing in a resident's name: an allow list, kept as data in `continuations.toml`.

use std::collections::{BTreeMap, BTreeSet};

use super::IdentityError;

/// Methods (`package.Service/Method`) by service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuations(BTreeMap<String, BTreeSet<String>>);

impl Continuations {
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text).map(Self)
    }

    /// Refuses unless the service may continue with every one of the methods, of which there is at least one.
    pub fn check(&self, service: &str, methods: &[String]) -> Result<(), IdentityError> {
        let allowed = self.0.get(service).ok_or(IdentityError::ContinuationNotPermitted)?;
        if methods.is_empty() || !methods.iter().all(|method| allowed.contains(method)) {
            return Err(IdentityError::ContinuationNotPermitted);
        }
        Ok(())
    }

    /// Every method of the list.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.0.values().flatten().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Continuations {
        Continuations::parse(include_str!("../../continuations.toml")).unwrap()
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
        let check = |service: &str, methods: &[String]| shipped().check(service, methods).is_ok();
        assert!(check("referral", std::slice::from_ref(&hold)));
        assert!(!check("referral", &[]));
        assert!(!check("referral", &[hold.clone(), capture]));
        assert!(!check("payment", &[hold]));
    }
}
