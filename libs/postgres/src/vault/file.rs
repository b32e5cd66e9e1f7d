use std::{fmt, path::Path};

use aes_gcm::{Aes256Gcm, KeyInit as _};
use futures_util::future::{self, BoxFuture, FutureExt as _};
use zeroize::Zeroizing;

use super::{
    keys::{open, seal},
    provider::{KeyProvider, ProviderError, SECRET_BYTES, Secret, Wrapped},
};

/// Wrapping keys in a file, for development: 32 bytes in hexadecimal, one to a line. The last one wraps; what earlier ones wrapped
/// still unwraps.
pub struct FileKeys(Vec<Aes256Gcm>);

impl fmt::Debug for FileKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileKeys").field(&self.0.len()).finish()
    }
}

impl FileKeys {
    pub fn load(file: &Path) -> Result<Self, ProviderError> {
        let text = std::fs::read_to_string(file).map_err(|error| ProviderError::Read(file.to_owned(), error))?;
        let text = Zeroizing::new(text);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys: Option<Vec<Aes256Gcm>> = lines.map(cipher).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self(keys)),
            _ => Err(ProviderError::Malformed(file.to_owned())),
        }
    }

    fn wrap_now(&self, context: &str, key: &Secret) -> Option<Wrapped> {
        let wrapping = self.0.last()?;
        let bytes = seal(wrapping, context.as_bytes(), key.expose())?;
        Some(Wrapped { bytes, provider_key: format!("file:{}", self.0.len()) })
    }

    fn open_now(&self, context: &str, wrapped: &Wrapped) -> Option<Secret> {
        let version: usize = wrapped.provider_key.strip_prefix("file:")?.parse().ok()?;
        let wrapping = self.0.get(version.checked_sub(1)?)?;
        let bytes = Zeroizing::new(open(wrapping, context.as_bytes(), &wrapped.bytes)?);
        Secret::from_bytes(&bytes)
    }
}

fn cipher(line: &str) -> Option<Aes256Gcm> {
    let mut key = Zeroizing::new([0; SECRET_BYTES]);
    hex::decode_to_slice(line, key.as_mut_slice()).ok()?;
    Aes256Gcm::new_from_slice(key.as_slice()).ok()
}

impl KeyProvider for FileKeys {
    fn wrap<'a>(&'a self, context: &'a str, key: &'a Secret) -> BoxFuture<'a, Result<Wrapped, ProviderError>> {
        let refused = || ProviderError::Refused("the file holds no key".to_owned());
        future::ready(self.wrap_now(context, key).ok_or_else(refused)).boxed()
    }

    fn open<'a>(&'a self, context: &'a str, wrapped: &'a Wrapped) -> BoxFuture<'a, Result<Secret, ProviderError>> {
        let refused =
            || ProviderError::DoesNotUnwrap { context: context.to_owned(), provider_key: wrapped.provider_key.clone() };
        future::ready(self.open_now(context, wrapped).ok_or_else(refused)).boxed()
    }
}
