//! Databases are copied from templates, which are migrated once per test process: a copy takes a fraction of a migration.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use devstack::{DatabaseUrls, create_database, remove_database, urls};
use tokio::sync::OnceCell;

use crate::cluster::Shared;

type Slot = Arc<OnceCell<String>>;

static TEMPLATES: Mutex<Option<HashMap<String, Slot>>> = Mutex::new(None);
/// Of tests that have ended. A thousand tests would otherwise fill the disk.
static LEFT: Mutex<Vec<String>> = Mutex::new(Vec::new());
static NEXT_DATABASE: AtomicU32 = AtomicU32::new(1);

/// A fresh database for `service`, copied from the template `key`; `fill` makes the content of that template when it is needed
/// for the first time.
pub(crate) async fn database<F>(shared: &Shared, service: &str, key: &str, fill: F) -> Result<DatabaseUrls>
where
    F: AsyncFnOnce(&DatabaseUrls) -> Result<()>,
{
    let slot = {
        let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(templates.get_or_insert_default().entry(key.to_owned()).or_default())
    };
    let template = slot
        .get_or_try_init(async || {
            let name = next_name(service);
            create_database(&shared.cluster, service, &name, None).await?;
            fill(&urls(&shared.cluster, service, &name)).await?;
            anyhow::Ok(name)
        })
        .await?;
    remove_left(shared).await?;
    let name = next_name(service);
    create_database(&shared.cluster, service, &name, Some(template)).await?;
    Ok(urls(&shared.cluster, service, &name))
}

/// Lets the next test that needs a database remove these.
pub(crate) fn leave<'a>(databases: impl IntoIterator<Item = &'a DatabaseUrls>) {
    let names = databases.into_iter().filter_map(|urls| urls.service.rsplit('/').next()).map(str::to_owned);
    LEFT.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
}

async fn remove_left(shared: &Shared) -> Result<()> {
    let left = std::mem::take(&mut *LEFT.lock().unwrap_or_else(PoisonError::into_inner));
    for name in left {
        remove_database(&shared.cluster, &name).await?;
    }
    Ok(())
}

fn next_name(service: &str) -> String {
    format!("{service}_{}", NEXT_DATABASE.fetch_add(1, Ordering::Relaxed))
}
