//! In what capacity a client asks for a token, and what the token then says.

use chassis::auth::{AUDIENCE, Actor, Claims, ISSUER};
use chrono::{DateTime, Utc};
use types::caller::Party;
use types::ids::{DelegationId, ResidentId};
use types::redacted::Redacted;

use super::client::Client;

/// How a client wants to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capacity {
    /// As itself.
    Own,
    /// For a resident who delegated to it.
    ActingFor { resident: ResidentId, delegation: DelegationId },
    /// A service, going on under a mandate that it stored.
    Continuation(Continuation),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    pub resident: ResidentId,
    pub delegation: Option<DelegationId>,
    pub methods: Vec<String>,
    /// What the mandate was given for.
    pub evidence: String,
}

/// A token, to be handed out and never kept.
#[derive(Debug, Clone)]
pub struct Issued {
    pub access_token: Redacted<String>,
    pub expires_at: DateTime<Utc>,
}

impl Capacity {
    /// What the token of a client says. Roles and organisation are always those of whoever holds it.
    pub fn claims(
        &self,
        client: &Client,
        token_id: String,
        issued_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Claims {
        let own = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: client.party.clone(),
            act: None,
            org: client.organisation,
            roles: client.roles.iter().cloned().collect(),
            region: client.region,
            dlg: None,
            methods: None,
            cnf: None,
            client_id: Some(client.client_id.clone()),
            jti: token_id,
            iat: issued_at.timestamp(),
            exp: expires_at.timestamp(),
        };
        let act = Some(Actor::new(client.party.clone()));
        match self {
            Self::Own => own,
            Self::ActingFor { resident, delegation } => {
                Claims { sub: Party::Resident(*resident), act, dlg: Some(*delegation), ..own }
            }
            Self::Continuation(continuation) => Claims {
                sub: Party::Resident(continuation.resident),
                act,
                dlg: continuation.delegation,
                methods: Some(continuation.methods.clone()),
                ..own
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use types::caller::Role;
    use types::ids::OrganisationId;
    use types::region::RegionCode;

    use super::*;

    fn client() -> Client {
        Client {
            client_id: "worker".to_owned(),
            party: Party::Client("worker".to_owned()),
            organisation: Some(OrganisationId::generate()),
            roles: BTreeSet::from([Role::CommunityWorker]),
            region: RegionCode::BEIJING,
            public_key_pem: String::new(),
        }
    }

    #[test]
    fn id_07_a_token_names_both_people() {
        let (client, resident, delegation) = (client(), ResidentId::generate(), DelegationId::generate());
        let capacity = Capacity::ActingFor { resident, delegation };
        let caller =
            capacity.claims(&client, "t".to_owned(), DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH).caller().unwrap();
        assert_eq!((caller.resident(), caller.acting()), (Some(resident), &client.party));
        assert_eq!((caller.organisation, caller.roles), (client.organisation, client.roles));
        assert_eq!(caller.delegation, Some(delegation));
    }

    #[test]
    fn id_07_a_continuation_names_its_methods() {
        let capacity = Capacity::Continuation(Continuation {
            resident: ResidentId::generate(),
            delegation: None,
            methods: vec!["a.B/C".to_owned()],
            evidence: "referral:1".to_owned(),
        });
        let claims = capacity.claims(&client(), "t".to_owned(), DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        assert_eq!(claims.methods, Some(vec!["a.B/C".to_owned()]));
        assert_eq!(
            Capacity::Own.claims(&client(), "t".to_owned(), DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH).methods,
            None
        );
    }
}
