//! What is digested: parts that cannot run into each other, salted by row.

use rand::RngCore as _;
use sha2::{Digest as _, Sha256};

use crate::{Error, vault::PersonKey};

/// The secret of one entry. Whoever lacks it learns nothing about values from digests of them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Salt([u8; 16]);

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl Salt {
    pub(super) fn generate() -> Self {
        let mut salt = [0; 16];
        rand::rng().fill_bytes(&mut salt);
        Self(salt)
    }

    /// As it stands in `audit_entries.salt`: sealed under the key of the person whom the entry concerns, in the open if it is nobody's.
    pub(super) fn stored(&self, person: Option<&PersonKey>) -> Result<Vec<u8>, Error> {
        person.map_or_else(|| Ok(self.0.to_vec()), |key| key.seal_salt(&self.0))
    }

    /// The salt that stands in `audit_entries.salt`; `None` if the person's key was destroyed. The only way in which one is opened.
    pub(super) fn open(stored: &[u8], person: Option<&PersonKey>) -> Option<Self> {
        let opened = person.map_or_else(|| Some(stored.to_vec()), |key| key.open_salt(stored))?;
        Some(Self(opened.try_into().ok()?))
    }

    /// The salt of one row of the entry: to show it is not to show that of another.
    pub(super) fn of_row(&self, table: &str, id: &str) -> [u8; 32] {
        let mut parts = Parts::default();
        parts.bytes(b"anjia audit row salt v1");
        parts.bytes(&self.0);
        parts.bytes(table.as_bytes());
        parts.bytes(id.as_bytes());
        parts.finish()
    }
}

/// Everything that is digested of a row but the columns that stand in the open, whose text follows: by the salt of the row, its
/// table and id, the version of the list of columns, and the plain text of sealed ones.
pub(super) fn head(salt: &[u8; 32], table: &str, id: &str, columns: u32, sealed: &[Option<&str>]) -> Vec<u8> {
    let mut head = Parts::default();
    for part in [b"anjia audit row v1", salt.as_slice(), table.as_bytes(), id.as_bytes(), &columns.to_be_bytes()] {
        head.bytes(part);
    }
    for text in sealed {
        head.optional(text.map(str::as_bytes));
    }
    head.into_bytes()
}

/// SHA-256 of [`head`] and `body`: the text of `ROW(columns)` as Postgres writes it, which tells every list of values from every other.
pub(super) fn digest(head: &[u8], body: &str) -> [u8; 32] {
    Sha256::new().chain_update(head).chain_update(body.as_bytes()).finalize().into()
}

/// The length of what is not there: no part is that long.
const NULL: u64 = u64::MAX;

/// Parts that cannot run into each other: each after its length.
#[derive(Default)]
pub(super) struct Parts(Vec<u8>);

impl Parts {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self.0.extend_from_slice(&NULL.to_be_bytes()),
        }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what [`Parts`] wrote.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next part; `None` at the end, or where there is none to read.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        self.optional()?
    }

    /// The next part, which may be null.
    #[expect(clippy::option_option, reason = "there may be no part, or one that is null")]
    pub(super) fn optional(&mut self) -> Option<Option<&'a [u8]>> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = u64::from_be_bytes(*length);
        if length == NULL {
            self.0 = rest;
            return Some(None);
        }
        let (part, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(Some(part))
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_run_into_each_other() {
        let salt = [1; 32];
        let of = |sealed: &[Option<&str>]| digest(&head(&salt, "residents", "1", 1, sealed), "(a)");
        assert_ne!(of(&[Some("ab"), Some("c")]), of(&[Some("a"), Some("bc")]));
        assert_ne!(of(&[Some(""), Some("a")]), of(&[Some("a"), Some("")]));
        assert_ne!(of(&[None]), of(&[Some("")]));
        assert_ne!(of(&[None]), of(&[]));
    }

    #[test]
    fn salt_table_id_and_version_count() {
        let of = |salt, table, id, version| digest(&head(salt, table, id, version, &[]), "(a)");
        let plain = of(&[1; 32], "bills", "1", 1);
        assert_ne!(plain, of(&[2; 32], "bills", "1", 1));
        assert_ne!(plain, of(&[1; 32], "claims", "1", 1));
        assert_ne!(plain, of(&[1; 32], "bills", "2", 1));
        assert_ne!(plain, of(&[1; 32], "bills", "1", 2));
        let salt = Salt::generate();
        assert_ne!(salt.of_row("bills", "1"), salt.of_row("bills", "2"));
        assert_eq!(Salt::open(&salt.stored(None).unwrap(), None), Some(salt));
    }
}
