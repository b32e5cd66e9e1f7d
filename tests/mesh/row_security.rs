//! Row security (I10): what a service's role can do to a row of another region, in every table that has one, whatever SQL it runs.
//! A new table is covered the day its migration lands.
//!
//! Rows are made in a transaction that is rolled back, freed of everything a row of the table must otherwise be: what is looked at is
//! who sees it, nothing else.

use std::collections::BTreeMap;

use devstack::{DatabaseUrls, SERVICES};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::Mesh;

const HOME: &str = "110000";
const ELSEWHERE: &str = "990000";

/// Readable in every region by design, and writable in none but their own: policies and catalogues are public rules, organisations
/// and those who work there public knowledge, and a client is looked up before anybody knows its region.
const READ_EVERYWHERE: [&str; 7] =
    ["policies", "catalogue_items", "organisations", "designations", "alliances", "alliance_members", "clients"];

/// Keys of regions, loaded when a service starts: wrapped, and worth nothing without the key provider.
const OF_NO_TENANT: [&str; 1] = ["data_keys"];

/// What the role of loops may do in every service's database, across all regions: queues, what the sealer seals, and what is told to
/// consumers. Nothing about a person beyond ids. Written by hand, so that a grant is thought about twice.
const WORKER_EVERYWHERE: [(&str, &str); 11] = [
    ("audit_checkpoints", "INSERT SELECT"),
    ("audit_entries", "SELECT UPDATE(hash,position,previous_hash)"),
    ("audit_tiles", "INSERT SELECT"),
    ("chain_heads", "SELECT UPDATE(hash,position)"),
    ("cursors", "INSERT SELECT UPDATE"),
    ("erasures", "SELECT(due_at,region,resident_id) UPDATE(due_at)"),
    ("event_cursors", "INSERT SELECT UPDATE"),
    ("events", "SELECT UPDATE(position)"),
    ("leases", "INSERT SELECT UPDATE"),
    ("parked_events", "DELETE INSERT SELECT"),
    ("requests", "DELETE SELECT"),
];

/// What it may do beside that, by service: which work is due.
const WORKER: [(&str, &str, &str); 11] = [
    ("scheduling", "appointments", "SELECT(displaced_until,ends_at,hold_expires_at,id,region,state)"),
    ("scheduling", "calendar_exceptions", "SELECT(region)"),
    ("scheduling", "release_ladders", "SELECT(region)"),
    ("scheduling", "session_templates", "SELECT(region)"),
    ("scheduling", "sessions", "SELECT(closed_at,closing_at,region)"),
    ("scheduling", "slot_pools", "SELECT(pool,region,set_aside,slot_id)"),
    (
        "referral",
        "sagas",
        "SELECT(due_at,fence,id,lease_until,referral_id,region,started_at,state) UPDATE(fence,lease_owner,lease_until)",
    ),
    (
        "adjudication",
        "readjudications",
        "SELECT(attempts,cause,deadline,fence,from_year,id,lease_until,next_attempt_at,region,requested_at,resident_id,state,traceparent) \
         UPDATE(fence,lease_until)",
    ),
    ("payment", "bank_orders", "SELECT(created_at,id,region,state)"),
    ("payment", "bills", "SELECT(expires_at,id,region,state)"),
    (
        "payment",
        "captures",
        "SELECT(attempts,begun_at,bill_id,deadline,fence,id,journey_id,lease_until,next_attempt_at,region,settlement_id,state,traceparent) \
         UPDATE(fence,lease_until)",
    ),
];

struct Table {
    service: &'static str,
    name: String,
}

#[tokio::test]
async fn pl_05_a_row_of_another_region_is_invisible_and_untouchable_in_every_table() {
    let mesh = Mesh::start(&SERVICES).await;
    let mut wrong = vec![];
    let mut looked_at = 0;
    for service in SERVICES {
        let mut admin = admin(mesh.database(service)).await;
        let tables = tables_with_a_region(&mut admin).await;
        for name in tables.into_iter().filter(|name| !OF_NO_TENANT.contains(&name.as_str())) {
            let table = Table { service, name };
            wrong.extend(table.faults(&mut admin).await);
            looked_at += 1;
        }
    }
    assert!(looked_at >= 40, "{looked_at} tables with a region");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_compromised_pod_enters_no_database_but_its_own() {
    let mesh = Mesh::start(&SERVICES).await;
    for own in SERVICES {
        for other in SERVICES.into_iter().filter(|other| *other != own) {
            for role in [own.to_owned(), format!("{own}_worker"), format!("{own}_owner")] {
                let refused = PgConnection::connect(&as_role(mesh.database(other), &role)).await;
                let message = refused.map(drop).expect_err("it connects").to_string();
                assert!(message.contains("permission denied for database"), "{role} in {other}: {message}");
            }
        }
        for role in [own.to_owned(), format!("{own}_worker")] {
            PgConnection::connect(&as_role(mesh.database(own), &role)).await.expect("its own database");
        }
    }
}

#[tokio::test]
async fn a_compromised_loop_reaches_its_queues_and_no_other_table() {
    let mesh = Mesh::start(&SERVICES).await;
    for service in SERVICES {
        let mut admin = admin(mesh.database(service)).await;
        let of_this = WORKER.into_iter().filter(|(whose, ..)| *whose == service).map(|(_, table, may)| (table, may));
        let listed = WORKER_EVERYWHERE.into_iter().chain(of_this);
        let expected: BTreeMap<String, String> =
            listed.map(|(table, may)| (table.to_owned(), may.to_owned())).collect();
        assert_eq!(granted(&mut admin, &format!("{service}_worker")).await, expected, "{service}_worker");
        // Nor does either come by more as a member of another role, or as the owner of anything.
        for role in [service.to_owned(), format!("{service}_worker")] {
            let more: i64 = sqlx::query_scalar(
                "SELECT (SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole) \
                 + (SELECT count(*) FROM pg_class WHERE relowner = $1::regrole) \
                 + (SELECT count(*) FROM pg_roles WHERE oid = $1::regrole AND (rolsuper OR rolbypassrls OR rolcreaterole))",
            )
            .bind(&role)
            .fetch_one(&mut admin)
            .await
            .expect("roles are listed");
            assert_eq!(more, 0, "{role}");
        }
    }
}

/// What a role may do with each table, with the columns where it is not all of them.
async fn granted(admin: &mut PgConnection, role: &str) -> BTreeMap<String, String> {
    let granted: Vec<(String, String)> = sqlx::query_as(
        "WITH whole AS (SELECT table_name, privilege_type FROM information_schema.role_table_grants \
             WHERE grantee = $1 AND table_schema = 'public'), \
         part AS (SELECT table_name, privilege_type, string_agg(column_name, ',' ORDER BY column_name::text COLLATE \"C\") AS columns \
             FROM information_schema.role_column_grants AS by_column WHERE grantee = $1 AND table_schema = 'public' \
             AND NOT EXISTS (SELECT FROM whole WHERE (whole.table_name, whole.privilege_type) = (by_column.table_name, by_column.privilege_type)) \
             GROUP BY 1, 2), \
         may AS (SELECT table_name, privilege_type AS what FROM whole \
             UNION ALL SELECT table_name, format('%s(%s)', privilege_type, columns) FROM part) \
         SELECT table_name::text, string_agg(what, ' ' ORDER BY what COLLATE \"C\") FROM may GROUP BY 1",
    )
    .bind(role)
    .fetch_all(admin)
    .await
    .expect("grants are listed");
    granted.into_iter().collect()
}

impl Table {
    async fn faults(&self, admin: &mut PgConnection) -> Vec<String> {
        let mut faults = vec![];
        let is_public = READ_EVERYWHERE.contains(&self.name.as_str());
        for (region, is_own) in [(HOME, true), (ELSEWHERE, false), ("", false)] {
            let [seen, changed, removed] = self.reached(admin, self.service, region).await;
            let reads = if is_own || is_public { Reach::Rows(1) } else { Reach::Rows(0) };
            if seen != reads && seen != Reach::Forbidden {
                faults.push(self.fault(region, &format!("SELECT: {seen:?}")));
            }
            if is_own && seen == Reach::Forbidden {
                faults.push(self.fault(region, "the service cannot read its own table: the check could not fail"));
            }
            for (what, reach) in [("UPDATE", changed), ("DELETE", removed)] {
                if !is_own && !matches!(reach, Reach::Rows(0) | Reach::Forbidden) {
                    faults.push(self.fault(region, &format!("{what}: {reach:?}")));
                }
            }
            if !is_own && !self.refuses_a_row_for_home(admin, region).await {
                faults.push(self.fault(region, "INSERT of a row of another region"));
            }
        }
        faults
    }

    fn fault(&self, region: &str, what: &str) -> String {
        format!("{}.{} seen from {region:?}: {what}", self.service, self.name)
    }

    /// How many rows of the home region a role reaches whose transaction was begun for `region`.
    async fn reached(&self, admin: &mut PgConnection, role: &str, region: &str) -> [Reach; 3] {
        let name = &self.name;
        let mut reached = vec![];
        for statement in
            [format!("SELECT FROM {name}"), format!("UPDATE {name} SET region = region"), format!("DELETE FROM {name}")]
        {
            let mut tx = admin.begin().await.expect("a transaction");
            self.free(&mut tx).await;
            run(&mut tx, &format!("INSERT INTO {name} (region) VALUES ('{HOME}')")).await.expect("a row");
            become_role(&mut tx, role, region).await;
            reached.push(match run(&mut tx, &statement).await {
                Ok(rows) => Reach::Rows(rows),
                Err(error) if is_refused(&error) => Reach::Forbidden,
                Err(error) => Reach::Failed(error),
            });
            tx.rollback().await.expect("nothing is kept");
        }
        reached.try_into().expect("three statements")
    }

    /// Whether the table as it stands refuses a row for home that is written from `region`: row security looks before constraints do.
    async fn refuses_a_row_for_home(&self, admin: &mut PgConnection, region: &str) -> bool {
        let mut tx = admin.begin().await.expect("a transaction");
        run(&mut tx, &format!("ALTER TABLE {} DISABLE TRIGGER USER", self.name)).await.expect("no triggers");
        become_role(&mut tx, self.service, region).await;
        let written = run(&mut tx, &format!("INSERT INTO {} (region) VALUES ('{HOME}')", self.name)).await;
        tx.rollback().await.expect("nothing is kept");
        written.is_err_and(|error| is_refused(&error))
    }

    /// Lets the table take a row that says nothing but its region.
    async fn free(&self, tx: &mut PgConnection) {
        let name = &self.name;
        let statements: Vec<String> = sqlx::query_scalar(
            "SELECT format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', $1, conname) FROM pg_constraint \
                 WHERE conrelid = $1::regclass AND contype IN ('c', 'f', 'p', 'u', 'x') \
             UNION ALL SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', $1, attname) FROM pg_attribute \
                 WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attname <> 'region'",
        )
        .bind(name)
        .fetch_all(&mut *tx)
        .await
        .expect("what a row must be is listed");
        for statement in statements {
            run(tx, &statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        run(tx, &format!("ALTER TABLE {name} DISABLE TRIGGER USER")).await.expect("no triggers");
        run(tx, &format!("DELETE FROM {name}")).await.expect("no other rows");
    }
}

/// What a statement reached.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    Rows(u64),
    /// The role may not run such a statement at all.
    Forbidden,
    Failed(String),
}

fn is_refused(error: &str) -> bool {
    error.contains("permission denied") || error.contains("row-level security")
}

async fn become_role(tx: &mut PgConnection, role: &str, region: &str) {
    sqlx::query("SELECT set_config('role', $1, true), set_config('anjia.region', $2, true)")
        .bind(role)
        .bind(region)
        .execute(tx)
        .await
        .expect("the superuser becomes any role");
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<u64, String> {
    let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.map(|done| done.rows_affected()).map_err(|error| error.to_string())
}

async fn tables_with_a_region(admin: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT format('%I', relname) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'region' \
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT attisdropped ORDER BY 1",
    )
    .fetch_all(admin)
    .await
    .expect("tables are listed")
}

/// The superuser of the private cluster, whom no service ever is.
async fn admin(urls: &DatabaseUrls) -> PgConnection {
    PgConnection::connect(&as_role(urls, "admin")).await.expect("the superuser connects")
}

/// `postgres://<role>@host:port/database` with another role.
fn as_role(urls: &DatabaseUrls, role: &str) -> String {
    let (_, address) = urls.service.split_once('@').expect("an address with a role");
    format!("postgres://{role}@{address}")
}
