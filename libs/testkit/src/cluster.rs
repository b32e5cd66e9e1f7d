//! The throw-away Postgres of this test process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use devstack::{Cluster, ClusterPlan, Durability, Keys, Lifetime};
use tokio::sync::OnceCell;

/// Shared by all tests of this process. Statics are never dropped: its tether ends it.
pub(crate) struct Shared {
    pub(crate) cluster: Cluster,
    /// The data folder that its data is a copy of: no database is in it.
    pub(crate) template: PathBuf,
    /// Of every mesh of this process, so that databases copied from one template fit.
    pub(crate) keys: Keys,
    /// Holds what this process writes.
    pub(crate) folder: PathBuf,
    /// Where the service binaries are built.
    pub(crate) binaries: PathBuf,
}

static SHARED: OnceCell<Shared> = OnceCell::const_new();

pub(crate) async fn shared() -> Result<&'static Shared> {
    SHARED.get_or_try_init(start).await
}

async fn start() -> Result<Shared> {
    let binaries = binaries()?;
    let devstack = binaries.parent().context("the target folder")?.join("devstack");
    let runs = devstack.join("run");
    fs::create_dir_all(&runs).with_context(|| format!("making {}", runs.display()))?;
    let template = template(&devstack)?;
    sweep(&runs);

    let folder = runs.join(std::process::id().to_string());
    let cluster = Cluster::start(ClusterPlan {
        data: folder.join("postgres/data"),
        log: folder.join("postgres.log"),
        lifetime: Lifetime::Tethered,
        durability: Durability::ThrowAway,
        template: Some(template.clone()),
    })
    .await?;
    Ok(Shared { cluster, template, keys: Keys::in_folder(&folder.join("keys"))?, folder, binaries })
}

/// `target/debug`, from `target/debug/deps/<test>-<hash>`.
fn binaries() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().context("a test lies in a folder")?;
    let above = folder.ends_with("deps").then(|| folder.parent()).flatten();
    Ok(above.unwrap_or(folder).to_owned())
}

/// The data folder that every test process copies, made by the first one that needs it.
fn template(devstack: &Path) -> Result<PathBuf> {
    let lock = File::create(devstack.join("lock"))?;
    lock.lock()?;
    Cluster::init(&devstack.join(format!("template-{}", Cluster::newest_major()?)))
}

/// Removes what ended test processes left: logs, keys, and the data where a machine stopped before its tether could.
fn sweep(runs: &Path) {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    for entry in entries {
        let alive = Path::new("/proc").join(entry.file_name()).exists();
        if !alive {
            // Another test process may be sweeping, too.
            let _ = devstack::wipe(&entry.path());
        }
    }
}
