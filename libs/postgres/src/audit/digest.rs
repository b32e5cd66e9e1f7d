use std::fmt;

use sha2::{Digest as _, Sha256};

/// SHA-256(salt ‖ table ‖ version of the column list ‖ values), every part preceded by its length, so that no two lists of
/// values read alike.
pub fn digest(salt: &[u8], table: &str, columns: u32, values: &[&dyn fmt::Display]) -> [u8; 32] {
    let mut parts = Parts::default();
    parts.bytes(salt);
    parts.bytes(table.as_bytes());
    parts.bytes(&columns.to_be_bytes());
    for value in values {
        parts.bytes(value.to_string().as_bytes());
    }
    parts.finish()
}

/// A value that may be null, to be digested.
pub const fn optional<T>(value: &Option<T>) -> Optional<'_, T> {
    Optional(value.as_ref())
}

/// Writes null as U+0000, which no text in Postgres can contain.
#[derive(Debug, Clone, Copy)]
pub struct Optional<'a, T>(Option<&'a T>);

impl<T: fmt::Display> fmt::Display for Optional<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("\0"),
        }
    }
}

/// A digest over parts that cannot run into each other.
#[derive(Default)]
pub(super) struct Parts(Sha256);

impl Parts {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(super) fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            // No part is that long.
            None => self.0.update(u64::MAX.to_be_bytes()),
        }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_run_into_each_other() {
        let of = |values: &[&dyn fmt::Display]| digest(b"salt", "bills", 1, values);
        assert_ne!(of(&[&"ab", &"c"]), of(&[&"a", &"bc"]));
        assert_ne!(of(&[&"", &"a"]), of(&[&"a", &""]));
        assert_ne!(of(&[&"a"]), of(&[&"a", &""]));
        assert_ne!(of(&[&optional(&None::<&str>)]), of(&[&""]));
        assert_eq!(of(&[&optional(&Some("a"))]), of(&[&"a"]));
    }

    #[test]
    fn salt_table_and_version_count() {
        let values: &[&dyn fmt::Display] = &[&1];
        let plain = digest(b"salt", "bills", 1, values);
        assert_ne!(plain, digest(b"tlas", "bills", 1, values));
        assert_ne!(plain, digest(b"salt", "claims", 1, values));
        assert_ne!(plain, digest(b"salt", "bills", 2, values));
    }
}
