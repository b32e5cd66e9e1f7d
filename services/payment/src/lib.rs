//! Payment: one bill, several payers; credit lines, the double-entry ledger, banks' orders, receipts.
//!
//! `grpc` parses, `app` decides when, `domain` decides what, `store` remembers; `work` goes on without being asked. The README says
//! which event posts which legs.

pub mod app;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod peers;
pub mod store;
pub mod work;

/// The service's own tables; the platform's come with `postgres::migrate`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
