//! What a token says. Identity writes these, everybody reads them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use types::caller::{Caller, Party, Role};
use types::ids::{DelegationId, OrganisationId, ResidentId};
use types::mandate::Terms;
use types::region::RegionCode;
use uuid::Uuid;

use crate::tls::Thumbprint;

/// Issuer of every access token.
pub const ISSUER: &str = "anjia-identity";
/// Audience of every access token: the mesh.
pub const AUDIENCE: &str = "anjia";
/// Audience of the proofs that clients sign for identity.
pub const AUDIENCE_IDENTITY: &str = "anjia-identity";

/// Claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// On whose behalf.
    pub sub: Party,
    /// Other ids under which the resident was registered, too; rows of theirs are the same person's.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub aka: BTreeSet<ResidentId>,
    /// Who acts, where that is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<OrganisationId>,
    /// Roles of whoever holds the token.
    pub roles: Vec<Role>,
    pub region: RegionCode,
    /// The delegation the acting rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dlg: Option<DelegationId>,
    /// Continuation tokens: what the mandate allows that they rest on, as identity recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandate: Option<Terms>,
    /// Continuation tokens: the only methods that may be called, `package.Service/Method`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<String>>,
    /// The types of events that it may pull, or what they begin with, up to a full stop: for a client that follows what happens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The certificate it was asked over: at the first hop it is good with that one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// The client that obtained it (RFC 9068): for a person, the app they logged in through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The `jti` of each token it was narrowed from, the first one first: whoever takes one of these back takes back this one, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<String>,
    /// A `UUIDv7`.
    pub jti: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
}

/// The `cnf` claim of a certificate-bound token (RFC 8705).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    #[serde(rename = "x5t#S256")]
    pub thumbprint: Thumbprint,
}

/// The `act` claim (RFC 8693).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub sub: Party,
    /// Who asked the actor to go on, where that is somebody else again. It decides nothing, and is kept for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

impl Actor {
    pub const fn new(sub: Party) -> Self {
        Self { sub, act: None }
    }

    /// This actor and those behind, nearest first.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |actor| actor.act.as_deref())
    }
}

/// Claims of a client's `private_key_jwt` (RFC 7523).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assertion {
    /// The client's id.
    pub iss: String,
    /// The client's id again.
    pub sub: String,
    /// [`AUDIENCE_IDENTITY`].
    pub aud: String,
    /// Used once.
    pub jti: String,
    /// Seconds since 1970, at most 60 s ahead.
    pub exp: i64,
}

impl Claims {
    /// The certificate the token is bound to.
    pub fn bound_to(&self) -> Option<Thumbprint> {
        self.cnf.map(|confirmation| confirmation.thumbprint)
    }

    /// When it was issued, to the millisecond if its id tells: a login right after a revocation is not taken back with it.
    pub fn issued_at(&self) -> Option<DateTime<Utc>> {
        let named = Uuid::parse_str(&self.jti).ok().filter(|id| id.get_version_num() == 7);
        let (seconds, nanos) = match named.and_then(|id| id.get_timestamp()) {
            Some(moment) => (i64::try_from(moment.to_unix().0).ok()?, moment.to_unix().1),
            None => (self.iat, 0),
        };
        DateTime::from_timestamp(seconds, nanos)
    }

    /// What a token narrowed from this one says at most, but for its own id.
    #[must_use]
    pub fn narrowed_from(mut self) -> Self {
        self.via.push(std::mem::take(&mut self.jti));
        self
    }

    /// Who acts, and who is behind them; nearest first.
    pub fn actors(&self) -> impl Iterator<Item = &Actor> {
        self.act.iter().flat_map(Actor::chain)
    }

    /// The caller these claims describe; `None` if the expiry is not a moment.
    pub fn caller(&self) -> Option<Caller> {
        let expires_at: DateTime<Utc> = DateTime::from_timestamp(self.exp, 0)?;
        Some(Caller {
            subject: self.sub.clone(),
            also_known_as: self.aka.clone(),
            actor: self.act.as_ref().map(|actor| actor.sub.clone()),
            organisation: self.org,
            roles: self.roles.iter().cloned().collect(),
            region: self.region,
            delegation: self.dlg,
            mandate: self.mandate,
            token_id: self.jti.clone(),
            expires_at,
        })
    }
}
