//! A provider's published keys, fetched over HTTP: bounded in time and size, following nobody's redirect.

use std::time::Duration;

use reqwest::{Client, StatusCode, redirect};

/// From the first byte sent to the last one read.
const ANSWER_MAX: Duration = Duration::from_secs(3);
const BYTES_MAX: usize = 256 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("no whole answer within {} s", ANSWER_MAX.as_secs())]
    Transport(#[from] reqwest::Error),
    #[error("answered {0}")]
    Refused(StatusCode),
    #[error("the answer is longer than {BYTES_MAX} bytes")]
    Long,
}

/// Fetches keys. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher(Client);

impl Fetcher {
    /// Trusts the certificate authorities of this machine.
    pub fn new() -> Result<Self, reqwest::Error> {
        // Where the keys lie is what the operator wrote, neither a proxy's nor another host's word.
        Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(ANSWER_MAX).build().map(Self)
    }

    pub async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let mut answer = self.0.get(url).send().await?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Refused(answer.status()));
        }
        let mut bytes = vec![];
        while let Some(chunk) = answer.chunk().await? {
            if bytes.len() + chunk.len() > BYTES_MAX {
                return Err(FetchError::Long);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}
