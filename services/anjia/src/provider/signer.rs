//! Signs ID tokens, and publishes the key that verifies them (RFC 7517, RFC 8037).

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const KEY_ID_BYTES: usize = 8;

pub(super) struct Signer {
    key: EncodingKey,
    key_id: String,
    /// The public key, base64url.
    x: String,
}

impl Signer {
    /// With an Ed25519 private key, PKCS #8 PEM.
    pub(super) fn new(pem: &str) -> Result<Self> {
        let public = SigningKey::from_pkcs8_pem(pem).context("the key is no Ed25519 private key in PKCS #8 PEM")?;
        let public = public.verifying_key().to_bytes();
        Ok(Self {
            key: EncodingKey::from_ed_pem(pem.as_bytes()).context("reading the key")?,
            key_id: hex::encode(&Sha256::digest(public)[..KEY_ID_BYTES]),
            x: URL_SAFE_NO_PAD.encode(public),
        })
    }

    pub(super) fn jwks(&self) -> Value {
        json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.key_id, "x": self.x },
        ] })
    }

    pub(super) fn sign(&self, claims: &Value) -> Result<String> {
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        Ok(jsonwebtoken::encode(&header, claims, &self.key)?)
    }
}
