use std::fmt;

use serde::{Deserialize, Serialize};

/// One row that an entry names, as it stands in `audit_entries.rows`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Row {
    pub table: String,
    /// Its key; of several columns, as [`id`] joins them.
    pub id: String,
    pub what: What,
}

/// The id of a row whose key has several columns.
pub fn id(parts: &[&dyn fmt::Display]) -> String {
    let escaped = |part: &&dyn fmt::Display| part.to_string().replace('%', "%25").replace('/', "%2F");
    parts.iter().map(escaped).collect::<Vec<_>>().join("/")
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Inserted or updated: the digest of what it became, and the version of the list of columns that were digested.
    Written {
        columns: u32,
        digest: [u8; 32],
    },
    Read,
    Removed,
}

/// Exactly these fields and no others, or it is not ours.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    table: String,
    id: String,
    columns: Option<u32>,
    digest: Option<String>,
    read: Option<bool>,
    removed: Option<bool>,
}

impl TryFrom<Stored> for Row {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let what = match stored {
            Stored { columns: Some(columns), digest: Some(ref digest), read: None, removed: None, .. } => {
                let mut bytes = [0; 32];
                hex::decode_to_slice(digest, &mut bytes).map_err(|_| "a digest is 32 bytes in hexadecimal")?;
                // Upper case would read alike and is not what was written.
                if hex::encode(bytes) != *digest {
                    return Err("a digest is in lower case");
                }
                What::Written { columns, digest: bytes }
            }
            Stored { columns: None, digest: None, read: Some(true), removed: None, .. } => What::Read,
            Stored { columns: None, digest: None, read: None, removed: Some(true), .. } => What::Removed,
            _ => return Err("a row is written, read or removed"),
        };
        Ok(Self { table: stored.table, id: stored.id, what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_write_is_a_row() {
        let digest = "ab".repeat(32);
        let read = |text: String| serde_json::from_str::<Row>(&text);
        let row = read(format!(r#"{{"table":"bills","id":"1","columns":2,"digest":"{digest}"}}"#)).unwrap();
        assert_eq!(row.what, What::Written { columns: 2, digest: [0xab; 32] });
        assert_eq!(read(r#"{"table":"t","id":"1","read":true}"#.to_owned()).unwrap().what, What::Read);
        assert_eq!(read(r#"{"table":"t","id":"1","removed":true}"#.to_owned()).unwrap().what, What::Removed);
        for wrong in [
            r#"{"table":"t","id":"1"}"#.to_owned(),
            r#"{"table":"t","id":"1","read":false}"#.to_owned(),
            r#"{"table":"t","id":"1","read":true,"removed":true}"#.to_owned(),
            r#"{"table":"t","id":"1","read":true,"more":1}"#.to_owned(),
            format!(r#"{{"table":"t","id":"1","columns":2,"digest":"{}"}}"#, digest.to_uppercase()),
            format!(r#"{{"table":"t","id":"1","digest":"{digest}"}}"#),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
