//! Identity: residents, organisations, cover, delegation, consent, and the tokens of the mesh. `README.md` is the way in.

pub mod app;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod peers;
pub mod store;
pub mod work;

/// Every RPC of this service and who may call it.
pub const ACCESS: &str = include_str!("../access.toml");

/// What services may go on doing in a resident's name.
pub const CONTINUATIONS: &str = include_str!("../continuations.toml");

/// Contribution gaps and waiting periods, with their legal sources.
pub const CONTRIBUTION_RULES: &str = include_str!("../contribution_rules.json");

/// Packages of family-doctor contracts, for demonstration.
pub const SERVICE_PACKAGES: &str = include_str!("../service_packages.json");

/// The tables of this service; those of the platform come before.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
