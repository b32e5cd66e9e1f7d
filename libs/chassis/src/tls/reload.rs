//! Certificates that follow their files.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, SystemTime};

use postgres::metrics::meter;
use tokio::time::Instant;
use types::setting::BadSetting;

use super::config::TlsConfig;
use super::material::{Material, TlsError};
use super::peer::{Peer, Thumbprint};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a certificate that was replaced is still shown where a token is bound to it: a little longer than tokens live.
const KEEP_EARLIER: Duration = Duration::from_mins(6);
/// A certificate that is about to lapse is complained of this often.
const WARN_EVERY: Duration = Duration::from_mins(10);

/// The certificates of this process, as its files hold them now; or none, for plain text over loopback. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Option<Arc<Inner>>);

struct Inner {
    config: TlsConfig,
    held: RwLock<Held>,
}

struct Held {
    current: Arc<Material>,
    /// Replaced, with the moment from which on each is forgotten.
    earlier: Vec<(Instant, Arc<Material>)>,
}

impl Tls {
    /// Reads the files, and follows them from now on. Must be called within a runtime.
    pub fn load(config: &TlsConfig) -> Result<Self, BadSetting> {
        if config.is_plain() {
            return Ok(Self(None));
        }
        let state = state(config);
        let current = Arc::new(Material::load(config).map_err(|error| error.of_setting(config))?);
        let held = RwLock::new(Held { current, earlier: vec![] });
        let inner = Arc::new(Inner { config: config.clone(), held });
        tokio::spawn(follow(Arc::downgrade(&inner), state));
        observe(Arc::downgrade(&inner));
        Ok(Self(Some(inner)))
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.0.is_none()
    }

    /// What new connections are made with.
    pub(crate) fn current(&self) -> Option<Arc<Material>> {
        let held = self.0.as_ref()?.held.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&held.current))
    }

    /// The certificate with this thumbprint, current or replaced a moment ago.
    pub(crate) fn find(&self, thumbprint: Thumbprint) -> Option<Arc<Material>> {
        let held = self.0.as_ref()?.held.read().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earlier = held.earlier.iter().filter(|(until, _)| *until > now).map(|(_, material)| material);
        std::iter::once(&held.current)
            .chain(earlier)
            .find(|material| material.thumbprint() == Some(thumbprint))
            .cloned()
    }

    /// Who this process is to others.
    pub fn own(&self) -> Option<Peer> {
        self.current()?.own().cloned()
    }
}

impl Inner {
    /// Takes up what the files hold now. The holder stays the same: a file that names another was put in the wrong place.
    fn reload(&self) -> Result<(), TlsError> {
        let next = Arc::new(Material::load(&self.config)?);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = next.own().map(|own| &own.name) == held.current.own().map(|own| &own.name);
        if !is_same {
            return Err(TlsError::OtherName(self.config.tls_cert_file.clone().unwrap_or_default()));
        }
        let now = Instant::now();
        held.earlier.retain(|(until, _)| *until > now);
        let replaced = std::mem::replace(&mut held.current, next);
        if replaced.thumbprint() != held.current.thumbprint() {
            held.earlier.push((now + KEEP_EARLIER, replaced));
        }
        Ok(())
    }

    fn lapses_in(&self) -> Option<Duration> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).current.lapses_in(SystemTime::now())
    }
}

/// What is compared to see a change: of each file its inode, length and time of change. Mounted secrets are swapped by a link.
type State = Vec<(PathBuf, Option<(u64, u64, i64, i64)>)>;

fn state(config: &TlsConfig) -> State {
    let look = |file: &PathBuf| {
        let found = fs::metadata(file).ok();
        let found = found.map(|found| (found.ino(), found.len(), found.mtime(), found.mtime_nsec()));
        (file.clone(), found)
    };
    config.files().map(look).collect()
}

/// How long the certificate is still good, whenever somebody reads the metrics.
fn observe(inner: Weak<Inner>) {
    let left = meter().f64_observable_gauge("anjia.tls.certificate.left").with_unit("s");
    left.with_description("How long the certificate that is shown is still good")
        .with_callback(move |observer| {
            let Some(inner) = inner.upgrade() else { return };
            let current = Arc::clone(&inner.held.read().unwrap_or_else(PoisonError::into_inner).current);
            if let Some(left) = current.left(SystemTime::now()) {
                observer.observe(left.as_secs_f64(), &[]);
            }
        })
        .build();
}

/// Runs until the last user is gone.
async fn follow(inner: Weak<Inner>, mut seen: State) {
    let mut warned_at: Option<Instant> = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(inner) = inner.upgrade() else { return };
        let found = state(&inner.config);
        if found != seen {
            seen = found;
            match inner.reload() {
                Ok(()) => tracing::info!("certificates taken up"),
                Err(error) => tracing::error!(%error, "certificates changed and cannot be used; the ones before stay"),
            }
        }
        let Some(left) = inner.lapses_in() else { continue };
        if warned_at.is_none_or(|at| at.elapsed() > WARN_EVERY) {
            tracing::error!(left_s = left.as_secs(), "the certificate is about to lapse and nobody renewed it");
            warned_at = Some(Instant::now());
        }
    }
}
