//! Serving: a gRPC port with health and reflection, a plain ops port for probes, background work, and an end that loses nothing.

mod accept;
mod config;
mod drain;
mod layers;
mod malformed;
mod measured;
mod ops;
mod passage;
mod shed;
mod veiled;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Request;
use postgres::{Database, Refusals};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic_health::server::HealthReporter;
use types::setting::{BadSetting, OfSetting};

pub use config::{ServerConfig, runtime};

use crate::access::{AccessError, Policies};
use crate::auth::Verifier;
use crate::methods::Methods;
use crate::tls::{Name, Tls};
use layers::Shared;

type Check = Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;
type Work = (&'static str, Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>);

/// Why a server does not start, or ended otherwise than asked.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("{0}")]
    Setting(#[source] BadSetting),
    #[error("the address listened on is not known: {0}")]
    Address(std::io::Error),
    #[error("the reflection service cannot be built: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    #[error("no verifier: `auth` was not called")]
    NoVerifier,
    #[error("the gRPC server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    #[error("background work ended by itself: {0}")]
    WorkEnded(String),
    #[error("signals cannot be received: {0}")]
    Signal(std::io::Error),
}

impl From<BadSetting> for ServeError {
    fn from(bad: BadSetting) -> Self {
        Self::Setting(bad)
    }
}

/// The services of one server, with their names, so that `access.toml` can be compared with what is really served.
#[derive(Default)]
pub struct Routes {
    routes: tonic::service::Routes,
    names: Vec<&'static str>,
}

impl Routes {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a generated server, such as `BillServiceServer::new(…)`.
    #[must_use]
    pub fn add_service<S>(mut self, service: S) -> Self
    where
        S: tower::Service<Request<Body>, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.routes = self.routes.add_service(service);
        self
    }
}

/// A server being put together; see the crate's tests for a whole one.
pub struct Server {
    name: &'static str,
    config: ServerConfig,
    access: &'static str,
    verifier: Option<Verifier>,
    refusals: Option<Refusals>,
    checks: Vec<Check>,
    work: Vec<Work>,
    stop: CancellationToken,
}

impl Server {
    /// `name` is the service's one word: `scheduling`.
    pub fn new(name: &'static str, config: &ServerConfig) -> Self {
        Self {
            name,
            config: config.clone(),
            access: "",
            verifier: None,
            refusals: None,
            checks: Vec::new(),
            work: Vec::new(),
            stop: CancellationToken::new(),
        }
    }

    /// The text of the service's `access.toml`.
    #[must_use]
    pub fn access(mut self, text: &'static str) -> Self {
        self.access = text;
        self
    }

    /// Who verifies tokens.
    #[must_use]
    pub fn auth(mut self, verifier: Verifier) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Where refused calls are recorded: the service's own database.
    #[must_use]
    pub fn audit(self, db: Database) -> Self {
        let refusals = Refusals::new(self.name, db, self.config.region);
        let writing = refusals.clone();
        Self { refusals: Some(refusals), ..self }.work("refusals", |stop| writing.run(stop))
    }

    /// What must hold for the service to be ready: its own database and migrations, never a peer.
    #[must_use]
    pub fn ready<F, Fut>(mut self, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.checks.push(Arc::new(move || check().boxed()));
        self
    }

    /// A background loop. It must end soon after its token is cancelled, and not before: a loop that ends by itself, or panics,
    /// drains the server, because half a service is harder to notice than none.
    #[must_use]
    pub fn work<F, Fut>(mut self, name: &'static str, work: F) -> Self
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.work.push((name, Box::new(move |stop| work(stop).boxed())));
        self
    }

    /// Drains when the token is cancelled, as on SIGTERM.
    #[must_use]
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// Serves until a signal and everything is drained.
    pub async fn serve(self, routes: Routes) -> Result<(), ServeError> {
        self.bind(routes).await?.run().await
    }

    /// Checks access and binds both ports; refused if `access.toml` and the contracts differ.
    pub async fn bind(self, routes: Routes) -> Result<Bound, ServeError> {
        let policies = Policies::check(self.access, &routes.names, Methods::declared())?;
        let verifier = self.verifier.ok_or(ServeError::NoVerifier)?;

        let (health, health_service) = tonic_health::server::health_reporter();
        // What is listed is what is served here; the types of the other services come along with the descriptors.
        let listed = || {
            routes
                .names
                .iter()
                .chain(&["grpc.health.v1.Health"])
                .fold(tonic_reflection::server::Builder::configure(), |builder, name| builder.with_service_name(*name))
                .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        // Tools that are some years old ask by the name it had before it was stable.
        let (reflection, reflection_alpha) = (listed().build_v1()?, listed().build_v1alpha()?);
        let open = routes.routes.add_service(health_service).add_service(reflection).add_service(reflection_alpha);

        let draining = CancellationToken::new();
        let tls = own_tls(self.name, &self.config)?;
        let (refusals, ending) = (self.refusals.clone(), draining.clone());
        let shared = Shared::new(self.name, &self.config, policies, verifier, refusals, ending, tls.clone());
        let listener = listen(self.config.listen).await.of_setting("LISTEN")?;
        let ops_listener = listen(self.config.ops_listen).await.of_setting("OPS_LISTEN")?;
        Ok(Bound {
            name: self.name,
            config: self.config,
            router: layers::stack(open, &shared),
            tls,
            listener,
            ops_listener,
            health,
            names: routes.names,
            checks: self.checks,
            work: self.work,
            refusals: self.refusals,
            stop: self.stop,
            draining,
        })
    }
}

/// The certificates a server serves with: its own, and none only where nobody else can listen in.
fn own_tls(name: &str, config: &ServerConfig) -> Result<Tls, BadSetting> {
    let refused = |cause: String| BadSetting::new("TLS_CERT_FILE", cause);
    let tls = Tls::load(&config.tls)?;
    match tls.own() {
        None if config.listen.ip().is_loopback() && tls.is_plain() => Ok(tls),
        None => Err(refused(format!(
            "there is no certificate to serve {} with: set TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE; plain text is for loopback",
            config.listen
        ))),
        Some(own) if own.name == Some(Name::Service(name.to_owned())) => Ok(tls),
        Some(own) => {
            let name = own.name.map_or_else(|| "nobody".to_owned(), |name| name.to_string());
            Err(refused(format!("the certificate names {name}, which is not this service")))
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|cause| format!("cannot listen on {address}: {cause}"))
}

/// A server that has its ports but answers nobody yet.
pub struct Bound {
    name: &'static str,
    config: ServerConfig,
    router: axum::Router,
    tls: Tls,
    listener: TcpListener,
    ops_listener: TcpListener,
    health: HealthReporter,
    names: Vec<&'static str>,
    checks: Vec<Check>,
    work: Vec<Work>,
    refusals: Option<Refusals>,
    stop: CancellationToken,
    draining: CancellationToken,
}

impl Bound {
    /// Where gRPC is served, with the port that was really given.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where probes are answered.
    pub fn ops_address(&self) -> std::io::Result<SocketAddr> {
        self.ops_listener.local_addr()
    }
}
