//! What every service does alike: serve, drain, shed load, keep deadlines, trace, know its caller, refuse in one form, call peers.
//! Knows no service.
//!
//! One request: [`server`] takes it from the wire through its layers, which know it by `access.toml` ([`access`]) and by its token
//! ([`auth`]); the handler reads it as a [`Context`], calls peers over a [`channel`] and answers with what the context permits, or
//! with a refusal made in [`error`].

pub mod access;
pub mod auth;
pub mod channel;
mod context;
pub mod deadline;
pub mod error;
pub mod feed;
pub mod methods;
pub mod server;
pub mod telemetry;

pub use access::{Denied, Guarded, Permitted};
pub use auth::{Credentials, Mandate, Verifier};
pub use context::Context;
pub use server::{Routes, Server, ServerConfig, runtime};
pub use telemetry::TelemetryConfig;
