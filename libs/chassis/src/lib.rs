//! What every service does alike: serve, drain, shed load, keep deadlines, trace, know its caller, refuse in one form, call peers.
//! Knows no service. Connections are mutual TLS with certificates that may change at any time ([`tls`]).
//!
//! One request: [`server`] takes it from the wire through its layers, which know it by `access.toml` ([`access`]) and by its token
//! ([`auth`]); the handler reads it as a [`Context`], calls peers over a [`channel`] and answers with what the context permits, or
//! with a refusal made in [`error`].
//!
//! A service's `main`, whole:
//!
//! ```ignore
//! let config = Config::parse();
//! chassis::runtime(&config.server)?.block_on(async {
//!     let telemetry = chassis::telemetry::init("scheduling", &config.telemetry)?;
//!     let tls = Tls::load(&config.server.tls)?;
//!     let identity = tls.channel("identity", &config.identity_url)?;
//!     let credentials = Credentials::load("scheduling", &config.client_key_file, identity.clone(), clock.clone())?;
//!     let served = Server::new("scheduling", &config.server)
//!         .access(include_str!("../access.toml"))
//!         .auth(Verifier::remote(identity, credentials.clone(), clock.clone()))
//!         .ready(move || { let db = db.clone(); async move { Ok(db.ready(&MIGRATOR).await?) } })
//!         .work("upkeep", |stop| postgres::upkeep(db, stop))
//!         .serve(Routes::new().add_service(AppointmentServiceServer::new(appointments)))
//!         .await;
//!     telemetry.shutdown().await;
//!     served
//! })
//! ```

pub mod access;
pub mod audit;
pub mod auth;
pub mod channel;
pub mod command;
mod context;
pub mod deadline;
mod ending;
pub mod erasure;
pub mod error;
pub mod export;
pub mod feed;
mod memory;
pub mod methods;
pub mod records;
pub mod server;
pub mod telemetry;
pub mod tls;
pub mod witness;

pub use access::{Denied, Guarded, Permitted};
pub use auth::{Credentials, Mandate, Verifier};
pub use context::Context;
pub use server::{Routes, Server, ServerConfig, runtime};
pub use telemetry::TelemetryConfig;
pub use tls::Tls;
