//! A provider's published keys (RFC 7517): those that could verify a token we accept, and why the others could not.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// More than any provider has at once.
const KEYS_MAX: usize = 64;
const KEY_ID_LENGTH_MAX: usize = 200;
/// Of an Ed25519 key, and of each coordinate of a P-256 key.
const COORDINATE_BYTES: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    #[error("not a set of keys (RFC 7517): {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("{0} keys are more than {KEYS_MAX}")]
    TooMany(usize),
    #[error("two keys have the kid {0}")]
    Twin(String),
}

/// A key that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    pub key_id: String,
    pub why: &'static str,
}

pub struct TrustedKey {
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

/// By `kid`.
#[derive(Default)]
pub struct Jwks(HashMap<String, TrustedKey>);

#[derive(Deserialize)]
struct File {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    #[serde(default)]
    kid: String,
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwks {
    pub fn parse(bytes: &[u8]) -> Result<(Self, Vec<Unusable>), JwksError> {
        let file: File = serde_json::from_slice(bytes)?;
        if file.keys.len() > KEYS_MAX {
            return Err(JwksError::TooMany(file.keys.len()));
        }
        let (mut keys, mut unusable) = (HashMap::new(), vec![]);
        for jwk in file.keys {
            match jwk.trusted() {
                Ok(_) if keys.contains_key(&jwk.kid) => return Err(JwksError::Twin(jwk.kid)),
                Ok(key) => {
                    keys.insert(jwk.kid, key);
                }
                Err(why) => unusable.push(Unusable { key_id: jwk.kid.chars().take(KEY_ID_LENGTH_MAX).collect(), why }),
            }
        }
        Ok((Self(keys), unusable))
    }

    pub fn get(&self, key_id: &str) -> Option<&TrustedKey> {
        self.0.get(key_id)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Jwk {
    fn trusted(&self) -> Result<TrustedKey, &'static str> {
        if self.kid.is_empty() || self.kid.len() > KEY_ID_LENGTH_MAX {
            return Err("it has no kid of 1 to 200 bytes");
        }
        if self.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Err("its use is not sig");
        }
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => {
                let x = coordinate(self.x.as_deref())?;
                let key = DecodingKey::from_ed_components(x).map_err(|_| "it is no Ed25519 key")?;
                Ok(TrustedKey { algorithm: Algorithm::EdDSA, key })
            }
            ("EC", Some("P-256")) => {
                let (x, y) = (coordinate(self.x.as_deref())?, coordinate(self.y.as_deref())?);
                let key = DecodingKey::from_ec_components(x, y).map_err(|_| "it is no P-256 key")?;
                Ok(TrustedKey { algorithm: Algorithm::ES256, key })
            }
            _ => Err("it is neither Ed25519 nor P-256"),
        }
    }
}

/// What verifies slices coordinates without asking: a shorter one must not come that far.
fn coordinate(text: Option<&str>) -> Result<&str, &'static str> {
    let text = text.ok_or("a coordinate is missing")?;
    let is_whole = URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == COORDINATE_BYTES);
    if is_whole { Ok(text) } else { Err("a coordinate is not 32 bytes in base64url") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keys: &[&str]) -> String {
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    fn ed(kid: &str, x: &str) -> String {
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}"#)
    }

    #[test]
    fn id_07_keys_of_wrong_length_type_or_purpose_are_not_used() {
        let whole = "A".repeat(43);
        let good = ed("good", &whole);
        let wrong = [
            ed("short", "AAAA"),
            ed("", &whole),
            ed("padded", &format!("{whole}=")),
            format!(r#"{{"kty":"OKP","crv":"X25519","kid":"curve","x":"{whole}"}}"#),
            r#"{"kty":"RSA","kid":"rsa","n":"AQAB","e":"AQAB"}"#.to_owned(),
            r#"{"kty":"oct","kid":"secret","k":"AAAA"}"#.to_owned(),
            format!(r#"{{"kty":"EC","crv":"P-256","kid":"half","x":"{whole}"}}"#),
            format!(r#"{{"kty":"OKP","crv":"Ed25519","use":"enc","kid":"enc","x":"{whole}"}}"#),
        ];
        let all: Vec<&str> = std::iter::once(&good).chain(&wrong).map(String::as_str).collect();
        let (keys, unusable) = Jwks::parse(set(&all).as_bytes()).unwrap();
        assert!(keys.get("good").is_some_and(|key| key.algorithm == Algorithm::EdDSA));
        assert_eq!((keys.0.len(), unusable.len()), (1, wrong.len()));
    }

    #[test]
    fn id_07_a_set_that_is_ambiguous_or_endless_is_refused_whole() {
        let key = ed("k", &"A".repeat(43));
        assert!(matches!(Jwks::parse(set(&[&key, &key]).as_bytes()), Err(JwksError::Twin(_))));
        assert!(matches!(Jwks::parse(set(&vec![key.as_str(); 65]).as_bytes()), Err(JwksError::TooMany(65))));
        assert!(matches!(Jwks::parse(b"<html>"), Err(JwksError::Malformed(_))));
        assert!(Jwks::parse(set(&[]).as_bytes()).unwrap().0.is_empty());
    }
}
