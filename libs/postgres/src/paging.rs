//! Pages of a list (AIP-158): an opaque token says where the next page begins and which query it belongs to.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proto::convert::FieldError;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

pub const SIZE_DEFAULT: u32 = 50;
pub const SIZE_MAX: u32 = 200;

/// Enough to tell queries apart; a token grants nothing, so nobody gains by forging one.
const FILTER_DIGEST_BYTES: usize = 16;
const TOKEN_LENGTH_MAX: usize = 1024;

/// Which page is asked for. `K` is the key of the last row of the page before: what the list is ordered by, unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K> {
    size: u32,
    after: Option<K>,
    filter_digest: [u8; FILTER_DIGEST_BYTES],
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Empty on the last page.
    pub next_page_token: String,
}

impl<K: Serialize + DeserializeOwned> PageRequest<K> {
    /// `filter` is everything else the list depends on, such as the encoded request without its paging fields: a token is good
    /// for the query it came from only.
    pub fn parse(page_size: i32, page_token: &str, filter: &[u8]) -> Result<Self, FieldError> {
        let size = match u32::try_from(page_size) {
            Err(_) => return Err(FieldError::new("page_size", "must not be negative")),
            Ok(0) => SIZE_DEFAULT,
            Ok(size) => size.min(SIZE_MAX),
        };
        let filter_digest = digest(filter);
        let after = if page_token.is_empty() { None } else { Some(decode(page_token, filter_digest)?) };
        Ok(Self { size, after, filter_digest })
    }

    /// The key after which the page begins; none for the first page.
    pub const fn after(&self) -> Option<&K> {
        self.after.as_ref()
    }

    /// What to bind as LIMIT: one row more than the page holds shows whether another page follows.
    pub fn limit(&self) -> i64 {
        i64::from(self.size) + 1
    }

    /// Makes the page of the rows that a query with [`PageRequest::limit`] gave.
    pub fn page<T>(&self, mut rows: Vec<T>, key: impl FnOnce(&T) -> K) -> Result<Page<T>, serde_json::Error> {
        let size = self.size as usize;
        let more = rows.len() > size;
        rows.truncate(size);
        let next_page_token = match rows.last() {
            Some(last) if more => encode(&key(last), self.filter_digest)?,
            _ => String::new(),
        };
        Ok(Page { items: rows, next_page_token })
    }
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next_page_token: self.next_page_token }
    }
}

fn encode<K: Serialize>(key: &K, filter_digest: [u8; FILTER_DIGEST_BYTES]) -> Result<String, serde_json::Error> {
    let mut bytes = filter_digest.to_vec();
    serde_json::to_writer(&mut bytes, key)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn decode<K: DeserializeOwned>(token: &str, filter_digest: [u8; FILTER_DIGEST_BYTES]) -> Result<K, FieldError> {
    let invalid = || {
        FieldError::new(
            "page_token",
            "PAGE_TOKEN_INVALID: must be the next_page_token of the page before, with the same query",
        )
    };
    if token.len() > TOKEN_LENGTH_MAX {
        return Err(invalid());
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    match bytes.split_first_chunk() {
        Some((digest, key)) if *digest == filter_digest => serde_json::from_slice(key).map_err(|_| invalid()),
        _ => Err(invalid()),
    }
}

fn digest(filter: &[u8]) -> [u8; FILTER_DIGEST_BYTES] {
    let whole: [u8; 32] = Sha256::digest(filter).into();
    let mut digest = [0; FILTER_DIGEST_BYTES];
    digest.copy_from_slice(&whole[..FILTER_DIGEST_BYTES]);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(size: i32, token: &str, filter: &str) -> Result<PageRequest<u32>, FieldError> {
        PageRequest::parse(size, token, filter.as_bytes())
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let first = request(2, "", "q").unwrap();
        assert_eq!((first.after(), first.limit()), (None, 3));
        let page = first.page(vec![1, 2, 3], |row| *row).unwrap();
        assert_eq!(page.items, [1, 2]);
        let second = request(2, &page.next_page_token, "q").unwrap();
        assert_eq!(second.after(), Some(&2));
        assert_eq!(
            second.page(vec![3, 4], |row| *row).unwrap(),
            Page { items: vec![3, 4], next_page_token: String::new() }
        );
    }

    #[test]
    fn a_token_of_another_query_or_of_nobody_is_refused() {
        let token = request(1, "", "q").unwrap().page(vec![1, 2], |row| *row).unwrap().next_page_token;
        for (token, filter) in [(token.as_str(), "other"), ("x", "q"), ("!", "q"), (&"A".repeat(2000), "q")] {
            let error = request(1, token, filter).unwrap_err();
            assert_eq!(error.field, "page_token");
            assert!(error.description.starts_with("PAGE_TOKEN_INVALID"));
        }
    }

    #[test]
    fn page_sizes_are_kept_within_bounds() {
        assert_eq!(request(0, "", "").unwrap().limit(), 51);
        assert_eq!(request(1_000_000, "", "").unwrap().limit(), 201);
        assert_eq!(request(-1, "", "").unwrap_err().field, "page_size");
    }
}
