use std::{collections::BTreeMap, fmt};

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use rand::RngCore as _;
use sha2::Sha256;
use uuid::Uuid;

use super::provider::Secret;
use crate::Error;

const NONCE_BYTES: usize = 12;

/// Where a sealed value stands.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    pub table: &'static str,
    pub column: &'static str,
    pub row: Uuid,
}

/// The data keys of one region.
pub struct Keys {
    generation: i64,
    /// The version that seals.
    sealing: i32,
    versions: BTreeMap<i32, (Secret, Aes256Gcm)>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("sealing", &self.sealing).finish_non_exhaustive()
    }
}

impl Keys {
    /// `sealing` is one of the versions.
    pub(super) fn new(generation: i64, sealing: i32, secrets: BTreeMap<i32, Secret>) -> Self {
        let versions = secrets.into_iter().map(|(version, secret)| {
            let cipher = cipher(&secret);
            (version, (secret, cipher))
        });
        Self { generation, sealing, versions: versions.collect() }
    }

    pub(crate) const fn generation(&self) -> i64 {
        self.generation
    }

    pub(super) fn secret(&self, version: i32) -> Option<&Secret> {
        self.versions.get(&version).map(|(secret, _)| secret)
    }

    /// The version of the key that seals, to be stored with the row.
    pub const fn version(&self) -> i32 {
        self.sealing
    }

    /// Nonce and ciphertext.
    pub fn seal(&self, cell: Cell, text: &str) -> Result<Vec<u8>, Error> {
        self.seal_bytes(cell, text.as_bytes())
    }

    pub fn seal_bytes(&self, cell: Cell, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let (_, key) = self.version_of(cell, self.sealing)?;
        // Fails only for gigabytes.
        seal(key, cell.associated(self.sealing).as_bytes(), bytes).ok_or_else(|| cell.invalid())
    }

    /// The text, if it was sealed for this cell and nobody has touched it.
    pub fn open(&self, cell: Cell, key_version: i32, sealed: &[u8]) -> Result<String, Error> {
        String::from_utf8(self.open_bytes(cell, key_version, sealed)?).map_err(|_| cell.invalid())
    }

    pub fn open_bytes(&self, cell: Cell, key_version: i32, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (_, key) = self.version_of(cell, key_version)?;
        open(key, cell.associated(key_version).as_bytes(), sealed).ok_or_else(|| cell.invalid())
    }

    fn version_of(&self, cell: Cell, version: i32) -> Result<&(Secret, Aes256Gcm), Error> {
        self.versions.get(&version).ok_or_else(|| Error::row_invalid(cell.table, "key_version", cell.row))
    }
}

/// The keys of the blind indexes: one installation, one set, since a person is one person in all regions.
pub struct IndexKeys {
    /// The newest last.
    versions: BTreeMap<i32, Secret>,
    newest: i32,
}

impl fmt::Debug for IndexKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexKeys").field("newest", &self.newest).finish_non_exhaustive()
    }
}

impl IndexKeys {
    /// `newest` is one of the versions.
    pub(super) const fn new(newest: i32, versions: BTreeMap<i32, Secret>) -> Self {
        Self { versions, newest }
    }

    pub(super) fn secret(&self, version: i32) -> Option<&Secret> {
        self.versions.get(&version)
    }

    /// The version that new rows are indexed under.
    pub const fn version(&self) -> i32 {
        self.newest
    }

    pub fn newest(&self, column: &str, value: &str) -> Vec<u8> {
        self.versions.get(&self.newest).map(|key| mac(key, column, value)).unwrap_or_default()
    }

    pub fn all(&self, column: &str, value: &str) -> Vec<Vec<u8>> {
        self.versions.values().rev().map(|key| mac(key, column, value)).collect()
    }
}

fn mac(key: &Secret, column: &str, value: &str) -> Vec<u8> {
    // Any length is a key, so this always gives one.
    <Hmac<Sha256> as hmac::Mac>::new_from_slice(key.expose()).map_or_else(
        |_| Vec::new(),
        |mut mac| {
            mac.update(column.as_bytes());
            mac.update(b"|");
            mac.update(value.as_bytes());
            mac.finalize().into_bytes().to_vec()
        },
    )
}

impl Cell {
    fn associated(self, key_version: i32) -> String {
        format!("{}|{}|{}|{key_version}", self.table, self.column, self.row)
    }

    pub(crate) fn invalid(self) -> Error {
        Error::row_invalid(self.table, self.column, self.row)
    }
}

pub(crate) fn cipher(secret: &Secret) -> Aes256Gcm {
    Aes256Gcm::new(secret.expose().into())
}

/// Nonce and ciphertext.
pub(crate) fn seal(key: &Aes256Gcm, associated: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let nonce = nonce();
    let ciphertext = key.encrypt((&nonce).into(), Payload { msg: bytes, aad: associated }).ok()?;
    Some([nonce.as_slice(), &ciphertext].concat())
}

pub(crate) fn open(key: &Aes256Gcm, associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = split(sealed)?;
    key.decrypt(nonce.into(), Payload { msg: ciphertext, aad: associated }).ok()
}

/// Random: a data key seals far fewer than the 2³² values that allow it.
fn nonce() -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    rand::rng().fill_bytes(&mut nonce);
    nonce
}

fn split(sealed: &[u8]) -> Option<(&[u8; NONCE_BYTES], &[u8])> {
    sealed.split_first_chunk::<NONCE_BYTES>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> Secret {
        Secret::from_bytes(&[byte; 32]).unwrap()
    }

    fn keys(versions: &[(i32, u8)]) -> Keys {
        let newest = versions.last().unwrap().0;
        Keys::new(1, newest, versions.iter().map(|(version, byte)| (*version, secret(*byte))).collect())
    }

    fn cell(column: &'static str) -> Cell {
        Cell { table: "residents", column, row: Uuid::nil() }
    }

    #[test]
    fn id_08_a_sealed_text_opens_in_its_own_cell_only() {
        let keys = keys(&[(1, 1)]);
        let sealed = keys.seal(cell("name"), "陈桂英").unwrap();
        assert_eq!(keys.open(cell("name"), 1, &sealed).unwrap(), "陈桂英");
        assert!(keys.open(cell("mobile"), 1, &sealed).is_err());
        assert!(keys.open(Cell { row: Uuid::max(), ..cell("name") }, 1, &sealed).is_err());
        let mut touched = sealed.clone();
        touched[NONCE_BYTES] ^= 1;
        assert!(keys.open(cell("name"), 1, &touched).is_err());
        assert!(keys.open(cell("name"), 1, &sealed[..NONCE_BYTES - 1]).is_err());
        assert_ne!(keys.seal(cell("name"), "陈桂英").unwrap(), sealed);
    }

    #[test]
    fn id_08_after_a_rotation_the_old_key_still_opens() {
        let sealed = keys(&[(1, 1)]).seal(cell("name"), "text").unwrap();
        let rotated = keys(&[(1, 1), (2, 2)]);
        assert_eq!(rotated.version(), 2);
        assert_eq!(rotated.open(cell("name"), 1, &sealed).unwrap(), "text");
        assert!(rotated.open(cell("name"), 2, &sealed).is_err());
        assert!(rotated.open(cell("name"), 3, &sealed).is_err());
    }

    #[test]
    fn id_08_an_index_depends_on_column_and_key() {
        let index = |versions: &[(i32, u8)]| {
            let newest = versions.last().unwrap().0;
            IndexKeys::new(newest, versions.iter().map(|(version, byte)| (*version, secret(*byte))).collect())
        };
        let first = index(&[(1, 9)]);
        assert_eq!(first.newest("a", "x"), first.newest("a", "x"));
        assert_ne!(first.newest("a", "x"), first.newest("b", "x"));
        let rotated = index(&[(1, 9), (2, 8)]);
        assert_ne!(rotated.newest("a", "x"), first.newest("a", "x"));
        assert_eq!(rotated.all("a", "x"), [rotated.newest("a", "x"), first.newest("a", "x")]);
    }

    #[test]
    fn id_08_keys_cannot_be_printed() {
        let printed = format!("{:?} {:?} {:?}", keys(&[(1, 7)]), secret(7), IndexKeys::new(1, BTreeMap::new()));
        assert_eq!(printed, "Keys { sealing: 1, .. } [redacted] IndexKeys { newest: 1, .. }");
    }
}
