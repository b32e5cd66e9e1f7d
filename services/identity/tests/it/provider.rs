//! A provider of logins, as tests play it: keys, and tokens good and bad.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use serde_json::{Value, json};

/// The city's login, with a key of each kind.
pub(crate) struct Provider {
    pub(crate) ed: SigningKey,
    ec: p256::SecretKey,
}

impl Provider {
    pub(crate) fn new(seed: u8) -> Self {
        Self { ed: SigningKey::from_bytes(&[seed; 32]), ec: p256::SecretKey::from_slice(&[seed; 32]).unwrap() }
    }

    pub(crate) fn jwks(&self) -> String {
        let point = self.ec.public_key().to_encoded_point(false);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": text(self.ed.verifying_key().as_bytes()) },
            { "kty": "EC", "crv": "P-256", "kid": "ec", "x": text(point.x().unwrap()), "y": text(point.y().unwrap()) },
        ] })
        .to_string()
    }

    pub(crate) fn sign(&self, kid: Option<&str>, claims: &Value) -> String {
        let pem = self.ed.to_pkcs8_pem(LineEnding::LF).unwrap();
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_pem(pem.as_bytes()).unwrap()).unwrap()
    }

    pub(crate) fn sign_ec(&self, claims: &Value) -> String {
        let pem = self.ec.to_pkcs8_pem(LineEnding::LF).unwrap();
        let header = Header { kid: Some("ec".to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_pem(pem.as_bytes()).unwrap()).unwrap()
    }

    /// Any text in place of the claims, well signed.
    pub(crate) fn sign_text(&self, claims: &str) -> String {
        use ed25519_dalek::Signer;
        let body =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"ed"}"#), URL_SAFE_NO_PAD.encode(claims));
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(self.ed.sign(body.as_bytes()).to_bytes()))
    }
}
