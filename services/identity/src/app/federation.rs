//! The trusted providers with their keys: an ID token becomes a login, or is refused.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::Algorithm;
use tokio::time::Instant;
use types::redacted::Redacted;

use crate::domain::IdentityError;
use crate::domain::jwks::Jwks;
use crate::domain::login::Login;
use crate::domain::provider::{self, Provider};
use crate::domain::unique::Unique;
use crate::peers::provider::Fetcher;

/// A token with an invented `kid` must not make us ask a provider more often than this.
const ASK_AT_MOST_EVERY: Duration = Duration::from_secs(5);
/// While a provider is away its keys go on serving this long.
const STALE_MAX: Duration = Duration::from_hours(1);

/// By issuer.
#[derive(Default)]
pub struct Federation(HashMap<String, Trusted>);

struct Trusted {
    provider: Provider,
    keys: Keys,
}

enum Keys {
    Fixed(Arc<Jwks>),
    Fetched(Box<Fetched>),
}

struct Fetched {
    url: String,
    fetcher: Fetcher,
    fresh_for: Duration,
    cached: RwLock<Cached>,
    /// Held while the provider is asked: everybody else waits for that one answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default, Clone)]
struct Cached {
    keys: Arc<Jwks>,
    fetched_at: Option<Instant>,
    asked_at: Option<Instant>,
}

/// The three parts of a signed token.
struct Parts<'a> {
    key_id: String,
    algorithm: Algorithm,
    signed: &'a str,
    signature: &'a str,
    claims: Unique,
}

impl Federation {
    /// Reads the file of providers and their fixed keys; without a file nobody is trusted.
    pub fn load(file: Option<&Path>, only_loopback: bool) -> anyhow::Result<Self> {
        let Some(file) = file else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let providers = provider::parse(&text, only_loopback).with_context(|| format!("in {}", file.display()))?;
        let trust = |provider: Provider| {
            let keys = Keys::of(&provider, file).with_context(|| format!("provider {}", provider.name))?;
            Ok((provider.issuer.clone(), Trusted { provider, keys }))
        };
        Ok(Self(providers.into_iter().map(trust).collect::<anyhow::Result<_>>()?))
    }

    /// The login that a token presented by this client tells of.
    pub async fn login(
        &self,
        token: &Redacted<String>,
        client_id: &str,
        nonce: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Login, IdentityError> {
        let parts = Parts::of(token.expose()).ok_or(IdentityError::SubjectTokenInvalid)?;
        let issuer = parts.claims.text("iss").ok_or(IdentityError::SubjectTokenInvalid)?;
        let Trusted { provider, keys } = self.0.get(issuer).ok_or(IdentityError::ProviderUnknown)?;
        if !provider.clients.contains(client_id) {
            return Err(IdentityError::ExchangeNotPermitted);
        }
        let keys = keys.with(&parts.key_id).await?;
        let is_accepted = provider.algorithms.iter().any(|signing| Algorithm::from(*signing) == parts.algorithm);
        if !is_accepted || !parts.are_signed_with(&keys) {
            return Err(IdentityError::SubjectTokenInvalid);
        }
        provider.login(&parts.claims, nonce, now)
    }
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let read = |part: &str| Unique::parse(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let header = read(header)?;
        // What must be understood (`crit`) is not, and an access token is no ID token.
        let is_plain = !header.0.contains_key("crit") && header.0.get("typ").is_none_or(|typ| typ == "JWT");
        let algorithm = match header.text("alg")? {
            "EdDSA" => Algorithm::EdDSA,
            "ES256" => Algorithm::ES256,
            _ => return None,
        };
        let key_id = header.text("kid")?.to_owned();
        is_plain.then_some(())?;
        Some(Self { key_id, algorithm, signed, signature, claims: read(claims)? })
    }

    fn are_signed_with(&self, keys: &Jwks) -> bool {
        keys.get(&self.key_id).is_some_and(|trusted| {
            // The key decides how it is checked, not the token.
            trusted.algorithm == self.algorithm
                && jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), &trusted.key, self.algorithm)
                    .unwrap_or(false)
        })
    }
}

impl Keys {
    fn of(provider: &Provider, file: &Path) -> anyhow::Result<Self> {
        if let Some(url) = &provider.jwks_url {
            return Ok(Self::Fetched(Box::new(Fetched {
                url: url.clone(),
                fetcher: Fetcher::new().context("finding this machine's certificate authorities")?,
                fresh_for: Duration::from_secs(provider.keys_fresh_s.into()),
                cached: RwLock::default(),
                asking: tokio::sync::Mutex::default(),
            })));
        }
        let jwks_file = provider.jwks_file.as_deref().context("jwks_url or jwks_file is needed")?;
        let path = file.parent().unwrap_or(Path::new(".")).join(jwks_file);
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let (keys, unusable) = Jwks::parse(&bytes).with_context(|| format!("in {}", path.display()))?;
        if let Some(first) = unusable.first() {
            anyhow::bail!("{}: key {:?}: {}", path.display(), first.key_id, first.why);
        }
        ensure!(!keys.is_empty(), "{} holds no key", path.display());
        Ok(Self::Fixed(Arc::new(keys)))
    }

    /// The keys, asked for again if they are old or lack this one.
    async fn with(&self, key_id: &str) -> Result<Arc<Jwks>, IdentityError> {
        match self {
            Self::Fixed(keys) => Ok(Arc::clone(keys)),
            Self::Fetched(fetched) => fetched.with(key_id).await,
        }
    }
}

impl Fetched {
    async fn with(&self, key_id: &str) -> Result<Arc<Jwks>, IdentityError> {
        let cached = self.cached();
        let is_fresh = cached.fetched_at.is_some_and(|at| at.elapsed() < self.fresh_for);
        if is_fresh && cached.keys.get(key_id).is_some() {
            return Ok(cached.keys);
        }
        self.ask().await;
        let cached = self.cached();
        match cached.fetched_at {
            Some(at) if at.elapsed() < self.fresh_for.max(STALE_MAX) => Ok(cached.keys),
            _ => Err(IdentityError::ProviderUnavailable),
        }
    }

    /// Asks once, unless it was asked a moment ago. Failing leaves the old keys.
    async fn ask(&self) {
        let _one_at_a_time = self.asking.lock().await;
        let is_just_asked = self.cached().asked_at.is_some_and(|at| at.elapsed() < ASK_AT_MOST_EVERY);
        if is_just_asked {
            return;
        }
        let answer = self.fetcher.fetch(&self.url).await;
        // Counted from the answer: whoever waited has it, and must not ask in turn.
        self.update(|cached| cached.asked_at = Some(Instant::now()));
        let parsed = match answer {
            Ok(bytes) => Jwks::parse(&bytes).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match parsed {
            Ok((keys, unusable)) => {
                for key in unusable {
                    tracing::debug!(url = self.url, key_id = key.key_id, why = key.why, "a provider's key is not used");
                }
                self.update(|cached| {
                    cached.keys = Arc::new(keys);
                    cached.fetched_at = Some(Instant::now());
                });
            }
            Err(error) => tracing::warn!(url = self.url, error, "a provider's keys could not be fetched"),
        }
    }

    fn cached(&self) -> Cached {
        self.cached.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn update(&self, change: impl FnOnce(&mut Cached)) {
        change(&mut self.cached.write().unwrap_or_else(PoisonError::into_inner));
    }
}
