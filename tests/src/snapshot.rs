//! What the databases hold, to show that a refusal changed nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use devstack::SERVICES;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::City;

/// What moves without anybody's act: used assertions, who looked at whom and who was refused what, what is signed and witnessed of that,
/// which replica leads, how far consumers are.
const BOOKKEEPING: [&str; 12] = [
    "assertions",
    "audit_entries",
    "audit_checkpoints",
    "audit_tiles",
    "witnessed_checkpoints",
    "refusals",
    "slot_refusals",
    "chain_heads",
    "leases",
    "cursors",
    "event_cursors",
    "platform_migrations",
];
const SETTLES_WITHIN_TRIES: u32 = 50;

/// A digest of each table, by `service.table`.
pub type Snapshot = BTreeMap<String, String>;

impl City {
    /// Once nothing moves any more: events are sealed and taken in some moments after the call that caused them.
    pub async fn snapshot(&self) -> Snapshot {
        let mut before = self.digests().await;
        for _ in 0..SETTLES_WITHIN_TRIES {
            // Longer than a sealer or consumer sleeps.
            tokio::time::sleep(Duration::from_millis(600)).await;
            let after = self.digests().await;
            if after == before {
                return after;
            }
            before = after;
        }
        panic!("the databases do not come to rest");
    }

    async fn digests(&self) -> Snapshot {
        let mut digests = Snapshot::new();
        for service in SERVICES {
            let url = &self.mesh.fleet().database(service).expect("a service of the mesh").owner;
            let mut owner = PgConnection::connect(url).await.expect("its owner connects");
            let tables: Vec<String> = sqlx::query_scalar(
                "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL ($1)",
            )
            .bind(BOOKKEEPING.as_slice())
            .fetch_all(&mut owner)
            .await
            .expect("tables are listed");
            for table in tables {
                let digest =
                    format!("SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM \"{table}\" t");
                let digest =
                    sqlx::query_scalar(AssertSqlSafe(digest)).fetch_one(&mut owner).await.expect("a table is read");
                digests.insert(format!("{service}.{table}"), digest);
            }
        }
        digests
    }
}
