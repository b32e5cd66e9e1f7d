//! Who wraps data keys: a file while developing, a key management service in production.

use std::{fmt, path::PathBuf, sync::Arc};

use futures_util::future::BoxFuture;
use rand::RngCore as _;
use zeroize::Zeroizing;

pub(crate) const SECRET_BYTES: usize = 32;

/// A key in memory: wiped when the last one who has it lets go, and not printable.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<[u8; SECRET_BYTES]>>);

impl Secret {
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        rand::rng().fill_bytes(bytes.as_mut_slice());
        Self(Arc::new(bytes))
    }

    /// `None` if these are not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        if bytes.len() != SECRET_BYTES {
            return None;
        }
        secret.copy_from_slice(bytes);
        Some(Self(Arc::new(secret)))
    }

    pub fn expose(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A key as it is stored: only the provider makes a key of it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    pub bytes: Vec<u8>,
    /// Which of the provider's keys wrapped it.
    pub provider_key: String,
}

/// Wraps and unwraps data keys. `context` names the key, `data_keys|<region>|<version>`: one that was moved to another region does
/// not unwrap.
pub trait KeyProvider: fmt::Debug + Send + Sync {
    fn wrap<'a>(&'a self, context: &'a str, key: &'a Secret) -> BoxFuture<'a, Result<Wrapped, ProviderError>>;

    fn open<'a>(&'a self, context: &'a str, wrapped: &'a Wrapped) -> BoxFuture<'a, Result<Secret, ProviderError>>;
}

/// Why keys cannot be wrapped or unwrapped. Never says what stood in a file, a URL or an answer.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the key file {0} cannot be read")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("the key file {0} must hold keys of 32 bytes in hexadecimal, one to a line")]
    Malformed(PathBuf),
    #[error("not the address of a key management service (expected https://host:port)")]
    Address,
    #[error("no key provider is set: set WRAPPING_KEY_FILE, or KMS_URL")]
    NotSet,
    /// Wrong wrapping key, or the wrapped key was touched or moved.
    #[error("{context} does not unwrap under {provider_key}: is it the provider that wrapped it?")]
    DoesNotUnwrap { context: String, provider_key: String },
    #[error("the key management service refuses: {0}")]
    Refused(String),
    /// It did not answer in time, however often it was asked.
    #[error("the key management service cannot be reached")]
    Unreachable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
}
