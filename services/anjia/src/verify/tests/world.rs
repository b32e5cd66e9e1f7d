//! Five empty databases, migrated as the services migrate theirs, in the hands of an insider.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::DateTime;
use devstack::SERVICES;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Scope, sealer};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr};
use testkit::TestDb;
use tokio::sync::OnceCell;
use types::caller::{Caller, Party};
use types::ids::ResidentId;
use types::region::RegionCode;

use crate::verify::databases::Databases;

static MIGRATORS: [OnceCell<Migrator>; SERVICES.len()] = [const { OnceCell::const_new() }; SERVICES.len()];

/// Switches off whatever the databases themselves would refuse: checks, keys, triggers.
const LAY_OPEN: &str = "DO $$
DECLARE found record;
BEGIN
    FOR found IN SELECT conrelid::regclass AS held, conname FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype IN ('c', 'f', 'u', 'x')
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', found.held, found.conname);
    END LOOP;
    FOR found IN SELECT indexrelid::regclass AS index FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indisunique AND NOT indisprimary AND relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('DROP INDEX %s', found.index);
    END LOOP;
    FOR found IN SELECT attrelid::regclass AS held, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND attnotnull AND attidentity = ''
            AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND indisprimary AND attnum = ANY (indkey))
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', found.held, found.attname);
    END LOOP;
    FOR found IN SELECT oid::regclass AS held FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', found.held);
    END LOOP;
END $$";

pub(super) struct World {
    pub(super) databases: Databases,
    tests: BTreeMap<&'static str, TestDb>,
}

impl World {
    pub(super) async fn new() -> Self {
        let (mut connections, mut tests) = (BTreeMap::new(), BTreeMap::new());
        for (name, migrator) in SERVICES.into_iter().zip(&MIGRATORS) {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../{name}/migrations"));
            let migrator = migrator.get_or_init(async || Migrator::new(folder).await.unwrap()).await;
            let test = TestDb::of(name, migrator).await;
            // What the migrations themselves recorded, as a service would at its start.
            sealer::seal_all(test.database()).await.unwrap();
            // A superuser in the owner's clothes: it sees what the owner sees, and can take them off.
            let insider = test.urls().owner.replacen(&format!("{name}_owner@"), "admin@", 1);
            let mut connection = PgConnection::connect(&insider).await.unwrap();
            let clothes = format!("SET SESSION AUTHORIZATION {name}_owner");
            sqlx::query(AssertSqlSafe(clothes)).execute(&mut connection).await.unwrap();
            connections.insert(name.to_owned(), connection);
            tests.insert(name, test);
        }
        let provider = tests["identity"].config().vault.provider().unwrap();
        Self { databases: Databases::new(connections, &provider), tests }
    }

    /// As if nobody had thought of the bug that is seeded next.
    pub(super) async fn lay_open(&mut self) {
        self.everywhere(LAY_OPEN).await;
    }

    pub(super) async fn begin(&mut self) {
        self.everywhere("BEGIN ISOLATION LEVEL REPEATABLE READ").await;
    }

    pub(super) async fn roll_back(&mut self) {
        self.everywhere("ROLLBACK").await;
    }

    async fn everywhere(&mut self, sql: &'static str) {
        for service in SERVICES {
            self.run(service, sql).await;
        }
    }

    pub(super) async fn run(&mut self, service: &str, sql: &str) {
        let connection = self.databases.get(service).unwrap();
        let seeded = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()).into_sql_str()).execute(connection).await;
        seeded.unwrap_or_else(|error| panic!("{service}: {error}\n{sql}"));
    }

    /// Three events and their audit entries, sealed by the real sealer.
    pub(super) async fn seal_three(&mut self, service: &str) {
        let database = self.tests[service].database().clone();
        for _ in 0..3 {
            let resident = ResidentId::generate();
            let caller = Caller::new(Party::Resident(resident), RegionCode::BEIJING);
            let mut tx = database.begin(Scope::Region(RegionCode::BEIJING)).await.unwrap();
            let kind = "anjia.payment.note.written.v1";
            let event = NewEvent::new(kind, resident, serde_json::json!({}), DateTime::UNIX_EPOCH);
            events::append(&mut tx, event).await.unwrap();
            audit::record(&mut tx, Entry::new(&caller, "payment.note.write")).await.unwrap();
            tx.commit().await.unwrap();
        }
        sealer::seal_all(&database).await.unwrap();
    }
}
