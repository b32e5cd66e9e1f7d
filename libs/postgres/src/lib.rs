//! Everything the services do alike with Postgres: the only `begin`, idempotent writes, events and audit in the transaction,
//! the sealer, consumers with a cursor in the transaction of the effect, row leases, paging, constraint names, and the keys of
//! personal data.
//!
//! A mutating use case reads: [`Database::replay`] → checks that call peers → [`Database::begin_call`] → store functions,
//! [`events::append`], [`audit::record`] → [`Call::commit`]. Knows no service and no transport.
//!
//! # Tables
//!
//! [`migrate`] makes this crate's tables first, then the service's. Whatever the owner creates is usable by the service's role;
//! the worker's role sees nothing it was not given. A service's migration says the rest in one line each:
//!
//! ```sql
//! CREATE TABLE sagas (id uuid PRIMARY KEY, region text NOT NULL);
//! CALL protect_by_region('sagas');    -- the service sees the region its transaction was begun for
//! CALL read_everywhere('tariffs');    -- or: every region reads it, and writes its own rows
//! CALL open_to_worker('sagas');       -- loops read and update it across regions
//! CALL append_only('ledger_entries'); -- the service may insert and read; rows about persons go by erasure and retention alone
//! CALL audited('sagas');              -- rows are digested whole when an audit entry says that they were written
//! CALL read_only('tariffs');          -- the service may read
//! ```

pub mod aliases;
pub mod audit;
pub mod consumer;
pub mod erasure;
pub mod events;
pub mod gather;
pub mod gauges;
pub mod lease;
pub mod metrics;
pub mod paging;
pub mod personal;
pub mod retention;
pub mod sealer;
pub mod together;
pub mod vault;

mod config;
mod database;
mod error;
mod idempotency;
mod migration;
mod refusals;
mod statement;
mod transaction;

pub use config::{MigrateConfig, PostgresConfig};
pub use database::Database;
pub use error::Error;
pub use idempotency::{Answered, Begun, Call, Reply, StoredAnswer, replay_all};
pub use migration::migrate;
pub use refusals::Refusals;
pub use transaction::{Scope, Transaction};

/// What every service's database needs done without being asked, until told to stop: sealing, forgetting, and saying how it does.
pub async fn upkeep(db: Database, shutdown: tokio_util::sync::CancellationToken) {
    tokio::join!(
        sealer::run(db.clone(), shutdown.clone()),
        retention::run(db.clone(), shutdown.clone()),
        gauges::run(db, gauges::COMMON, shutdown),
    );
}
