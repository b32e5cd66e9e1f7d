//! Signs access tokens, and publishes what verifies them.
//!
//! Keys lie in a folder, each in a file named after the moment from which it signs. So a key is published from the moment it lies
//! there, signs from the moment it is named after, and verifies until the last token it signed has lapsed, all without a restart and
//! alike in every replica.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::auth::{Claims, InvalidKey, KeySet, Keys};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::anjia::identity::v1 as wire;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::domain::IdentityError;

/// Enough to tell the keys of one installation apart.
const KEY_ID_BYTES: usize = 8;
/// Replicas whose clocks differ go over to the next key at different moments.
const SKEW_MAX: TimeDelta = TimeDelta::minutes(1);
const NAME_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// Why the keys cannot be used. Never says what stood in a file.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    #[error("the key file {0} cannot be read")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("{0} holds no Ed25519 private key in PKCS#8 PEM")]
    Key(PathBuf),
    #[error("{0} is not named after a moment, as 20260101T000000Z.pem is")]
    Name(PathBuf),
    #[error("{0} holds no key")]
    Empty(PathBuf),
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
}

/// A public key, as everybody may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    pub key_id: String,
    /// 32 bytes, base64url without padding.
    pub x: String,
    pub signs_from: DateTime<Utc>,
}

/// The keys that sign, now and later, and those that still verify.
pub struct Signer {
    folder: PathBuf,
    token_lifetime: TimeDelta,
    ring: RwLock<Ring>,
    verifying: Keys,
    changes: watch::Sender<()>,
}

/// Oldest first; never empty.
struct Ring(Vec<Arc<Key>>);

struct Key {
    signing: EncodingKey,
    published: PublishedKey,
}

impl Signer {
    pub fn load(folder: &Path, token_lifetime: TimeDelta, now: DateTime<Utc>) -> Result<Self, SignerError> {
        let ring = Ring(in_force(read(folder)?, token_lifetime, now));
        Ok(Self {
            folder: folder.to_owned(),
            token_lifetime,
            verifying: Keys::new(ring.key_set()?),
            ring: RwLock::new(ring),
            changes: watch::Sender::new(()),
        })
    }

    /// Looks at the folder again; true if other keys stand now than before. On an error everything stays as it was.
    pub fn reload(&self, now: DateTime<Utc>) -> Result<bool, SignerError> {
        let ring = Ring(in_force(read(&self.folder)?, self.token_lifetime, now));
        if ring.published() == self.published() {
            return Ok(false);
        }
        self.verifying.replace(ring.key_set()?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        self.changes.send_replace(());
        Ok(true)
    }

    /// With the newest key whose time had come when the token was issued.
    pub fn sign(&self, claims: &Claims) -> Result<String, IdentityError> {
        let key = self.read().at(claims.iat);
        let header = Header { kid: Some(key.published.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &key.signing).map_err(IdentityError::Signing)
    }

    /// Newest first.
    pub fn published(&self) -> Vec<PublishedKey> {
        self.read().published()
    }

    /// The same keys, to verify with.
    pub const fn verifying(&self) -> &Keys {
        &self.verifying
    }

    /// Tells when other keys stand.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn read(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn at(&self, second: i64) -> Arc<Key> {
        let due = self.0.iter().rev().find(|key| key.published.signs_from.timestamp() <= second);
        // Where no time has come yet, the first key is better than none.
        Arc::clone(due.unwrap_or(&self.0[0]))
    }

    fn published(&self) -> Vec<PublishedKey> {
        self.0.iter().rev().map(|key| key.published.clone()).collect()
    }

    fn key_set(&self) -> Result<KeySet, InvalidKey> {
        let public = |key: PublishedKey| wire::Key { key_id: key.key_id, x: key.x, ..wire::Key::default() };
        KeySet::new(&self.published().into_iter().map(public).collect::<Vec<_>>())
    }
}

/// Without those whose successor has signed for longer than a token lives.
fn in_force(keys: Vec<Arc<Key>>, token_lifetime: TimeDelta, now: DateTime<Utc>) -> Vec<Arc<Key>> {
    let is_over = |next: &Arc<Key>| next.published.signs_from + token_lifetime + SKEW_MAX <= now;
    let over = keys.iter().skip(1).take_while(|next| is_over(next)).count();
    keys.into_iter().skip(over).collect()
}

/// All keys of the folder, oldest first; at least one.
fn read(folder: &Path) -> Result<Vec<Arc<Key>>, SignerError> {
    let mut keys: Vec<Arc<Key>> = files(folder)?.iter().map(|file| read_key(file)).collect::<Result<_, _>>()?;
    keys.sort_by_key(|key| key.published.signs_from);
    if keys.is_empty() { Err(SignerError::Empty(folder.to_owned())) } else { Ok(keys) }
}

/// The files of keys. What begins with a dot is how orchestrators mount, and half-written keys.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, SignerError> {
    let unreadable = |error| SignerError::Read(folder.to_owned(), error);
    let mut files = vec![];
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "pem") {
            files.push(path);
        }
    }
    Ok(files)
}

fn read_key(file: &Path) -> Result<Arc<Key>, SignerError> {
    let signs_from = signs_from(file)?;
    let pem = std::fs::read_to_string(file).map_err(|error| SignerError::Read(file.to_owned(), error))?;
    let key = SigningKey::from_pkcs8_pem(&pem).map_err(|_| SignerError::Key(file.to_owned()))?;
    let signing = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| SignerError::Key(file.to_owned()))?;
    let public = key.verifying_key();
    let digest = Sha256::digest(public.as_bytes());
    let published = PublishedKey {
        key_id: hex::encode(&digest[..KEY_ID_BYTES]),
        x: URL_SAFE_NO_PAD.encode(public.as_bytes()),
        signs_from,
    };
    Ok(Arc::new(Key { signing, published }))
}

/// The moment that a key is named after.
pub(super) fn signs_from(file: &Path) -> Result<DateTime<Utc>, SignerError> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    NaiveDateTime::parse_from_str(stem, NAME_FORMAT)
        .map(|moment| moment.and_utc())
        .map_err(|_| SignerError::Name(file.to_owned()))
}

/// What a key that signs from then on is called.
pub(super) fn name(signs_from: DateTime<Utc>) -> String {
    format!("{}.pem", signs_from.format(NAME_FORMAT))
}

#[cfg(test)]
mod tests {
    use super::super::rotate_keys::rotate;
    use super::*;

    const LIFETIME: TimeDelta = TimeDelta::minutes(5);

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
    }

    fn signed_with(signer: &Signer, minutes: i64) -> String {
        signer.read().at(at(minutes).timestamp()).published.key_id.clone()
    }

    #[test]
    fn id_07_a_key_is_published_before_it_signs_and_until_its_last_token_has_lapsed() {
        let folder = tempfile::tempdir().unwrap();
        rotate(folder.path(), TimeDelta::zero(), at(0)).unwrap();
        let signer = Signer::load(folder.path(), LIFETIME, at(0)).unwrap();
        let first = signed_with(&signer, 0);
        assert!(!signer.reload(at(1)).unwrap(), "nothing has changed");

        rotate(folder.path(), TimeDelta::minutes(10), at(1)).unwrap();
        let changes = signer.changes();
        assert!(signer.reload(at(1)).unwrap() && changes.has_changed().unwrap());
        assert_eq!(signer.published().len(), 2);
        assert_eq!(signed_with(&signer, 10), first);
        let second = signed_with(&signer, 11);
        assert_ne!(second, first);
        assert_eq!(signer.published()[0].key_id, second, "newest first");

        assert!(!signer.reload(at(16)).unwrap(), "tokens of the first may still be good");
        assert!(signer.reload(at(17)).unwrap());
        let left: Vec<String> = signer.published().into_iter().map(|key| key.key_id).collect();
        assert_eq!(left, [second]);
    }

    #[test]
    fn what_cannot_be_used_is_named_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Signer::load(folder.path(), LIFETIME, at(0)), Err(SignerError::Empty(_))));
        rotate(folder.path(), TimeDelta::zero(), at(0)).unwrap();
        let signer = Signer::load(folder.path(), LIFETIME, at(0)).unwrap();
        std::fs::write(folder.path().join("..data"), "as orchestrators mount").unwrap();
        assert!(!signer.reload(at(1)).unwrap());
        std::fs::write(folder.path().join("new.pem"), "x").unwrap();
        assert!(matches!(signer.reload(at(1)), Err(SignerError::Name(_))));
        std::fs::rename(folder.path().join("new.pem"), folder.path().join(name(at(9)))).unwrap();
        assert!(matches!(signer.reload(at(1)), Err(SignerError::Key(_))));
        assert_eq!(signer.published().len(), 1);
    }
}
