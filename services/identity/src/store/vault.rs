//! Seals what names a person, and finds it again without opening anything.
//!
//! AES-256-GCM under a data key whose version is stored with the row; associated data `table|column|row id|key version`, so a
//! ciphertext moved to another place does not open. The blind index is HMAC-SHA-256 under a key of its own.

use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};
use hmac::{Hmac, Mac};
use rand::RngCore;
use sha2::Sha256;
use uuid::Uuid;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Why the keys cannot be used. Never says what stood in the file.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the key file {0} cannot be read")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("the key file {0} must hold keys of 32 bytes in hexadecimal, one to a line")]
    Malformed(PathBuf),
}

/// Where a sealed value stands.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    pub table: &'static str,
    pub column: &'static str,
    pub row: Uuid,
}

/// The keys of personal data.
pub struct Vault {
    /// Version n is line n of the file; the last one seals.
    data_keys: Vec<Aes256Gcm>,
    index_key: Hmac<Sha256>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("data_keys", &self.data_keys.len()).finish_non_exhaustive()
    }
}

impl Vault {
    /// Reads the key files. A data key is rotated by a further line; what older lines sealed still opens.
    pub fn load(data_key_file: &Path, index_key_file: &Path) -> Result<Self, VaultError> {
        let index_keys = read(index_key_file)?;
        match index_keys.as_slice() {
            [index_key] => Self::new(&read(data_key_file)?, index_key, data_key_file),
            _ => Err(VaultError::Malformed(index_key_file.to_owned())),
        }
    }

    fn new(data_keys: &[[u8; KEY_BYTES]], index_key: &[u8; KEY_BYTES], file: &Path) -> Result<Self, VaultError> {
        if data_keys.is_empty() {
            return Err(VaultError::Malformed(file.to_owned()));
        }
        let data_keys = data_keys.iter().map(|key| Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))).collect();
        let index_key =
            <Hmac<Sha256> as Mac>::new_from_slice(index_key).map_err(|_| VaultError::Malformed(file.to_owned()))?;
        Ok(Self { data_keys, index_key })
    }

    /// The version of the key that seals.
    pub fn key_version(&self) -> i32 {
        i32::try_from(self.data_keys.len()).unwrap_or(i32::MAX)
    }

    /// Nonce and ciphertext.
    pub fn seal(&self, cell: Cell, text: &str) -> Result<Vec<u8>, postgres::Error> {
        let version = self.key_version();
        let key = self.key(cell, version)?;
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let associated = cell.associated(version);
        let payload = Payload { msg: text.as_bytes(), aad: associated.as_bytes() };
        // Fails only for texts of gigabytes.
        let ciphertext = key.encrypt(&Nonce::from(nonce), payload).map_err(|_| cell.invalid())?;
        Ok([nonce.as_slice(), &ciphertext].concat())
    }

    /// The text, if it was sealed for this cell and nobody has touched it.
    pub fn open(&self, cell: Cell, key_version: i32, sealed: &[u8]) -> Result<String, postgres::Error> {
        let key = self.key(cell, key_version)?;
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| cell.invalid())?;
        let associated = cell.associated(key_version);
        let payload = Payload { msg: ciphertext, aad: associated.as_bytes() };
        let text = key.decrypt(&Nonce::from(*nonce), payload).map_err(|_| cell.invalid())?;
        String::from_utf8(text).map_err(|_| cell.invalid())
    }

    /// What a value is found by. Equal values of different columns have different indexes.
    pub fn blind_index(&self, column: &str, value: &str) -> Vec<u8> {
        let mut mac = self.index_key.clone();
        mac.update(column.as_bytes());
        mac.update(b"|");
        mac.update(value.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn key(&self, cell: Cell, version: i32) -> Result<&Aes256Gcm, postgres::Error> {
        usize::try_from(version)
            .ok()
            .and_then(|version| version.checked_sub(1))
            .and_then(|position| self.data_keys.get(position))
            .ok_or_else(|| postgres::Error::row_invalid(cell.table, "key_version", cell.row))
    }
}

impl Cell {
    fn associated(self, key_version: i32) -> String {
        format!("{}|{}|{}|{key_version}", self.table, self.column, self.row)
    }

    fn invalid(self) -> postgres::Error {
        postgres::Error::row_invalid(self.table, self.column, self.row)
    }
}

fn read(file: &Path) -> Result<Vec<[u8; KEY_BYTES]>, VaultError> {
    let text = std::fs::read_to_string(file).map_err(|error| VaultError::Read(file.to_owned(), error))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut key = [0; KEY_BYTES];
            hex::decode_to_slice(line, &mut key).map_err(|_| VaultError::Malformed(file.to_owned()))?;
            Ok(key)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(keys: &[[u8; KEY_BYTES]]) -> Vault {
        Vault::new(keys, &[9; KEY_BYTES], Path::new("test")).unwrap()
    }

    fn cell(column: &'static str) -> Cell {
        Cell { table: "residents", column, row: Uuid::nil() }
    }

    #[test]
    fn id_08_a_sealed_text_opens_in_its_own_cell_only() {
        let vault = vault(&[[1; KEY_BYTES]]);
        let sealed = vault.seal(cell("name"), "陈桂英").unwrap();
        assert_eq!(vault.open(cell("name"), 1, &sealed).unwrap(), "陈桂英");
        assert!(vault.open(cell("mobile"), 1, &sealed).is_err());
        assert!(vault.open(Cell { row: Uuid::max(), ..cell("name") }, 1, &sealed).is_err());
        let mut touched = sealed.clone();
        touched[NONCE_BYTES] ^= 1;
        assert!(vault.open(cell("name"), 1, &touched).is_err());
        assert!(vault.open(cell("name"), 1, &sealed[..NONCE_BYTES - 1]).is_err());
        assert_ne!(vault.seal(cell("name"), "陈桂英").unwrap(), sealed);
    }

    #[test]
    fn id_08_after_a_rotation_the_old_key_still_opens() {
        let sealed = vault(&[[1; KEY_BYTES]]).seal(cell("name"), "text").unwrap();
        let rotated = vault(&[[1; KEY_BYTES], [2; KEY_BYTES]]);
        assert_eq!(rotated.key_version(), 2);
        assert_eq!(rotated.open(cell("name"), 1, &sealed).unwrap(), "text");
        assert!(rotated.open(cell("name"), 2, &sealed).is_err());
        assert!(rotated.open(cell("name"), 3, &sealed).is_err());
    }

    #[test]
    fn id_08_an_index_depends_on_column_and_key() {
        let vault = vault(&[[1; KEY_BYTES]]);
        assert_eq!(vault.blind_index("a", "x"), vault.blind_index("a", "x"));
        assert_ne!(vault.blind_index("a", "x"), vault.blind_index("b", "x"));
        let other = Vault::new(&[[1; KEY_BYTES]], &[8; KEY_BYTES], Path::new("test")).unwrap();
        assert_ne!(vault.blind_index("a", "x"), other.blind_index("a", "x"));
    }
}
