//! Turns a bearer token into a caller, or says why not.
//!
//! A token is checked once and remembered by its digest (bounded, no longer than it lives). Remembered or not, each use asks
//! whether it has lapsed, whether its key still stands and whether it was taken back.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, Validation};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tonic::{Code, Status};
use types::caller::{Caller, Role};
use types::clock::Clock;

use super::claims::{AUDIENCE, Claims, ISSUER};
use super::credentials::Credentials;
use super::keys::{KeySource, Keys, PublicKey, Remote};
use super::revocations::{Revocations, Traits};
use crate::channel::Channel;
use crate::error;
use crate::tls::Thumbprint;

/// Far more than a token with 32 methods takes.
const TOKEN_LENGTH_MAX: usize = 8 * 1024;
/// Identity's clock may be ahead of ours by this much.
const SKEW_MAX: TimeDelta = TimeDelta::seconds(5);
/// Who acts, and who asked them to go on.
const ACTORS_MAX: usize = 2;
/// About as many people as call one replica within the life of a token; a few hundred bytes each.
const REMEMBERED_MAX: u64 = 20_000;
/// Longest life of a token.
const REMEMBERED_FOR: Duration = Duration::from_mins(5);
/// A first call waits this long to learn what was revoked.
const REVOCATIONS_WAIT: Duration = Duration::from_secs(2);

/// Verifies access tokens. Cheap to clone.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    keys: KeySource,
    revocations: Arc<Revocations>,
    clock: Arc<dyn Clock>,
    validation: Validation,
    remembered: Cache<[u8; 32], Arc<Known>>,
}

/// A token whose signature and claims were found good, and the key that said so.
struct Known {
    verified: Verified,
    traits: Traits,
    key_id: String,
    key: Arc<PublicKey>,
}

/// What a valid token says.
#[derive(Debug, Clone)]
pub struct Verified {
    pub caller: Caller,
    /// Continuation tokens: the only methods that may be called.
    pub methods: Option<Vec<String>>,
    /// The certificate it is bound to.
    pub bound_to: Option<Thumbprint>,
    /// All of it.
    pub claims: Arc<Claims>,
}

impl Verifier {
    /// Verifies with the keys that identity publishes, and follows what it revokes, as the service whose credentials these are.
    /// Must be called within a runtime.
    pub fn remote(identity: Channel, credentials: Credentials, clock: Arc<dyn Clock>) -> Self {
        let revocations = Arc::new(Revocations::default());
        let remote = Remote::follow(identity, credentials, Arc::clone(&revocations), Arc::clone(&clock));
        Self::new(KeySource::Remote(remote), revocations, clock)
    }

    /// Verifies with keys and revocations at hand: in identity itself.
    pub fn local(keys: Keys, revocations: Arc<Revocations>, clock: Arc<dyn Clock>) -> Self {
        Self::new(KeySource::Local(keys), revocations, clock)
    }

    fn new(keys: KeySource, revocations: Arc<Revocations>, clock: Arc<dyn Clock>) -> Self {
        // EdDSA and nothing else: a token does not choose how it is checked.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The expiry is checked below, against the clock that was passed in.
        validation.validate_exp = false;
        let remembered = Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBERED_FOR).build();
        Self(Arc::new(Inner { keys, revocations, clock, validation, remembered }))
    }

    /// Checks signature, issuer, audience, times and revocation, and that no service's powers are in other hands.
    pub async fn verify(&self, token: &str) -> Result<Verified, Status> {
        if token.len() > TOKEN_LENGTH_MAX {
            return Err(invalid());
        }
        let known = self.0.known(token).await?;
        if known.verified.caller.expires_at <= self.0.clock.now() {
            return Err(refused("TOKEN_EXPIRED", "the token has expired"));
        }
        self.0.revocations_known().await?;
        if self.0.revocations.cover(&known.traits) {
            return Err(refused("TOKEN_REVOKED", "the token was taken back"));
        }
        Ok(known.verified.clone())
    }

    /// What is revoked, as far as this verifier knows.
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.0.revocations
    }
}

impl Inner {
    /// As remembered, unless the key it was checked with no longer stands; else checked now.
    async fn known(&self, token: &str) -> Result<Arc<Known>, Status> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(known) = self.remembered.get(&digest)
            && self.keys.still(&known.key_id, &known.key)
        {
            return Ok(known);
        }
        let known = Arc::new(self.check(token).await?);
        self.remembered.insert(digest, Arc::clone(&known));
        Ok(known)
    }

    async fn check(&self, token: &str) -> Result<Known, Status> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
        let key_id = header.kid.ok_or_else(invalid)?;
        let key = self.keys.key(&key_id).await?.ok_or_else(invalid)?;
        let claims =
            jsonwebtoken::decode::<Claims>(token, &key.decoding, &self.validation).map_err(|_| invalid())?.claims;
        let caller = claims.caller().ok_or_else(invalid)?;
        let traits = Traits::of(&claims).ok_or_else(invalid)?;
        let is_ahead = claims.iat > (self.clock.now() + SKEW_MAX).timestamp();
        // A service in somebody else's name goes on under a mandate, which says what it may do, and with methods that are named.
        let is_continued = caller.service().is_some() && caller.actor.is_some();
        let is_unbounded = caller.terms().is_err() || (is_continued && claims.methods.is_none());
        if is_ahead || is_unbounded || claims.actors().count() > ACTORS_MAX || !holds_own_roles(&caller) {
            return Err(invalid());
        }
        let verified =
            Verified { caller, methods: claims.methods.clone(), bound_to: claims.bound_to(), claims: Arc::new(claims) };
        Ok(Known { verified, traits, key_id, key })
    }

    /// A service that has just started knows nothing of what was revoked, and must not guess. One that identity no longer answers
    /// goes on with what it knows: no token lives longer than five minutes.
    async fn revocations_known(&self) -> Result<(), Status> {
        let mut known = self.revocations.known();
        if known.borrow().is_some() {
            return Ok(());
        }
        match tokio::time::timeout(REVOCATIONS_WAIT, known.wait_for(Option::is_some)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(super::keys::unavailable()),
        }
    }
}

/// Nobody holds the role of a service but that service.
fn holds_own_roles(caller: &Caller) -> bool {
    caller.roles.iter().all(|role| !matches!(role, Role::Service(name) if caller.service() != Some(name.as_str())))
}

/// One answer for every kind of bad token: the difference would only help who forges them.
fn invalid() -> Status {
    refused("TOKEN_INVALID", "the token is not valid")
}

pub(crate) fn missing() -> Status {
    refused("TOKEN_MISSING", "this method needs a bearer token")
}

pub(super) fn refused(reason: &str, message: &str) -> Status {
    error::status(error::DOMAIN, Code::Unauthenticated, reason, message)
}
