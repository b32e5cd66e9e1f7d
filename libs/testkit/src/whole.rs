//! A whole mesh with a Postgres of its own, for tests that stop or kill Postgres: the shared one serves other tests, too.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use devstack::callers::Client;
use devstack::{
    Cluster, ClusterPlan, Durability, Fleet, Lifetime, Mesh, Plan, SERVICES, callers, create_database, urls,
};
use futures_util::future::try_join_all;
use tokio::sync::OnceCell;

use crate::cluster::{Shared, shared};
use crate::mesh::plan;
use crate::{OrPanic, TestCaller};

static NEXT: AtomicU32 = AtomicU32::new(1);
/// Where the data lies that every whole mesh begins with.
static MIGRATED: OnceCell<PathBuf> = OnceCell::const_new();

/// Postgres, Redis and the five services, as `anjia up` starts them, but dying with the test process.
pub async fn whole_mesh() -> Mesh {
    start(None, &[], false, false).await
}

/// The same, with the gateway before it, which must be installed: [`devstack::envoy`] tells. Collector and settings as below.
pub async fn whole_mesh_with_gateway(otlp_endpoint: Option<String>, settings: &[(&str, &str)]) -> Mesh {
    start(otlp_endpoint, settings, false, true).await
}

/// The same, with a collector of traces and with settings for every service, by the names that `<service> --help` prints.
pub async fn whole_mesh_with(otlp_endpoint: Option<String>, settings: &[(&str, &str)]) -> Mesh {
    start(otlp_endpoint, settings, false, false).await
}

/// So, where people have no keys and log in at the development provider.
pub async fn whole_mesh_with_logins(otlp_endpoint: Option<String>, settings: &[(&str, &str)]) -> Mesh {
    start(otlp_endpoint, settings, true, false).await
}

async fn start(otlp_endpoint: Option<String>, settings: &[(&str, &str)], logins: bool, gateway: bool) -> Mesh {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let shared = shared().await.or_panic();
    let plan = Plan {
        root: shared.folder.join(format!("whole-{}", NEXT.fetch_add(1, Ordering::Relaxed))),
        binaries: shared.binaries.clone(),
        lifetime: Lifetime::Tethered,
        fresh: true,
        otlp_endpoint,
        settings,
        logins,
        gateway,
        template: Some(MIGRATED.get_or_try_init(|| migrate(shared)).await.or_panic().clone()),
    };
    Mesh::start(plan, &|_| {}).await.or_panic()
}

/// The data of a Postgres whose five databases are as these programs migrate them. Once for all meshes of a process, which migrate it
/// again and find nothing to do.
async fn migrate(shared: &Shared) -> Result<PathBuf> {
    let root = shared.folder.join("whole");
    let mut cluster = Cluster::start(ClusterPlan {
        data: root.join("postgres/data"),
        log: root.join("postgres.log"),
        lifetime: Lifetime::Tethered,
        // Data that is thrown away goes with its server.
        durability: Durability::Durable,
        template: Some(shared.template.clone()),
    })
    .await?;
    try_join_all(SERVICES.map(|name| create_database(&cluster, name, name, None))).await?;
    let databases = SERVICES.map(|name| (name, urls(&cluster, name, name))).into();
    Fleet::new(plan(shared, root, databases))?.migrate_all().await?;
    cluster.stop().await?;
    Ok(cluster.data().to_owned())
}

/// A caller of the journey by its client id, in a mesh that was not started by this crate's `Mesh`.
pub fn caller_in(mesh: &Mesh, client_id: &str) -> TestCaller {
    let known = callers::all().into_iter().find(|client| client.client_id == client_id);
    let client = known.with_context(|| format!("nobody in the journey is called {client_id}")).or_panic();
    TestCaller::new(client, mesh.fleet())
}

/// Registers more clients in such a mesh, each with a key of its own. One call, however many: it starts identity's bootstrap.
pub async fn register_in(mesh: &Mesh, clients: Vec<Client>) -> Vec<TestCaller> {
    mesh.fleet().register(clients.clone()).await.or_panic();
    clients.into_iter().map(|client| TestCaller::new(client, mesh.fleet())).collect()
}
