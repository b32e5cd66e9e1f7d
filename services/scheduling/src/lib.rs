#![doc = include_str!("../README.md")]

pub mod app;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod peers;
pub mod store;
pub mod work;

/// Who may call what.
pub const ACCESS: &str = include_str!("../access.toml");

/// The service's own tables; those of every service come from `libs/postgres`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
