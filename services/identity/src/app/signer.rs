//! Signs access tokens, and publishes what verifies them.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::auth::Claims;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sha2::{Digest, Sha256};

use crate::domain::IdentityError;

/// Enough to tell the keys of one installation apart.
const KEY_ID_BYTES: usize = 8;

/// Why the key cannot be used. Never says what stood in the file.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    #[error("the key file {0} cannot be read")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("{0} holds no Ed25519 private key in PKCS#8 PEM")]
    Key(PathBuf),
}

/// A public key, as everybody may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    pub key_id: String,
    /// 32 bytes, base64url without padding.
    pub x: String,
}

/// The key that signs, and those that still verify.
pub struct Signer {
    key: EncodingKey,
    key_id: String,
    published: Vec<PublishedKey>,
}

impl Signer {
    /// `previous` signs no more, but its tokens are still good during a rotation.
    pub fn load(current: &Path, previous: Option<&Path>) -> Result<Self, SignerError> {
        let (pem, newest) = read(current)?;
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| SignerError::Key(current.to_owned()))?;
        let key_id = newest.key_id.clone();
        let older = previous.map(read).transpose()?.map(|(_, key)| key);
        Ok(Self { key, key_id, published: std::iter::once(newest).chain(older).collect() })
    }

    pub fn sign(&self, claims: &Claims) -> Result<String, IdentityError> {
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &self.key).map_err(IdentityError::Signing)
    }

    /// Newest first.
    pub fn published(&self) -> &[PublishedKey] {
        &self.published
    }
}

fn read(file: &Path) -> Result<(String, PublishedKey), SignerError> {
    let pem = std::fs::read_to_string(file).map_err(|error| SignerError::Read(file.to_owned(), error))?;
    let key = SigningKey::from_pkcs8_pem(&pem).map_err(|_| SignerError::Key(file.to_owned()))?;
    let public = key.verifying_key();
    let digest = Sha256::digest(public.as_bytes());
    let published =
        PublishedKey { key_id: hex::encode(&digest[..KEY_ID_BYTES]), x: URL_SAFE_NO_PAD.encode(public.as_bytes()) };
    Ok((pem, published))
}
