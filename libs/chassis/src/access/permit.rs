//! The object rule: whether this caller may see this row.

use std::ops::Deref;

use tonic::{Code, Status};
use types::caller::{Caller, Role};
use types::ids::{OrganisationId, ResidentId};

use super::policy::Policy;
use crate::error;

/// The reason of a row that is not for this caller.
pub(crate) const OUTSIDE_SCOPE: &str = "OUTSIDE_SCOPE";

/// A row that belongs to somebody.
pub trait Guarded {
    /// Reason that a missing row of this kind has, such as `CREDIT_LINE_NOT_FOUND`: what a bank reads of a row that is not its own.
    const NOT_FOUND: &'static str = "NOT_FOUND";

    /// The resident whose row it is.
    fn resident(&self) -> Option<ResidentId>;
    /// The organisations that take part in it.
    fn organisations(&self) -> Vec<OrganisationId>;

    /// The organisations that care for the resident at this moment, as far as they were looked up: what the `care` relation needs.
    fn carers(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

/// A row that its caller may see. Only [`Context::permit`](crate::Context::permit) makes one, and only this is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted<T>(T);

impl<T> Permitted<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }

    /// A part of what may be seen may be seen.
    pub fn part<U>(self, part: impl FnOnce(T) -> U) -> Permitted<U> {
        Permitted(part(self.0))
    }

    /// The row itself, to encode it.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Permitted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The row is not for this caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the row is outside of the caller's scope")]
pub struct Denied {
    pub(crate) domain: String,
    /// Set for callers who may not even learn that the row exists: the reason a missing row would have.
    pub(crate) hidden_as: Option<&'static str>,
}

impl From<Denied> for Status {
    fn from(denied: Denied) -> Self {
        match denied.hidden_as {
            Some(reason) => error::status(&denied.domain, Code::NotFound, reason, "not found"),
            None => error::status(&denied.domain, Code::PermissionDenied, OUTSIDE_SCOPE, denied.to_string()),
        }
    }
}

/// Applies a method's object rule to a row; answers the policy that let the caller in.
pub(crate) fn decide<'a, T: Guarded>(
    policy: Option<&'a Policy>,
    domain: &str,
    caller: &Caller,
    value: &T,
) -> Result<&'a Policy, Denied> {
    policy.filter(|policy| policy.allows(caller, value)).ok_or_else(|| {
        let hidden_as = caller.has(&Role::Bank).then_some(T::NOT_FOUND);
        Denied { domain: domain.to_owned(), hidden_as }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use types::caller::Party;
    use types::region::RegionCode;

    use super::*;
    use crate::access::Policies;
    use crate::methods::Methods;

    /// A resident, the organisation of the row, and one that cares for the resident.
    struct Row(ResidentId, OrganisationId, OrganisationId);

    impl Row {
        fn new() -> Self {
            Self(ResidentId::generate(), OrganisationId::generate(), OrganisationId::generate())
        }
    }

    impl Guarded for Row {
        const NOT_FOUND: &'static str = "ROW_NOT_FOUND";

        fn resident(&self) -> Option<ResidentId> {
            Some(self.0)
        }

        fn organisations(&self) -> Vec<OrganisationId> {
            vec![self.1]
        }

        fn carers(&self) -> Vec<OrganisationId> {
            vec![self.2]
        }
    }

    /// The policy of a method with this rule; clinicians have one of their own.
    fn policy(object: &str, object_of_clinicians: &str) -> Policy {
        const SERVICE: &str = "anjia.identity.v1.TokenService";
        let others = ["ExchangeToken", "RevokeToken", "LiftRevocation", "PullRevocations"];
        let others = others.map(|method| format!("[\"{SERVICE}/{method}\"]\nanonymous = true\n")).concat();
        let text = format!(
            "{others}[\"{SERVICE}/GetKeys\"]\nobject = \"{object}\"\n\
             roles = [\"resident\", \"clinician\", \"clinic_clerk\", \"bank\", \"service:referral\"]\n\
             object_for = {{ clinician = \"{object_of_clinicians}\" }}"
        );
        let policies = Policies::check(&text, &[SERVICE], Methods::declared()).unwrap();
        policies.get("anjia.identity.v1.TokenService/GetKeys").unwrap().as_ref().clone()
    }

    fn caller(subject: Party, organisation: Option<OrganisationId>, role: Role) -> Caller {
        Caller { organisation, roles: BTreeSet::from([role]), ..Caller::new(subject, RegionCode::BEIJING) }
    }

    fn staff(organisation: OrganisationId, role: Role) -> Caller {
        caller(Party::Client("desk".to_owned()), Some(organisation), role)
    }

    fn allowed(policy: &Policy, caller: &Caller, row: &Row) -> bool {
        decide(Some(policy), "x.anjia", caller, row).is_ok()
    }

    #[test]
    fn each_rule_lets_in_whom_it_names() {
        let row = Row::new();
        let owner = caller(Party::Resident(row.0), None, Role::Resident);
        let stranger = caller(Party::Resident(ResidentId::generate()), None, Role::Resident);
        let (clinic, carer) = (staff(row.1, Role::ClinicClerk), staff(row.2, Role::ClinicClerk));
        let elsewhere = staff(OrganisationId::generate(), Role::ClinicClerk);

        let expected = [
            ("anyone", [true, true, true, true, true]),
            ("subject", [true, false, false, false, false]),
            ("organisation", [false, true, false, false, false]),
            ("care", [false, false, true, false, false]),
            ("subject_or_organisation", [true, true, false, false, false]),
            ("subject_or_organisation_or_care", [true, true, true, false, false]),
        ];
        for (rule, outcome) in expected {
            let policy = policy(rule, "subject");
            let seen = [&owner, &clinic, &carer, &elsewhere, &stranger].map(|caller| allowed(&policy, caller, &row));
            assert_eq!(seen, outcome, "{rule}");
        }
    }

    #[test]
    fn a_role_may_have_a_rule_of_its_own_and_any_role_suffices() {
        let row = Row::new();
        let policy = policy("organisation", "care");
        assert!(allowed(&policy, &staff(row.2, Role::Clinician), &row));
        assert!(!allowed(&policy, &staff(row.2, Role::ClinicClerk), &row));
        assert!(!allowed(&policy, &staff(row.1, Role::Clinician), &row));
        let mut both = staff(row.1, Role::Clinician);
        both.roles.insert(Role::ClinicClerk);
        assert!(allowed(&policy, &both, &row));
        // A role that may not call the method opens nothing.
        assert!(!allowed(&policy, &staff(row.1, Role::Auditor), &row));
    }

    #[test]
    fn a_service_passes_in_its_own_name_only() {
        let row = Row::new();
        let listed = caller(Party::Service("referral".to_owned()), None, Role::Service("referral".to_owned()));
        let unlisted = caller(Party::Service("payment".to_owned()), None, Role::Service("payment".to_owned()));
        let continuing = Caller {
            subject: Party::Resident(ResidentId::generate()),
            actor: Some(Party::Service("referral".to_owned())),
            ..listed.clone()
        };
        let policy = policy("subject", "subject");
        let outcome = [&listed, &unlisted, &continuing].map(|caller| allowed(&policy, caller, &row));
        assert_eq!(outcome, [true, false, false]);
    }

    #[test]
    fn whoever_acts_for_a_resident_acts_for_that_resident_alone() {
        let (row, others) = (Row::new(), Row::new());
        let acting = |resident| Caller {
            subject: Party::Resident(resident),
            actor: Some(Party::Client("desk".to_owned())),
            ..staff(row.1, Role::ClinicClerk)
        };
        for rule in ["subject_or_organisation", "subject_or_care"] {
            let policy = policy(rule, "subject");
            assert!(allowed(&policy, &acting(row.0), &row), "{rule}");
            for organisation in [row.1, row.2] {
                let caller = Caller { organisation: Some(organisation), ..acting(others.0) };
                assert!(!allowed(&policy, &caller, &row), "{rule}");
            }
        }
    }

    #[test]
    fn id_07_whoever_acts_for_a_resident_opens_nothing_that_is_about_no_resident() {
        /// An organisation's own, such as what a desk publishes.
        struct Own(OrganisationId);

        impl Guarded for Own {
            fn resident(&self) -> Option<ResidentId> {
                None
            }

            fn organisations(&self) -> Vec<OrganisationId> {
                vec![self.0]
            }
        }

        let row = Own(OrganisationId::generate());
        let clerk = staff(row.0, Role::ClinicClerk);
        let acting = Caller {
            subject: Party::Resident(ResidentId::generate()),
            actor: Some(clerk.subject.clone()),
            ..clerk.clone()
        };
        let policy = policy("subject_or_organisation", "subject");
        let decided = [clerk, acting].map(|caller| decide(Some(&policy), "x.anjia", &caller, &row).is_ok());
        assert_eq!(decided, [true, false]);
    }

    #[test]
    fn a_bank_does_not_learn_that_a_row_exists() {
        let bank = staff(OrganisationId::generate(), Role::Bank);
        let policy = policy("organisation", "organisation");
        let denied = decide(Some(&policy), "x.anjia", &bank, &Row::new()).unwrap_err();
        let status = Status::from(denied);
        assert_eq!((status.code(), error::reason(&status).as_deref()), (Code::NotFound, Some("ROW_NOT_FOUND")));
    }

    #[test]
    fn without_a_policy_nothing_is_permitted() {
        let row = Row::new();
        let owner = caller(Party::Resident(row.0), None, Role::Resident);
        assert!(decide(None, "x.anjia", &owner, &row).is_err());
    }
}
