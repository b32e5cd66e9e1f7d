//! The keys that verify tokens: given (in identity itself) or fetched from identity, cached, and fetched anew when needed.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use proto::anjia::identity::v1::token_service_client::TokenServiceClient;
use proto::anjia::identity::v1::{GetKeysRequest, Key};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::channel::Channel;
use crate::error;

/// Keys older than this are fetched again in the background while they go on serving.
const FRESH_FOR: Duration = Duration::from_mins(5);
/// Tokens with invented key ids must not make us ask identity more often than this.
const ASK_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// A first call waits this long for identity's answer at most.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// A public key that is not an Ed25519 key.
#[derive(Debug, thiserror::Error)]
#[error("key {0} is not an Ed25519 public key")]
pub struct InvalidKey(String);

/// Public keys by their id.
#[derive(Clone, Default)]
pub struct KeySet(HashMap<String, Arc<DecodingKey>>);

impl KeySet {
    /// Keys as identity publishes them.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Result<Self, InvalidKey> {
        let mut set = HashMap::new();
        for key in keys {
            set.insert(key.key_id.clone(), Arc::new(decoding_key(key)?));
        }
        Ok(Self(set))
    }

    fn get(&self, key_id: &str) -> Option<Arc<DecodingKey>> {
        self.0.get(key_id).cloned()
    }
}

fn decoding_key(key: &Key) -> Result<DecodingKey, InvalidKey> {
    let invalid = || InvalidKey(key.key_id.clone());
    let decoded = DecodingKey::from_ed_components(&key.x).map_err(|_| invalid())?;
    // The verifier slices 32 bytes without asking: a shorter key would panic on the first token.
    let is_whole = decoded.try_get_as_bytes().is_ok_and(|bytes| bytes.len() == 32);
    if is_whole { Ok(decoded) } else { Err(invalid()) }
}

/// Where keys come from.
pub(super) enum KeySource {
    Local(KeySet),
    Remote(Arc<Remote>),
}

impl KeySource {
    /// The key of this id; `None` if there is no such key, an error if that cannot be known now.
    pub(super) async fn key(&self, key_id: &str) -> Result<Option<Arc<DecodingKey>>, Status> {
        match self {
            Self::Local(keys) => Ok(keys.get(key_id)),
            Self::Remote(remote) => remote.key(key_id).await,
        }
    }
}

pub(super) struct Remote {
    client: TokenServiceClient<Channel>,
    cache: RwLock<Cached>,
    /// Held while identity is asked: everybody else waits for that one answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default, Clone)]
struct Cached {
    keys: KeySet,
    /// When identity last answered.
    fetched_at: Option<Instant>,
    /// When identity was last asked, whatever came of it.
    asked_at: Option<Instant>,
}

impl Remote {
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            client: TokenServiceClient::new(channel),
            cache: RwLock::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    async fn key(self: &Arc<Self>, key_id: &str) -> Result<Option<Arc<DecodingKey>>, Status> {
        let cached = self.cached();
        if let Some(key) = cached.keys.get(key_id) {
            let is_stale = cached.fetched_at.is_none_or(|at| at.elapsed() > FRESH_FOR);
            if is_stale && may_ask(&cached) {
                let remote = Arc::clone(self);
                tokio::spawn(async move { remote.ask().await });
            }
            return Ok(Some(key));
        }

        self.ask().await;
        let cached = self.cached();
        match cached.fetched_at {
            Some(_) => Ok(cached.keys.get(key_id)),
            // Without any keys nothing can be said about a token, and saying it is bad would make callers give up.
            None => Err(error::status(
                error::DOMAIN,
                Code::Unavailable,
                "KEYS_UNAVAILABLE",
                "tokens cannot be verified now",
            )),
        }
    }

    /// Asks identity once, unless it was asked a moment ago. Failing leaves the old keys.
    async fn ask(&self) {
        let _one_at_a_time = self.asking.lock().await;
        if !may_ask(&self.cached()) {
            return;
        }
        let mut request = tonic::Request::new(GetKeysRequest {});
        request.set_timeout(ASK_LIMIT);
        let answer = self.client.clone().get_keys(request).await;
        // Counted from the answer, which may have taken longer than the pause between two: whoever waited has it, and must not ask
        // in turn.
        self.update(|cached| cached.asked_at = Some(Instant::now()));
        match answer.map(|answer| KeySet::new(&answer.into_inner().keys)) {
            Ok(Ok(keys)) => self.update(|cached| {
                cached.keys = keys;
                cached.fetched_at = Some(Instant::now());
            }),
            Ok(Err(error)) => tracing::error!(%error, "identity published an unusable key"),
            Err(status) => tracing::warn!(code = ?status.code(), "keys not fetched from identity"),
        }
    }

    fn cached(&self) -> Cached {
        self.cache.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn update(&self, change: impl FnOnce(&mut Cached)) {
        change(&mut self.cache.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn may_ask(cached: &Cached) -> bool {
    cached.asked_at.is_none_or(|at| at.elapsed() >= ASK_AT_MOST_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_wrong_length_is_refused() {
        let key = |x: &str| Key { key_id: "k".to_owned(), x: x.to_owned() };
        assert!(KeySet::new(&[key("AAAA")]).is_err());
        assert!(KeySet::new(&[key("not base64!")]).is_err());
        assert!(KeySet::new(&[key(&"A".repeat(43))]).is_ok());
    }
}
