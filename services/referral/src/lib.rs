//! Referral: patients on their way up and down the tiers. `README.md` says what it owns, calls and tells.

pub mod app;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod peers;
pub mod store;
pub mod work;

/// The service's own migrations; the platform's come before them.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Who may call what; compared with the contracts at start-up.
pub const ACCESS: &str = include_str!("../access.toml");
