//! The service's own key, and the tokens it obtains with it: as itself, or going on under a stored mandate.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::anjia::identity::v1::exchange_token_request::Capacity;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use proto::anjia::identity::v1::{ActingFor, Continuation, ExchangeTokenRequest};
use tonic::{Code, Status};
use types::clock::Clock;
use types::ids::{DelegationId, MandateId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use super::claims::{AUDIENCE_IDENTITY, Assertion, Claims};
use crate::channel::Channel;
use crate::context::Context;
use crate::error;

/// Life of a proof; RFC 7523 proofs are for one use at once.
const PROOF_LIFE: TimeDelta = TimeDelta::seconds(60);
/// A token this close to its end is replaced, so that it outlives the call made with it.
const RENEW_BEFORE: TimeDelta = TimeDelta::seconds(60);
/// RFC 8693, section 3.
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// An exchange takes this long at most.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(5);

/// What somebody allowed a service to go on doing in their name, as identity recorded it when they asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    pub id: MandateId,
    /// The region it was recorded in, and in which the work is done.
    pub region: RegionCode,
    /// The only methods wanted of what it covers, `package.Service/Method`.
    pub methods: Vec<String>,
}

/// Why a service has no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("the key file {0} cannot be read")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("{0} holds no Ed25519 private key in PKCS#8 PEM")]
    Key(PathBuf),
}

/// The service's key and its current token. Cheap to clone.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    client_id: String,
    key: EncodingKey,
    client: TokenServiceClient<Channel>,
    clock: Arc<dyn Clock>,
    /// By region, none for the client's own; as many as the installation has. Held during an exchange: one is enough for everybody
    /// who waits.
    own: tokio::sync::Mutex<HashMap<Option<RegionCode>, Context>>,
}

/// In whose name a service calls that nobody asked: its own.
pub trait Own: Send + Sync {
    /// As the service itself, in its own region.
    fn own(&self) -> impl Future<Output = Result<Context, Status>> + Send;
}

impl Own for Credentials {
    async fn own(&self) -> Result<Context, Status> {
        self.kept(None).await
    }
}

impl<T: Own> Own for Arc<T> {
    async fn own(&self) -> Result<Context, Status> {
        T::own(self).await
    }
}

impl Credentials {
    /// Loads the key; asks identity for nothing yet, so identity may be away at a start-up.
    pub fn load(
        client_id: impl Into<String>,
        key_file: &Path,
        identity: Channel,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CredentialsError> {
        let pem = std::fs::read(key_file).map_err(|error| CredentialsError::Read(key_file.to_owned(), error))?;
        let key = EncodingKey::from_ed_pem(&pem).map_err(|_| CredentialsError::Key(key_file.to_owned()))?;
        Ok(Self(Arc::new(Inner {
            client_id: client_id.into(),
            key,
            client: TokenServiceClient::new(identity),
            clock,
            own: tokio::sync::Mutex::default(),
        })))
    }

    /// Acts as the client itself, in its own region: for what is of no region, such as a feed. The token is kept until a minute before
    /// its end; while identity is away, to its end.
    pub async fn own(&self) -> Result<Context, Status> {
        self.kept(None).await
    }

    /// As [`Self::own`], for an item of this region: rows of no other are seen with it. For services alone.
    pub async fn own_in(&self, region: RegionCode) -> Result<Context, Status> {
        self.kept(Some(region)).await
    }

    async fn kept(&self, region: Option<RegionCode>) -> Result<Context, Status> {
        let mut own = self.0.own.lock().await;
        let outlives =
            |margin| own.get(&region).filter(|kept| kept.caller.expires_at > self.0.clock.now() + margin).cloned();
        if let Some(context) = outlives(RENEW_BEFORE) {
            return Ok(context);
        }
        match (self.exchange(region, None).await, outlives(TimeDelta::zero())) {
            (Err(status), Some(context)) if is_away(&status) => Ok(context),
            (renewed, _) => {
                let context = renewed?;
                own.insert(region, context.clone());
                Ok(context)
            }
        }
    }

    /// As [`Self::own`], with a token that nobody was given before and that is not kept.
    pub async fn fresh(&self) -> Result<Context, Status> {
        self.exchange(None, None).await
    }

    /// Asks for new tokens the next time: those kept are no longer good.
    pub(super) async fn forget_own(&self) {
        self.0.own.lock().await.clear();
    }

    /// Acts for a resident who delegated to this client: a person at a desk, not a service. Never kept either.
    pub async fn acting_for(&self, resident: ResidentId, delegation: DelegationId) -> Result<Context, Status> {
        self.exchange(None, Some(for_resident(resident, delegation))).await
    }

    /// Goes on in a resident's name, for five minutes and the named methods only. Never kept: each use asks identity whether the
    /// mandate, and the delegation it rests on, still stand.
    pub async fn continuation(&self, mandate: &Mandate) -> Result<Context, Status> {
        let continuation = Continuation { mandate_id: mandate.id.to_string(), methods: mandate.methods.clone() };
        self.exchange(Some(mandate.region), Some(Capacity::Continuation(continuation))).await
    }

    /// For a person who logged in through this client: by the ID token of a trusted provider, and the nonce that their login began with.
    /// Never kept.
    pub async fn logged_in(
        &self,
        id_token: &str,
        nonce: &str,
        acting_for: Option<(ResidentId, DelegationId)>,
    ) -> Result<Context, Status> {
        self.ask(ExchangeTokenRequest {
            subject_token: id_token.to_owned(),
            subject_token_type: ID_TOKEN.to_owned(),
            nonce: nonce.to_owned(),
            capacity: acting_for.map(|(resident, delegation)| for_resident(resident, delegation)),
            ..Default::default()
        })
        .await
    }

    async fn exchange(&self, region: Option<RegionCode>, capacity: Option<Capacity>) -> Result<Context, Status> {
        let region_code = region.map(|region| region.to_string()).unwrap_or_default();
        self.ask(ExchangeTokenRequest { capacity, region_code, ..Default::default() }).await
    }

    async fn ask(&self, wish: ExchangeTokenRequest) -> Result<Context, Status> {
        let client_assertion = self.proof()?;
        let mut request = tonic::Request::new(ExchangeTokenRequest { client_assertion, ..wish });
        request.set_timeout(EXCHANGE_LIMIT);
        let token = self.0.client.clone().exchange_token(request).await?.into_inner().access_token;

        // Not verified here: it came from identity itself, and every service it is shown to verifies it.
        let claims = jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(&token)
            .map_err(|error| error::internal(&error))?;
        let caller = claims
            .caller()
            .ok_or_else(|| error::status(error::DOMAIN, Code::Internal, "INTERNAL", "internal error"))?;
        Ok(Context::background(caller, token, claims.bound_to()))
    }

    fn proof(&self) -> Result<String, Status> {
        let assertion = Assertion {
            iss: self.0.client_id.clone(),
            sub: self.0.client_id.clone(),
            aud: AUDIENCE_IDENTITY.to_owned(),
            jti: Uuid::now_v7().to_string(),
            exp: (self.0.clock.now() + PROOF_LIFE).timestamp(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &assertion, &self.0.key)
            .map_err(|error| error::internal(&error))
    }
}

fn for_resident(resident: ResidentId, delegation: DelegationId) -> Capacity {
    Capacity::ActingFor(ActingFor { resident_id: resident.to_string(), delegation_id: delegation.to_string() })
}

/// Identity said nothing, rather than no.
fn is_away(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted)
}
