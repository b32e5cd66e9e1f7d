//! `<service> migrate` as the chart's jobs run it: several at once, again, and again after a `kill -9` in the middle; and services that
//! are older or newer than their database.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use devstack::SERVICES;
use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, Connection};
use testkit::Mesh;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const AT_ONCE: usize = 4;
/// From the start of a migration to its kill: from before its first statement to after its last.
const MOMENTS_MS: [u64; 8] = [10, 25, 40, 60, 80, 110, 150, 200];

/// Everything that migrations make: columns, constraints, indexes, triggers, functions and who may do what.
const SCHEMA: &str = "
    SELECT md5(string_agg(told, E'\\n' ORDER BY told COLLATE \"C\")) FROM (
        SELECT format('%s %s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attacl)
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped
        UNION ALL SELECT format('%s %s %s %s', relname, relkind, relacl, relrowsecurity)
            FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT format('%s %s %s', proname, proacl, md5(prosrc)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT format('%s %s %s', tablename, policyname, coalesce(qual, with_check)) FROM pg_policies
        UNION ALL SELECT format('%s %s', version, encode(checksum, 'hex')) FROM _sqlx_migrations WHERE success
        UNION ALL SELECT format('%s %s', version, encode(checksum, 'hex')) FROM platform_migrations WHERE success
    ) AS made (told)";

fn migration(mesh: &Mesh, service: &str) -> Child {
    let mut command = Command::new(mesh.fleet().binary(service));
    command.arg("migrate").env_clear().env("OWNER_DATABASE_URL", &mesh.database(service).owner);
    command.stdin(Stdio::null()).kill_on_drop(true).spawn().expect("it starts")
}

async fn migrate(mesh: &Mesh, service: &str) -> ExitStatus {
    migration(mesh, service).wait().await.expect("a status")
}

/// The schema of a service's database, as one number.
async fn schema(mesh: &Mesh, service: &str) -> String {
    let mut owner = mesh.owner(service).await;
    sqlx::query_scalar(SCHEMA).fetch_one(&mut owner).await.expect("a schema")
}

/// As the installation makes it before the first migration.
async fn empty(mesh: &Mesh, service: &str) {
    let sql = format!(
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public;
         GRANT USAGE ON SCHEMA public TO {service}, {service}_worker"
    );
    let mut owner = mesh.owner(service).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut owner).await.expect("it is emptied");
    owner.close().await.expect("closed");
}

#[tokio::test]
async fn g11_pl_01_four_migrate_at_once_and_again_and_one_after_a_kill_goes_on() {
    let mut mesh = Mesh::start(&SERVICES).await;
    let mut cut_off = 0;
    for service in SERVICES {
        mesh.terminate(service).await;
        let wanted = schema(&mesh, service).await;

        empty(&mesh, service).await;
        let ended = join_all((0..AT_ONCE).map(|_| migrate(&mesh, service))).await;
        assert!(ended.iter().all(ExitStatus::success), "{service}: {ended:?}");
        assert_eq!(schema(&mesh, service).await, wanted, "{service}: four at once");
        assert!(migrate(&mesh, service).await.success(), "{service}: once more");
        assert_eq!(schema(&mesh, service).await, wanted, "{service}: once more");

        for moment_ms in MOMENTS_MS {
            empty(&mesh, service).await;
            let mut killed = migration(&mesh, service);
            tokio::time::sleep(Duration::from_millis(moment_ms)).await;
            killed.start_kill().expect("it can be killed");
            let ended = killed.wait().await.expect("a status");
            cut_off += usize::from(!ended.success() && migrations_done(&mesh, service).await > 0);
            assert!(migrate(&mesh, service).await.success(), "{service} after {moment_ms} ms");
            assert_eq!(schema(&mesh, service).await, wanted, "{service} after {moment_ms} ms");
        }
    }
    assert!(cut_off > 0, "no migration was in its middle");
}

async fn migrations_done(mesh: &Mesh, service: &str) -> i64 {
    let mut owner = mesh.owner(service).await;
    // The table may not be there yet.
    sqlx::query_scalar("SELECT count(*) FROM platform_migrations").fetch_one(&mut owner).await.unwrap_or_default()
}

#[tokio::test]
async fn g11_pl_01_a_service_runs_on_a_newer_database_and_takes_no_calls_on_an_older_one() {
    const NEWER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'of the next release', TRUE, '', 0)";
    const OLDER: &str = "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    let mut mesh = Mesh::start(&SERVICES).await;
    for service in SERVICES {
        let mut owner = mesh.owner(service).await;
        sqlx::query(NEWER).execute(&mut owner).await.expect("a newer release was here");
        assert!(migrate(&mesh, service).await.success(), "{service} has nothing to add");
        mesh.terminate(service).await;
        mesh.start_again(service).await;
    }
    // Only now: who starts waits for all of them.
    for service in SERVICES {
        let mut owner = mesh.owner(service).await;
        for _ in 0..2 {
            sqlx::query(OLDER).execute(&mut owner).await.expect("the release before was here");
        }
        let told = readiness(&mesh, service).await;
        assert!(told.starts_with("HTTP/1.1 503") && told.contains("this binary needs"), "{service}: {told}");
    }
}

async fn readiness(mesh: &Mesh, service: &str) -> String {
    let url = mesh.fleet().ops_url(service).expect("a service of the mesh");
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.expect("it is alive");
    let question = b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(question).await.expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer
}
