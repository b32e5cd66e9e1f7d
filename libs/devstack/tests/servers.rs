//! The servers themselves: they start, are guarded, survive what they should and die when they must.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use devstack::{Cluster, ClusterPlan, Durability, Lifetime, Redis, create_database};
use sqlx::{Connection, PgConnection};

/// Set for a copy of this program that plays the parent of servers.
const PARENT_OF: &str = "DEVSTACK_TEST_PARENT_OF";
/// Set beside it where they would be detached later on.
const UNRELEASED: &str = "DEVSTACK_TEST_UNRELEASED";

fn plan(folder: &Path) -> ClusterPlan {
    ClusterPlan {
        data: folder.join("postgres/data"),
        log: folder.join("postgres.log"),
        lifetime: Lifetime::Tethered,
        durability: Durability::ThrowAway,
        template: None,
    }
}

#[tokio::test]
async fn a_cluster_survives_kill_9_with_its_data_and_is_guarded_against_a_second_start() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut cluster = Cluster::start(plan(folder.path())).await.unwrap();
    let port = cluster.port();

    let refused = Cluster::start(plan(folder.path())).await.unwrap_err();
    assert!(refused.to_string().contains("already runs"), "{refused:#}");

    let mut admin = cluster.admin("postgres").await.unwrap();
    sqlx::raw_sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").execute(&mut admin).await.unwrap();
    cluster.kill();
    // A session answers until it notices that its server is gone.
    let noticed = async { while sqlx::query("SELECT 1").execute(&mut admin).await.is_ok() {} };
    tokio::time::timeout(Duration::from_mins(1), noticed).await.unwrap();
    cluster.restart().await.unwrap();
    assert_eq!(cluster.port(), port);
    let mut admin = cluster.admin("postgres").await.unwrap();
    let kept: i32 = sqlx::query_scalar("SELECT n FROM kept").fetch_one(&mut admin).await.unwrap();
    assert_eq!(kept, 7);
    let commit: String = sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&mut admin).await.unwrap();
    assert_eq!(commit, "on");
}

#[tokio::test]
async fn a_services_roles_have_no_powers_and_enter_no_foreign_database() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let cluster = Cluster::start(plan(folder.path())).await.unwrap();
    for service in ["identity", "payment"] {
        assert!(create_database(&cluster, service, service, None).await.unwrap());
        assert!(!create_database(&cluster, service, service, None).await.unwrap(), "the second time it is there");
    }

    let mut admin = cluster.admin("postgres").await.unwrap();
    let sql =
        "SELECT count(*) FROM pg_roles WHERE (rolname LIKE 'identity%' OR rolname LIKE 'payment%') AND rolcanlogin
               AND NOT (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)";
    let powerless: i64 = sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap();
    assert_eq!(powerless, 6);

    let mut own = PgConnection::connect(&cluster.url("identity_worker", "identity")).await.unwrap();
    let region: String =
        sqlx::query_scalar("SELECT current_setting('anjia.region')").fetch_one(&mut own).await.unwrap();
    assert_eq!(region, "");
    assert!(sqlx::raw_sql("CREATE TABLE mine (n int)").execute(&mut own).await.is_err(), "only the owner makes tables");
    assert!(PgConnection::connect(&cluster.url("identity", "payment")).await.is_err());
    assert!(PgConnection::connect(&cluster.url("identity_owner", "payment")).await.is_err());
}

#[tokio::test]
async fn redis_can_be_wiped_stopped_and_started_on_its_port() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let log = folder.path().join("redis.log");
    let mut redis = Redis::start(folder.path().join("redis"), log, Lifetime::Tethered).await.unwrap();
    let url = redis.url();
    redis.wipe().await.unwrap();
    redis.stop().await.unwrap();
    assert!(redis.wipe().await.is_err());
    redis.restart().await.unwrap();
    redis.wipe().await.unwrap();
    redis.kill();
    redis.restart().await.unwrap();
    assert_eq!(redis.url(), url);
}

/// Not a test: what the copy of this program below does.
#[tokio::test]
async fn parent_of_servers() {
    let Some(folder) = std::env::var_os(PARENT_OF) else {
        return;
    };
    let folder = Path::new(&folder);
    let unreleased = std::env::var_os(UNRELEASED).is_some();
    let lifetime = if unreleased { Lifetime::Detached } else { Lifetime::Tethered };
    let durability = if unreleased { Durability::Durable } else { Durability::ThrowAway };
    let cluster = Cluster::start(ClusterPlan { lifetime, durability, ..plan(folder) }).await.unwrap();
    let redis = Redis::start(folder.join("redis"), folder.join("redis.log"), lifetime).await.unwrap();
    let pids = [cluster.process().unwrap().pid, redis.process().unwrap().pid];
    std::fs::write(folder.join("pids.next"), format!("{} {}", pids[0], pids[1])).unwrap();
    std::fs::rename(folder.join("pids.next"), folder.join("pids")).unwrap();
    std::future::pending::<()>().await;
}

#[test]
fn tethered_servers_die_with_a_parent_that_is_killed() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let parent = Command::new(std::env::current_exe().unwrap());
    servers_die_with(parent, folder.path());
    wait_for("the data to be removed", || (!folder.path().join("postgres/data").exists()).then_some(()));
}

#[test]
fn a_start_that_is_killed_before_its_servers_are_released_leaves_their_data_and_nothing_running() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap());
    parent.env(UNRELEASED, "yes");
    servers_die_with(parent, folder.path());
    assert!(folder.path().join("postgres/data/PG_VERSION").exists());
}

fn servers_die_with(mut parent: Command, folder: &Path) {
    let mut parent =
        parent.args(["--exact", "parent_of_servers"]).env(PARENT_OF, folder).stdout(Stdio::null()).spawn().unwrap();
    let pids = wait_for("the servers", || std::fs::read_to_string(folder.join("pids")).ok());
    parent.kill().unwrap();
    parent.wait().unwrap();

    for pid in pids.split(' ') {
        wait_for("a server to die", || (!runs(pid)).then_some(()));
    }
}

fn runs(pid: &str) -> bool {
    // One that nobody has collected yet counts as dead.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let asked_at = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(asked_at.elapsed() < Duration::from_mins(1), "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
