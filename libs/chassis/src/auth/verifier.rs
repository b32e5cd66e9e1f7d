//! Turns a bearer token into a caller, or says why not.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, Validation};
use tonic::{Code, Status};
use types::caller::{Caller, Role};
use types::clock::Clock;

use super::claims::{AUDIENCE, Claims, ISSUER};
use super::keys::{KeySet, KeySource, Remote};
use crate::channel::Channel;
use crate::error;
use crate::tls::Thumbprint;

/// Verifies access tokens. Cheap to clone.
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<KeySource>,
    clock: Arc<dyn Clock>,
    validation: Arc<Validation>,
}

/// What a valid token says.
#[derive(Debug, Clone)]
pub struct Verified {
    pub caller: Caller,
    /// Continuation tokens: the only methods that may be called.
    pub methods: Option<Vec<String>>,
    /// The certificate it is bound to.
    pub bound_to: Option<Thumbprint>,
}

impl Verifier {
    /// Verifies with the keys that identity publishes.
    pub fn remote(identity: Channel, clock: Arc<dyn Clock>) -> Self {
        Self::new(KeySource::Remote(Arc::new(Remote::new(identity))), clock)
    }

    /// Verifies with keys at hand: in identity itself.
    pub fn local(keys: KeySet, clock: Arc<dyn Clock>) -> Self {
        Self::new(KeySource::Local(keys), clock)
    }

    fn new(keys: KeySource, clock: Arc<dyn Clock>) -> Self {
        // EdDSA and nothing else: a token does not choose how it is checked.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The expiry is checked below, against the clock that was passed in.
        validation.validate_exp = false;
        Self { keys: Arc::new(keys), clock, validation: Arc::new(validation) }
    }

    /// Checks signature, issuer, audience and expiry, and that no service's powers are in other hands.
    pub async fn verify(&self, token: &str) -> Result<Verified, Status> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
        let key_id = header.kid.ok_or_else(invalid)?;
        let key = self.keys.key(&key_id).await?.ok_or_else(invalid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &self.validation).map_err(|_| invalid())?.claims;
        let caller = claims.caller().ok_or_else(invalid)?;
        if caller.expires_at <= self.clock.now() {
            return Err(refused("TOKEN_EXPIRED", "the token has expired"));
        }
        // A service in somebody else's name goes on under a mandate, and that names its methods.
        let is_unbounded = caller.service().is_some() && caller.actor.is_some() && claims.methods.is_none();
        if is_unbounded || !holds_own_roles(&caller) {
            return Err(invalid());
        }
        Ok(Verified { caller, bound_to: claims.bound_to(), methods: claims.methods })
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
