//! A small server, keys to sign tokens for it, and clients.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::auth::{AUDIENCE, Assertion, Claims, Credentials, ISSUER, KeySet, Keys, Revocation, Revocations};
use chassis::channel::Channel;
use chassis::server::{Bound, ServeError};
use chassis::tls::TlsConfig;
use chassis::{Context, Routes, Server, ServerConfig, Verifier};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use proto::anjia::identity::v1::token_service_server::{TokenService, TokenServiceServer};
use proto::anjia::identity::v1::{
    self as wire, ExchangeTokenRequest, ExchangeTokenResponse, GetKeysRequest, GetKeysResponse, Key,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};
use types::caller::{Party, Role};
use types::clock::{Clock, SystemClock};
use types::region::RegionCode;

pub(crate) const ACCESS: &str = r#"
    ["anjia.identity.v1.TokenService/ExchangeToken"]
    roles = ["resident", "service:referral"]
    object = "subject"
    ["anjia.identity.v1.TokenService/GetKeys"]
    roles = ["operator", "service:referral"]
    object = "anyone"
    priority = "complete"
    ["anjia.identity.v1.TokenService/RevokeToken"]
    roles = ["operator"]
    object = "anyone"
    ["anjia.identity.v1.TokenService/LiftRevocation"]
    roles = ["operator"]
    object = "anyone"
    ["anjia.identity.v1.TokenService/PullRevocations"]
    roles = ["service:referral"]
    object = "anyone"
    long_poll = true
"#;

/// As in identity itself: who has no token yet must be able to get one.
pub(crate) const ACCESS_ANONYMOUS: &str = r#"
    ["anjia.identity.v1.TokenService/ExchangeToken"]
    anonymous = true
    ["anjia.identity.v1.TokenService/GetKeys"]
    anonymous = true
    ["anjia.identity.v1.TokenService/RevokeToken"]
    roles = ["operator"]
    object = "anyone"
    ["anjia.identity.v1.TokenService/LiftRevocation"]
    roles = ["operator"]
    object = "anyone"
    ["anjia.identity.v1.TokenService/PullRevocations"]
    roles = ["service:referral"]
    object = "anyone"
    long_poll = true
"#;

/// A key pair with a name.
pub(crate) struct Signer {
    key_id: &'static str,
    key: SigningKey,
}

impl Signer {
    pub(crate) fn new(key_id: &'static str, seed: u8) -> Self {
        Self { key_id, key: SigningKey::from_bytes(&[seed; 32]) }
    }

    pub(crate) fn public(&self) -> Key {
        Key {
            key_id: self.key_id.to_owned(),
            x: URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes()),
            ..Key::default()
        }
    }

    pub(crate) fn pem(&self) -> String {
        self.key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    pub(crate) fn sign(&self, claims: &Claims) -> String {
        let header = Header { kid: Some(self.key_id.to_owned()), ..Header::new(Algorithm::EdDSA) };
        let key = EncodingKey::from_ed_pem(self.pem().as_bytes()).unwrap();
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

impl Signer {
    pub(crate) fn without_key_id(&self, claims: &Claims) -> String {
        let key = EncodingKey::from_ed_pem(self.pem().as_bytes()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap()
    }

    /// `alg=none`.
    pub(crate) fn unsigned(&self, claims: &Claims) -> String {
        let signed = self.sign(claims);
        let body = signed.split('.').nth(1).unwrap();
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","kid":"{}"}}"#, self.key_id));
        format!("{header}.{body}.")
    }

    /// HS256 under the public key, which everybody knows.
    pub(crate) fn with_public_key_as_secret(&self, claims: &Claims) -> String {
        let header = Header { kid: Some(self.key_id.to_owned()), ..Header::new(Algorithm::HS256) };
        let secret = EncodingKey::from_secret(self.key.verifying_key().as_bytes());
        jsonwebtoken::encode(&header, claims, &secret).unwrap()
    }
}

/// The key that the test servers trust.
pub(crate) fn trusted() -> Signer {
    Signer::new("trusted", 7)
}

/// Claims of the service `referral`, valid for five minutes.
pub(crate) fn claims() -> Claims {
    Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: Party::Service("referral".to_owned()),
        aka: BTreeSet::new(),
        act: None,
        org: None,
        roles: vec![Role::Service("referral".to_owned())],
        region: RegionCode::BEIJING,
        dlg: None,
        mandate: None,
        methods: None,
        events: vec![],
        cnf: None,
        client_id: Some("referral".to_owned()),
        via: vec![],
        jti: "token-1".to_owned(),
        iat: SystemClock.now().timestamp(),
        exp: SystemClock.now().timestamp() + 300,
    }
}

/// Does what `client_assertion` says: `sleep 300`, `panic`, `traceparent`, `token`, or answers its own name.
#[derive(Default)]
pub(crate) struct Handler {
    pub(crate) name: &'static str,
    /// What it tells to have been revoked.
    pub(crate) revocations: Arc<Revocations>,
    /// Tells one of them in each answer, after a moment, rather than all at once.
    pub(crate) one_by_one: bool,
}

#[tonic::async_trait]
impl TokenService for Handler {
    async fn exchange_token(
        &self,
        request: Request<ExchangeTokenRequest>,
    ) -> Result<Response<ExchangeTokenResponse>, Status> {
        let context = Context::of(&request);
        let wish = request.into_inner().client_assertion;
        let access_token = match wish.split_once(' ').unwrap_or((&wish, "")) {
            ("sleep", millis) => {
                tokio::time::sleep(Duration::from_millis(millis.parse().unwrap())).await;
                self.name.to_owned()
            }
            ("panic", _) => panic!("as the test asked"),
            ("traceparent", _) => context?.traceparent().unwrap_or_default(),
            ("remaining", _) => context?.remaining().as_millis().to_string(),
            ("name", _) => self.name.to_owned(),
            // Anything else is a proof, and gets a token: the one that its issuer asks for, or referral's.
            _ => asked_for(&wish).unwrap_or_else(|| trusted().sign(&claims())),
        };
        Ok(Response::new(ExchangeTokenResponse { access_token, ..Default::default() }))
    }

    async fn get_keys(&self, _: Request<GetKeysRequest>) -> Result<Response<GetKeysResponse>, Status> {
        Ok(Response::new(GetKeysResponse { keys: vec![trusted().public()] }))
    }

    async fn revoke_token(
        &self,
        request: Request<wire::RevokeTokenRequest>,
    ) -> Result<Response<wire::RevokeTokenResponse>, Status> {
        // Nothing is ever revoked here, for one reason or another.
        let (code, reason) = match request.get_ref().request_id.as_str() {
            "" => (Code::InvalidArgument, "INVALID_FIELD"),
            "nobody's" => (Code::NotFound, "TOKEN_NOT_FOUND"),
            "again" => (Code::AlreadyExists, "REVOKED_BEFORE"),
            "too many" => (Code::ResourceExhausted, "REVOCATION_LIMIT"),
            "at once" => (Code::Aborted, "LOST_RACE"),
            _ => (Code::FailedPrecondition, "NOTHING_TO_REVOKE"),
        };
        Err(chassis::error::status("identity.anjia", code, reason, "as the test asked"))
    }

    async fn lift_revocation(
        &self,
        _: Request<wire::LiftRevocationRequest>,
    ) -> Result<Response<wire::LiftRevocationResponse>, Status> {
        Err(Status::unimplemented("no test asks"))
    }

    async fn pull_revocations(
        &self,
        request: Request<wire::PullRevocationsRequest>,
    ) -> Result<Response<wire::PullRevocationsResponse>, Status> {
        let after = request.get_ref().after_revision;
        let mut known = self.revocations.known();
        let wait = Duration::from_millis(request.get_ref().wait_ms.try_into().unwrap());
        let _ = tokio::time::timeout(wait, known.wait_for(|known| known.is_some_and(|known| known > after))).await;
        let told = self.revocations.after(after, if self.one_by_one { 1 } else { 100 });
        if self.one_by_one && after > 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(Response::new(wire::PullRevocationsResponse {
            revision: told.last().map_or(after, |last| last.revision),
            revocations: told.iter().map(to_wire).collect(),
            keys: vec![trusted().public()],
            more: told.last().is_some_and(|last| known.borrow().is_some_and(|known| known > last.revision)),
        }))
    }
}

/// The name of a client that gets this very token.
pub(crate) fn bound_wish(token: &str) -> String {
    format!("gets {token}")
}

fn asked_for(proof: &str) -> Option<String> {
    let claims = jsonwebtoken::dangerous::insecure_decode_claims::<Assertion>(proof).ok()?;
    claims.iss.strip_prefix("gets ").map(str::to_owned)
}

/// A server that a test stops.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) ops_address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn channel(&self) -> Channel {
        chassis::channel::connect(&self.url()).unwrap()
    }

    pub(crate) fn client(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel())
    }
}

pub(crate) fn config() -> ServerConfig {
    ServerConfig {
        tls: TlsConfig::default(),
        listen: "127.0.0.1:0".parse().unwrap(),
        ops_listen: "127.0.0.1:0".parse().unwrap(),
        region: RegionCode::BEIJING,
        worker_threads: 2,
        in_flight_max: 64,
        waiting_max: 64,
        deadline_default_ms: 5_000,
        deadline_max_ms: 10_000,
        drain_notice_ms: 50,
        drain_max_ms: 2_000,
    }
}

pub(crate) fn verifier() -> Verifier {
    let revocations = Arc::new(Revocations::default());
    revocations.learn([], 0, SystemClock.now());
    Verifier::local(keys(), revocations, Arc::new(SystemClock))
}

pub(crate) fn keys() -> Keys {
    Keys::new(KeySet::new(&[trusted().public()]).unwrap())
}

/// Those of `referral` at this identity.
pub(crate) fn credentials(identity: Channel, clock: Arc<dyn Clock>) -> Credentials {
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("referral.pem");
    std::fs::write(&key_file, trusted().pem()).unwrap();
    Credentials::load("referral", &key_file, identity, clock).unwrap()
}

fn to_wire(revocation: &Revocation) -> wire::Revocation {
    use chassis::auth::Revoked;
    use wire::revocation::Target;
    wire::Revocation {
        revocation_id: revocation.id.clone(),
        revision: revocation.revision,
        target: Some(match &revocation.of {
            Revoked::Token(id) => Target::TokenId(id.clone()),
            Revoked::Party(party) => Target::Party(party.to_string()),
            Revoked::Client(id) => Target::ClientId(id.clone()),
        }),
        revoked_at: Some(proto::convert::to_timestamp(revocation.revoked_at)),
        ..Default::default()
    }
}

/// Starts what `server` describes, with the handler behind it.
pub(crate) async fn start(server: Server, name: &'static str) -> Running {
    start_with(server, Handler { name, ..Handler::default() }).await
}

pub(crate) async fn start_with(server: Server, handler: Handler) -> Running {
    let stop = CancellationToken::new();
    let routes = Routes::new().add_service(TokenServiceServer::new(handler));
    let bound: Bound = server.until(stop.clone()).bind(routes).await.unwrap();
    let (address, ops_address) = (bound.address().unwrap(), bound.ops_address().unwrap());
    Running { address, ops_address, stop, task: tokio::spawn(bound.run()) }
}

pub(crate) async fn started(config: &ServerConfig) -> Running {
    start(Server::new("identity", config).access(ACCESS).auth(verifier()), "one").await
}

pub(crate) fn wish(text: &str) -> Request<ExchangeTokenRequest> {
    Request::new(ExchangeTokenRequest { client_assertion: text.to_owned(), ..Default::default() })
}

/// A wish with a bearer token.
pub(crate) fn as_bearer<T>(mut request: Request<T>, token: &str) -> Request<T> {
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// A wish of the service `referral`.
pub(crate) fn authorised(text: &str) -> Request<ExchangeTokenRequest> {
    as_bearer(wish(text), &trusted().sign(&claims()))
}

pub(crate) fn reason(status: &Status) -> String {
    chassis::error::reason(status).unwrap_or_default()
}
