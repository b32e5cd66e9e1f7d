//! Everything the services do alike with Postgres: the only `begin`, idempotent writes, events and audit in the transaction,
//! the sealer, consumers with a cursor in the transaction of the effect, row leases, paging, constraint names.
//!
//! A mutating use case reads: [`Database::replay`] → checks that call peers → [`Database::begin_call`] → store functions,
//! [`events::append`], [`audit::record`] → [`Call::commit`]. Knows no service and no transport.

pub mod audit;
pub mod consumer;
pub mod events;
pub mod lease;
pub mod paging;
pub mod sealer;

mod config;
mod database;
mod error;
mod idempotency;
mod migration;
mod transaction;

pub use config::PostgresConfig;
pub use database::Database;
pub use error::Error;
pub use idempotency::{Begun, Call, Reply};
pub use migration::migrate;
pub use transaction::{Scope, Transaction};
