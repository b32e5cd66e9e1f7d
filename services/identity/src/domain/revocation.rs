//! Tokens taken back before their time, and who may take back whose.

use chassis::Guarded;
use chassis::auth::Revoked;
use chrono::{DateTime, Utc};
use types::caller::{Caller, Party, Role};
use types::ids::{OrganisationId, ResidentId};
use uuid::Uuid;

/// What somebody asks to take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The token of the call itself.
    Own,
    Party(Party),
    Client(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    pub id: Uuid,
    /// Its place in the order of all; given when it is stored.
    pub revision: i64,
    pub of: Revoked,
    pub lasting: bool,
    pub reason: String,
    pub revoked_by: Party,
    pub revoked_at: DateTime<Utc>,
    pub lifted: Option<Lifted>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifted {
    pub by: Party,
    pub at: DateTime<Utc>,
}

impl Target {
    pub fn of(self, caller: &Caller) -> Revoked {
        match self {
            Self::Own => Revoked::Token(caller.token_id.clone()),
            Self::Party(party) => Revoked::Party(party),
            Self::Client(id) => Revoked::Client(id),
        }
    }

    /// Whose tokens these are beyond doubt: one's own are nobody else's business. `is_guardian` tells whether the caller acts for the
    /// resident as their guardian.
    pub fn is_for(&self, caller: &Caller, lasting: bool, is_guardian: bool) -> bool {
        if caller.has(&Role::Operator) && caller.actor.is_none() {
            return true;
        }
        let is_own = match self {
            Self::Own => true,
            Self::Party(party) => party == caller.acting() || (is_guardian && *party == caller.subject),
            Self::Client(_) => false,
        };
        is_own && !lasting
    }
}

/// Who may see it was decided when it was asked for; nobody else's row is ever shown.
impl Guarded for Revocation {
    const NOT_FOUND: &'static str = "REVOCATION_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        match self.of {
            Revoked::Party(Party::Resident(id)) => Some(id),
            _ => None,
        }
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use types::region::RegionCode;

    use super::*;

    fn caller(subject: Party, actor: Option<Party>, role: Role) -> Caller {
        Caller { actor, roles: BTreeSet::from([role]), ..Caller::new(subject, RegionCode::BEIJING) }
    }

    #[test]
    fn id_07_everybody_takes_back_their_own_and_only_operators_those_of_others() {
        let (resident, other) = (Party::Resident(ResidentId::generate()), Party::Resident(ResidentId::generate()));
        let herself = caller(resident.clone(), None, Role::Resident);
        let operator = caller(Party::Client("operator".to_owned()), None, Role::Operator);
        let (hers, others) = (Target::Party(resident.clone()), Target::Party(other));
        let app = Target::Client("app".to_owned());
        assert!(Target::Own.is_for(&herself, false, false) && hers.is_for(&herself, false, false));
        assert!(!others.is_for(&herself, false, false) && !app.is_for(&herself, false, false));
        assert!(!hers.is_for(&herself, true, false), "nobody shuts themselves out");
        for target in [&Target::Own, &others, &app] {
            assert!(target.is_for(&operator, true, false));
        }

        let worker = Party::Client("worker".to_owned());
        let for_her = caller(resident, Some(worker.clone()), Role::CommunityWorker);
        assert!(!hers.is_for(&for_her, false, false), "a delegate may not log her out");
        assert!(hers.is_for(&for_her, false, true), "a guardian may");
        assert!(Target::Party(worker).is_for(&for_her, false, false));
    }
}
