use std::{fmt, path::PathBuf, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::future::{BoxFuture, FutureExt as _};
use rand::Rng as _;
use serde::Deserialize;
use serde_json::{Value, json};
use types::redacted::Redacted;
use zeroize::Zeroizing;

use super::provider::{KeyProvider, ProviderError, Secret, Wrapped};

const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A key management service that speaks `HashiCorp` Vault's transit API (`OpenBao` and others do, too).
#[derive(Debug, Clone, Default, clap::Args)]
pub struct KmsConfig {
    /// Where the key management service is, such as `https://vault.example:8200`: its transit engine wraps the data keys.
    #[arg(long, env)]
    pub kms_url: Option<String>,
    /// Name of the wrapping key there; its type must be authenticated (`aes256-gcm96`).
    #[arg(long, env, default_value = "anjia")]
    pub kms_key: String,
    /// Path at which the transit engine is mounted.
    #[arg(long, env, default_value = "transit")]
    pub kms_mount: String,
    /// File that holds the token for it. Read anew for every call, so that an agent may renew it. None if a sidecar signs in.
    #[arg(long, env)]
    pub kms_token_file: Option<PathBuf>,
    /// Longest time one call to it may take, in milliseconds. It is tried four times.
    #[arg(long, env, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(10..=30_000))]
    pub kms_timeout_ms: u32,
}

/// Wraps by asking a key management service. What it unwraps is kept in memory by the vault, so it is asked once per key and process.
pub struct HttpKms {
    client: reqwest::Client,
    url: String,
    key: String,
    mount: String,
    token_file: Option<PathBuf>,
}

impl fmt::Debug for HttpKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpKms").field("url", &self.url).field("key", &self.key).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    ciphertext: Option<String>,
    plaintext: Option<Redacted<String>>,
}

impl HttpKms {
    pub fn new(config: &KmsConfig) -> Result<Self, ProviderError> {
        let url = config.kms_url.as_deref().ok_or(ProviderError::NotSet)?.trim_end_matches('/');
        let is_address =
            reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_address {
            return Err(ProviderError::Address);
        }
        let timeout = Duration::from_millis(config.kms_timeout_ms.into());
        let client = reqwest::Client::builder().timeout(timeout).no_proxy().build().map_err(unreachable)?;
        Ok(Self {
            client,
            url: url.to_owned(),
            key: config.kms_key.clone(),
            mount: config.kms_mount.clone(),
            token_file: config.kms_token_file.clone(),
        })
    }

    /// Both verbs may be repeated: wrapping anew gives another ciphertext of the same key.
    async fn ask(&self, verb: &str, body: &Value) -> Result<Data, ProviderError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.ask_once(verb, body).await {
                Err(ProviderError::Unreachable(_)) => {}
                told => return told,
            }
            // Replicas that start together do not ask again together.
            let jitter = rand::rng().random_range(0..=FIRST_PAUSE.as_millis());
            tokio::time::sleep(pause + Duration::from_millis(u64::try_from(jitter).unwrap_or_default())).await;
            pause *= 2;
        }
        self.ask_once(verb, body).await
    }

    async fn ask_once(&self, verb: &str, body: &Value) -> Result<Data, ProviderError> {
        let mut request = self.client.post(format!("{}/v1/{}/{verb}/{}", self.url, self.mount, self.key)).json(body);
        if let Some(file) = &self.token_file {
            let token =
                tokio::fs::read_to_string(file).await.map_err(|error| ProviderError::Read(file.clone(), error))?;
            request = request.header("x-vault-token", token.trim());
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            return Err(ProviderError::Unreachable(Some(format!("it answers {status}").into())));
        }
        if !status.is_success() {
            // The body may repeat what it was asked.
            return Err(ProviderError::Refused(format!("{verb} {}: {status}", self.key)));
        }
        let answer: Answer = response.json().await.map_err(unreachable)?;
        Ok(answer.data)
    }

    async fn wrap_there(&self, context: &str, key: &Secret) -> Result<Wrapped, ProviderError> {
        let plaintext = Zeroizing::new(BASE64_STANDARD.encode(key.expose()));
        let body = json!({ "plaintext": *plaintext, "associated_data": BASE64_STANDARD.encode(context) });
        let ciphertext = self.ask("encrypt", &body).await?.ciphertext.ok_or_else(|| malformed("encrypt"))?;
        // `vault:v3:…`: the service's name and the version of its key.
        let version = ciphertext.split(':').nth(1).ok_or_else(|| malformed("encrypt"))?;
        Ok(Wrapped { provider_key: format!("kms:{}:{version}", self.key), bytes: ciphertext.into_bytes() })
    }

    async fn open_there(&self, context: &str, wrapped: &Wrapped) -> Result<Secret, ProviderError> {
        let does_not_unwrap =
            || ProviderError::DoesNotUnwrap { context: context.to_owned(), provider_key: wrapped.provider_key.clone() };
        let ciphertext = std::str::from_utf8(&wrapped.bytes).map_err(|_| does_not_unwrap())?;
        let body = json!({ "ciphertext": ciphertext, "associated_data": BASE64_STANDARD.encode(context) });
        let plaintext = self.ask("decrypt", &body).await?.plaintext.ok_or_else(|| malformed("decrypt"))?;
        let plaintext = Zeroizing::new(plaintext.into_inner());
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(plaintext.as_bytes()).map_err(|_| malformed("decrypt"))?);
        Secret::from_bytes(&bytes).ok_or_else(does_not_unwrap)
    }
}

impl KeyProvider for HttpKms {
    fn wrap<'a>(&'a self, context: &'a str, key: &'a Secret) -> BoxFuture<'a, Result<Wrapped, ProviderError>> {
        self.wrap_there(context, key).boxed()
    }

    fn open<'a>(&'a self, context: &'a str, wrapped: &'a Wrapped) -> BoxFuture<'a, Result<Secret, ProviderError>> {
        self.open_there(context, wrapped).boxed()
    }
}

fn unreachable(error: reqwest::Error) -> ProviderError {
    ProviderError::Unreachable(Some(Box::new(error.without_url())))
}

fn malformed(verb: &str) -> ProviderError {
    ProviderError::Refused(format!("its answer to {verb} is not one of a transit engine"))
}
