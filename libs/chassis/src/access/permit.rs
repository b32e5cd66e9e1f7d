//! The object rule: whether this caller may see this row.

use std::ops::Deref;

use tonic::{Code, Status};
use types::caller::{Caller, Party, Role};
use types::ids::{OrganisationId, ResidentId};

use super::policy::{ObjectRule, Policy};
use crate::error;

/// A row that belongs to somebody.
pub trait Guarded {
    /// Reason that a missing row of this kind has, such as `CREDIT_LINE_NOT_FOUND`: what a bank reads of a row that is not its own.
    const NOT_FOUND: &'static str = "NOT_FOUND";

    /// The resident whose row it is.
    fn resident(&self) -> Option<ResidentId>;
    /// The organisations that take part in it.
    fn organisations(&self) -> Vec<OrganisationId>;
}

/// A row that its caller may see. Only [`Context::permit`](crate::Context::permit) makes one, and only this is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted<T>(T);

impl<T> Permitted<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(value)
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
            None => error::status(&denied.domain, Code::PermissionDenied, "OUTSIDE_SCOPE", denied.to_string()),
        }
    }
}

/// Applies a method's object rule to a row.
pub(crate) fn decide<T: Guarded>(
    policy: Option<&Policy>,
    domain: &str,
    caller: &Caller,
    value: &T,
) -> Result<(), Denied> {
    let is_allowed =
        policy.is_some_and(|policy| is_service_itself(policy, caller) || allows(policy.object, caller, value));
    if is_allowed {
        return Ok(());
    }
    let hidden_as = caller.has(&Role::Bank).then_some(T::NOT_FOUND);
    Err(Denied { domain: domain.to_owned(), hidden_as })
}

/// A service in its own name and nobody else's, on a method that lists it.
fn is_service_itself(policy: &Policy, caller: &Caller) -> bool {
    match (&caller.subject, &caller.actor) {
        (Party::Service(name), None) => policy.roles.contains(&Role::Service(name.clone())),
        _ => false,
    }
}

fn allows(rule: ObjectRule, caller: &Caller, value: &impl Guarded) -> bool {
    let is_subject = || caller.resident().is_some_and(|resident| value.resident() == Some(resident));
    let is_organisation =
        || caller.organisation.is_some_and(|organisation| value.organisations().contains(&organisation));
    match rule {
        ObjectRule::Anyone => true,
        ObjectRule::Subject => is_subject(),
        ObjectRule::Organisation => is_organisation(),
        ObjectRule::SubjectOrOrganisation => is_subject() || is_organisation(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::DateTime;
    use types::region::RegionCode;

    use super::*;
    use crate::access::Priority;
    use crate::methods::Shape;

    struct Row(ResidentId, OrganisationId);

    impl Guarded for Row {
        const NOT_FOUND: &'static str = "ROW_NOT_FOUND";

        fn resident(&self) -> Option<ResidentId> {
            Some(self.0)
        }

        fn organisations(&self) -> Vec<OrganisationId> {
            vec![self.1]
        }
    }

    fn policy(object: ObjectRule) -> Policy {
        Policy {
            method: "a.B/C".to_owned(),
            roles: BTreeSet::from([Role::Resident, Role::Service("referral".to_owned())]),
            object,
            priority: Priority::New,
            anonymous: false,
            long_poll: false,
            shape: Shape { server_streaming: false },
        }
    }

    fn caller(subject: Party, organisation: Option<OrganisationId>, role: Role) -> Caller {
        Caller {
            subject,
            actor: None,
            organisation,
            roles: BTreeSet::from([role]),
            region: RegionCode::BEIJING,
            delegation: None,
            token_id: "t".to_owned(),
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    fn allowed(rule: ObjectRule, caller: &Caller, row: &Row) -> bool {
        decide(Some(&policy(rule)), "x.anjia", caller, row).is_ok()
    }

    #[test]
    fn each_rule_lets_in_whom_it_names() {
        let row = Row(ResidentId::generate(), OrganisationId::generate());
        let owner = caller(Party::Resident(row.0), None, Role::Resident);
        let clinic = caller(Party::Client("clinic".to_owned()), Some(row.1), Role::Clinician);
        let stranger =
            caller(Party::Resident(ResidentId::generate()), Some(OrganisationId::generate()), Role::Resident);

        let expected = [
            (ObjectRule::Anyone, [true, true, true]),
            (ObjectRule::Subject, [true, false, false]),
            (ObjectRule::Organisation, [false, true, false]),
            (ObjectRule::SubjectOrOrganisation, [true, true, false]),
        ];
        for (rule, outcome) in expected {
            assert_eq!([&owner, &clinic, &stranger].map(|caller| allowed(rule, caller, &row)), outcome, "{rule:?}");
        }
    }

    #[test]
    fn a_service_passes_in_its_own_name_only() {
        let row = Row(ResidentId::generate(), OrganisationId::generate());
        let listed = caller(Party::Service("referral".to_owned()), None, Role::Service("referral".to_owned()));
        let unlisted = caller(Party::Service("payment".to_owned()), None, Role::Service("payment".to_owned()));
        let continuing = Caller {
            subject: Party::Resident(ResidentId::generate()),
            actor: Some(Party::Service("referral".to_owned())),
            ..listed.clone()
        };
        let outcome = [&listed, &unlisted, &continuing].map(|caller| allowed(ObjectRule::Subject, caller, &row));
        assert_eq!(outcome, [true, false, false]);
    }

    #[test]
    fn a_bank_does_not_learn_that_a_row_exists() {
        let row = Row(ResidentId::generate(), OrganisationId::generate());
        let bank = caller(Party::Client("bank".to_owned()), Some(OrganisationId::generate()), Role::Bank);
        let denied = decide(Some(&policy(ObjectRule::Organisation)), "x.anjia", &bank, &row).unwrap_err();
        let status = Status::from(denied);
        assert_eq!((status.code(), error::reason(&status).as_deref()), (Code::NotFound, Some("ROW_NOT_FOUND")));
    }

    #[test]
    fn without_a_policy_nothing_is_permitted() {
        let row = Row(ResidentId::generate(), OrganisationId::generate());
        let owner = caller(Party::Resident(row.0), None, Role::Resident);
        assert!(decide(None, "x.anjia", &owner, &row).is_err());
    }
}
