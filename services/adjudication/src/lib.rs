//! Adjudication: what insurance pays, and why. `grpc` parses, `app` decides when, `domain` decides what, `store` remembers.

pub mod app;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod peers;
pub mod store;
pub mod work;

use sqlx::migrate::Migrator;

/// The service's own migrations; the platform's run before them.
pub static MIGRATOR: Migrator = sqlx::migrate!();
