//! In what capacity a client asks for a token, for whom, and what the token then says.

use std::collections::BTreeSet;

use chassis::auth::{AUDIENCE, Actor, Claims, ISSUER};
use chrono::{DateTime, Utc};
use types::caller::{Party, Role};
use types::ids::{DelegationId, MandateId, OrganisationId, ResidentId};
use types::redacted::Redacted;
use types::region::RegionCode;

use super::IdentityError;
use super::client::Client;
use super::delegation::Delegation;
use super::mandate::Mandate;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Proves the client; without one the certificate of the connection does.
    pub assertion: Option<Redacted<String>>,
    /// Proves the person, where it is for one.
    pub subject: Option<SubjectToken>,
    pub capacity: Capacity,
    /// The roles wanted; empty for all.
    pub scope: BTreeSet<Role>,
    /// The only methods wanted; empty for all.
    pub methods: Vec<String>,
    /// For rows of which region; none for the client's own.
    pub region: Option<RegionCode>,
}

/// What a client presents of a person.
#[derive(Debug, Clone)]
pub enum SubjectToken {
    /// An ID token of a trusted provider.
    Provider { token: Redacted<String>, nonce: Option<String> },
    /// An access token of ours.
    Own(Redacted<String>),
}

/// How a client or person wants to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capacity {
    /// As itself.
    Own,
    /// For a resident who delegated to it.
    ActingFor { resident: ResidentId, delegation: DelegationId },
    /// A service, going on under a recorded mandate.
    Continuation(Continuation),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    pub mandate: MandateId,
    pub methods: Vec<String>,
}

/// What a capacity rests on, as it was found when it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    Nothing,
    Delegation(Box<Delegation>),
    /// And the delegation under which it was given.
    Mandate(Box<Mandate>, Option<Box<Delegation>>),
}

impl Ground {
    pub fn delegation(&self) -> Option<&Delegation> {
        match self {
            Self::Nothing => None,
            Self::Delegation(delegation) => Some(delegation),
            Self::Mandate(_, delegation) => delegation.as_deref(),
        }
    }
}

/// A token, to be handed out and never kept.
#[derive(Debug, Clone)]
pub struct Issued {
    pub access_token: Redacted<String>,
    pub expires_at: DateTime<Utc>,
    pub roles: Vec<Role>,
}

/// What a token of somebody in their own name says, but for its id and times.
pub fn own<'a>(
    party: &Party,
    organisation: Option<OrganisationId>,
    roles: impl IntoIterator<Item = &'a Role>,
    region: RegionCode,
    client_id: &str,
) -> Claims {
    Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: party.clone(),
        aka: BTreeSet::new(),
        act: None,
        org: organisation,
        roles: roles.into_iter().cloned().collect(),
        region,
        dlg: None,
        mandate: None,
        methods: None,
        events: vec![],
        cnf: None,
        client_id: Some(client_id.to_owned()),
        via: vec![],
        jti: String::new(),
        iat: 0,
        exp: 0,
    }
}

impl Client {
    /// What a token of the client itself says at most.
    pub fn claims(&self) -> Claims {
        let own = own(&self.party, self.organisation, &self.roles, self.region, &self.client_id);
        Claims { events: self.events.iter().cloned().collect(), ..own }
    }
}

/// The same with nothing but what is asked for. Asking for more than there is, or where nothing is left, is refused.
pub fn narrowed(most: Claims, scope: &BTreeSet<Role>, methods: &[String]) -> Result<Claims, IdentityError> {
    let has_roles = scope.iter().all(|role| most.roles.contains(role));
    let has_methods = most.methods.as_ref().is_none_or(|allowed| methods.iter().all(|method| allowed.contains(method)));
    if !has_roles || !has_methods {
        return Err(IdentityError::ScopeEscalation);
    }
    let roles = if scope.is_empty() { most.roles } else { scope.iter().cloned().collect() };
    if roles.is_empty() {
        return Err(IdentityError::ScopeEscalation);
    }
    let methods = if methods.is_empty() { most.methods } else { Some(methods.to_vec()) };
    Ok(Claims { roles, methods, ..most })
}

impl Capacity {
    /// The same in this capacity. Roles and organisation stay those of whoever holds the token.
    pub fn applied(&self, own: Claims, ground: &Ground) -> Result<Claims, IdentityError> {
        match (self, ground) {
            (Self::Own, _) => Ok(own),
            // Whoever acts for another cannot act for a third.
            (Self::ActingFor { .. } | Self::Continuation(_), _) if own.act.is_some() => Err(IdentityError::ActTooDeep),
            (Self::ActingFor { resident, delegation }, _) => Ok(Claims {
                act: Some(Actor::new(own.sub)),
                sub: Party::Resident(*resident),
                dlg: Some(*delegation),
                ..own
            }),
            (Self::Continuation(continuation), Ground::Mandate(mandate, _)) => {
                let behind = mandate.delegation.map(|_| Box::new(Actor::new(mandate.given_by.clone())));
                Ok(Claims {
                    act: Some(Actor { sub: own.sub, act: behind }),
                    sub: Party::Resident(mandate.resident),
                    dlg: mandate.delegation,
                    mandate: Some(mandate.terms()),
                    methods: Some(continuation.methods.clone()),
                    ..own
                })
            }
            (Self::Continuation(_), _) => Err(IdentityError::ContinuationNotPermitted),
        }
    }
}

#[cfg(test)]
mod tests {
    use types::ids::ReferralId;
    use types::mandate::Work;

    use super::*;

    fn worker() -> Claims {
        let (organisation, roles) = (OrganisationId::generate(), [Role::CommunityWorker, Role::FamilyDoctor]);
        own(&Party::Client("worker".to_owned()), Some(organisation), &roles, RegionCode::BEIJING, "app")
    }

    #[test]
    fn pl_04_a_clients_token_names_the_events_it_is_told_of_and_a_persons_none() {
        let client = Client {
            client_id: "app".to_owned(),
            party: Party::Client("app".to_owned()),
            organisation: None,
            roles: BTreeSet::from([Role::Platform]),
            region: RegionCode::BEIJING,
            public_key_pem: None,
            certificate: Some("client/app".to_owned()),
            exchanges: BTreeSet::from([Role::Resident]),
            events: BTreeSet::from(["anjia.referral.".to_owned()]),
        };
        assert_eq!(client.claims().events, ["anjia.referral."]);
        let person = Party::Resident(ResidentId::generate());
        assert!(own(&person, None, &client.exchanges, client.region, &client.client_id).events.is_empty());
    }

    #[test]
    fn id_07_a_token_names_both_people() {
        let (worker, resident, delegation) = (worker(), ResidentId::generate(), DelegationId::generate());
        let capacity = Capacity::ActingFor { resident, delegation };
        let claims = capacity.applied(worker.clone(), &Ground::Nothing).unwrap();
        let caller = claims.caller().unwrap();
        assert_eq!((caller.resident(), caller.acting()), (Some(resident), &worker.sub));
        assert_eq!((caller.organisation, claims.roles.clone()), (worker.org, worker.roles));
        assert_eq!((caller.delegation, claims.client_id.as_deref()), (Some(delegation), Some("app")));
        assert!(matches!(capacity.applied(claims, &Ground::Nothing), Err(IdentityError::ActTooDeep)));
    }

    #[test]
    fn id_07_a_continuation_names_its_methods_and_everybody_behind_it() {
        let (resident, given_by) = (ResidentId::generate(), Party::Client("delegate".to_owned()));
        let mandate = Mandate {
            id: MandateId::generate(),
            region: RegionCode::BEIJING,
            resident,
            given_by: given_by.clone(),
            delegation: Some(DelegationId::generate()),
            work: Work::Referral(ReferralId::generate()),
            credit: None,
            given_at: DateTime::UNIX_EPOCH,
            until: Mandate::ends(DateTime::UNIX_EPOCH, 1),
            ended: None,
        };
        let capacity = Capacity::Continuation(Continuation { mandate: mandate.id, methods: vec!["a.B/C".to_owned()] });
        let (delegation, terms) = (mandate.delegation, mandate.terms());
        let claims = capacity.applied(worker(), &Ground::Mandate(Box::new(mandate), None)).unwrap();
        assert_eq!((claims.sub.clone(), claims.dlg), (Party::Resident(resident), delegation));
        assert_eq!(claims.caller().unwrap().mandate, Some(terms));
        assert_eq!(claims.methods.clone(), Some(vec!["a.B/C".to_owned()]));
        assert_eq!(claims.actors().map(|actor| actor.sub.clone()).collect::<Vec<_>>(), [worker().sub, given_by]);
        assert!(capacity.applied(worker(), &Ground::Nothing).is_err(), "nothing is continued without a mandate");
        assert_eq!(Capacity::Own.applied(worker(), &Ground::Nothing).unwrap().methods, None);
    }

    #[test]
    fn id_07_a_token_is_narrowed_and_never_widened() {
        let scope = |roles: &[Role]| roles.iter().cloned().collect::<BTreeSet<_>>();
        let doctor = narrowed(worker(), &scope(&[Role::FamilyDoctor]), &["a.B/C".to_owned()]).unwrap();
        assert_eq!(doctor.roles, [Role::FamilyDoctor]);
        assert_eq!(narrowed(worker(), &scope(&[]), &[]).unwrap().roles.len(), 2);

        let refused = |claims: Claims, roles: &[Role], methods: &[&str]| {
            let methods: Vec<String> = methods.iter().map(|method| (*method).to_owned()).collect();
            matches!(narrowed(claims, &scope(roles), &methods), Err(IdentityError::ScopeEscalation))
        };
        assert!(refused(worker(), &[Role::Operator], &[]));
        assert!(refused(doctor.clone(), &[Role::CommunityWorker], &[]));
        assert!(refused(doctor.clone(), &[], &["a.B/D"]));
        assert_eq!(narrowed(doctor, &scope(&[]), &[]).unwrap().methods, Some(vec!["a.B/C".to_owned()]));
        assert!(refused(Claims { roles: vec![], ..worker() }, &[], &[]), "no role is left");
    }
}
