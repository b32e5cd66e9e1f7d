//! A whole mesh with a Postgres of its own, for tests that stop or kill Postgres: the shared one serves other tests, too.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use devstack::callers::Client;
use devstack::{Lifetime, Mesh, Plan, callers};

use crate::cluster::shared;
use crate::{OrPanic, TestCaller};

static NEXT: AtomicU32 = AtomicU32::new(1);

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
    };
    Mesh::start(plan, &|_| {}).await.or_panic()
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
