//! The certificates a channel may show. Its call goes over a connection of the certificate that its token is bound to: after a
//! rotation the old one as long as its tokens live, and among the callers of a test each one's own.

use std::sync::{Arc, PoisonError, RwLock};

use super::material::Material;
use super::peer::Thumbprint;
use super::reload::Tls;

/// One process's certificates, or those of several callers in one process. Cheap to clone; what is added shows in every clone.
#[derive(Clone, Default)]
pub struct Wallet(Arc<RwLock<Vec<Tls>>>);

impl Wallet {
    /// With what is shown where a token is bound to nothing here.
    pub fn new(first: Tls) -> Self {
        Self(Arc::new(RwLock::new(vec![first])))
    }

    /// Adds one more caller's certificates.
    pub fn add(&self, tls: Tls) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(tls);
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().all(Tls::is_plain)
    }

    /// The certificate with this thumbprint, or else the first caller's own.
    pub(crate) fn choose(&self, bound_to: Option<Thumbprint>) -> Option<Arc<Material>> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let bound = bound_to.and_then(|thumbprint| held.iter().find_map(|tls| tls.find(thumbprint)));
        bound.or_else(|| held.first()?.current())
    }
}
