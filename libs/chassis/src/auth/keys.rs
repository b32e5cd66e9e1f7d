//! The keys that verify tokens: given (in identity itself) or told by identity, and asked for when a token names one we lack.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use proto::anjia::identity::v1::{GetKeysRequest, Key};
use tokio::time::Instant;
use tonic::{Code, Status};
use types::clock::Clock;

use super::credentials::Credentials;
use super::follow;
use super::revocations::Revocations;
use crate::channel::Channel;
use crate::error;

/// Tokens with invented key ids must not make us ask identity more often than this.
const ASK_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// A first call waits this long for identity's answer at most.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// A public key that is not an Ed25519 key.
#[derive(Debug, thiserror::Error)]
#[error("key {0} is not an Ed25519 public key")]
pub struct InvalidKey(String);

/// A key ready to verify with, and what it was made of.
pub(super) struct PublicKey {
    pub(super) decoding: DecodingKey,
    x: String,
}

/// Public keys by their id.
#[derive(Clone, Default)]
pub struct KeySet(HashMap<String, Arc<PublicKey>>);

impl KeySet {
    /// Keys as identity publishes them.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Result<Self, InvalidKey> {
        let mut set = HashMap::new();
        for key in keys {
            set.insert(key.key_id.clone(), Arc::new(PublicKey { decoding: decoding_key(key)?, x: key.x.clone() }));
        }
        Ok(Self(set))
    }
}

fn decoding_key(key: &Key) -> Result<DecodingKey, InvalidKey> {
    let invalid = || InvalidKey(key.key_id.clone());
    let decoded = DecodingKey::from_ed_components(&key.x).map_err(|_| invalid())?;
    // The verifier slices 32 bytes without asking: a shorter key would panic on the first token.
    let is_whole = decoded.try_get_as_bytes().is_ok_and(|bytes| bytes.len() == 32);
    if is_whole { Ok(decoded) } else { Err(invalid()) }
}

/// The keys that stand at this moment; everybody who holds it sees them change. Cheap to clone.
#[derive(Clone, Default)]
pub struct Keys(Arc<RwLock<KeySet>>);

impl Keys {
    pub fn new(set: KeySet) -> Self {
        Self(Arc::new(RwLock::new(set)))
    }

    pub fn replace(&self, set: KeySet) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = set;
    }

    fn get(&self, key_id: &str) -> Option<Arc<PublicKey>> {
        self.read().0.get(key_id).cloned()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.read().0.keys().cloned().collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, KeySet> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where keys come from.
pub(super) enum KeySource {
    Local(Keys),
    Remote(Arc<Remote>),
}

impl KeySource {
    /// The key of this id; `None` if there is no such key, an error if that cannot be known now.
    pub(super) async fn key(&self, key_id: &str) -> Result<Option<Arc<PublicKey>>, Status> {
        match self {
            Self::Local(keys) => Ok(keys.get(key_id)),
            Self::Remote(remote) => remote.key(key_id).await,
        }
    }

    /// Whether this key still stands under this id.
    pub(super) fn still(&self, key_id: &str, key: &PublicKey) -> bool {
        let keys = match self {
            Self::Local(keys) => keys,
            Self::Remote(remote) => &remote.keys,
        };
        keys.read().0.get(key_id).is_some_and(|known| known.x == key.x)
    }
}

pub(super) struct Remote {
    client: TokenServiceClient<Channel>,
    keys: Keys,
    asked: RwLock<Asked>,
    /// Held while identity is asked: everybody else waits for that one answer.
    asking: tokio::sync::Mutex<()>,
    follower: tokio::task::AbortHandle,
}

#[derive(Default, Clone, Copy)]
struct Asked {
    /// Whether identity ever answered.
    is_answered: bool,
    /// When identity was last asked, whatever came of it.
    at: Option<Instant>,
}

impl Remote {
    /// Learns keys and revocations as they change, until it is dropped.
    pub(super) fn follow(
        channel: Channel,
        credentials: Credentials,
        revocations: Arc<Revocations>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let client = TokenServiceClient::new(channel);
        let keys = Keys::default();
        let following = follow::run(client.clone(), credentials, keys.clone(), revocations, clock);
        Arc::new(Self {
            client,
            keys,
            asked: RwLock::default(),
            asking: tokio::sync::Mutex::default(),
            follower: tokio::spawn(following).abort_handle(),
        })
    }

    async fn key(&self, key_id: &str) -> Result<Option<Arc<PublicKey>>, Status> {
        if let Some(key) = self.keys.get(key_id) {
            return Ok(Some(key));
        }
        self.ask().await;
        let key = self.keys.get(key_id);
        // Without any keys nothing can be said about a token, and saying it is bad would make callers give up.
        if key.is_none() && !self.asked().is_answered { Err(unavailable()) } else { Ok(key) }
    }

    /// Asks identity once, unless it was asked a moment ago. Failing leaves the old keys.
    async fn ask(&self) {
        let _one_at_a_time = self.asking.lock().await;
        if self.asked().at.is_some_and(|at| at.elapsed() < ASK_AT_MOST_EVERY) {
            return;
        }
        let mut request = tonic::Request::new(GetKeysRequest {});
        request.set_timeout(ASK_LIMIT);
        let answer = self.client.clone().get_keys(request).await;
        let is_answered = match answer.map(|answer| KeySet::new(&answer.into_inner().keys)) {
            Ok(Ok(set)) => {
                self.keys.replace(set);
                true
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "identity published an unusable key");
                self.asked().is_answered
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), "keys not fetched from identity");
                self.asked().is_answered
            }
        };
        // Counted from the answer, which may have taken longer than the pause between two: whoever waited has it, and must not ask
        // in turn.
        let asked = Asked { is_answered, at: Some(Instant::now()) };
        *self.asked.write().unwrap_or_else(PoisonError::into_inner) = asked;
    }

    fn asked(&self) -> Asked {
        *self.asked.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

/// Neither good nor bad: the same call may be sent again.
pub(super) fn unavailable() -> Status {
    error::status(error::DOMAIN, Code::Unavailable, "KEYS_UNAVAILABLE", "tokens cannot be verified now")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_wrong_length_is_refused() {
        let key = |x: &str| Key { key_id: "k".to_owned(), x: x.to_owned(), ..Key::default() };
        assert!(KeySet::new(&[key("AAAA")]).is_err());
        assert!(KeySet::new(&[key("not base64!")]).is_err());
        assert!(KeySet::new(&[key(&"A".repeat(43))]).is_ok());
    }

    #[test]
    fn a_key_that_was_removed_or_replaced_no_longer_stands() {
        let set = |x: &str| KeySet::new(&[Key { key_id: "k".to_owned(), x: x.to_owned(), ..Key::default() }]).unwrap();
        let keys = Keys::new(set(&"A".repeat(43)));
        let source = KeySource::Local(keys.clone());
        let key = keys.get("k").unwrap();
        keys.replace(set(&"A".repeat(43)));
        assert!(source.still("k", &key), "the same key, told again");
        keys.replace(set(&format!("{}E", "A".repeat(42))));
        assert!(!source.still("k", &key));
        keys.replace(KeySet::default());
        assert!(!source.still("k", &key));
    }
}
