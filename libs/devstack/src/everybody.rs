//! Every caller of a mesh in one process, each with their own certificate and key: for tests, the demo and the benches.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use chassis::channel::Channel;
use chassis::tls::{TlsConfig, Wallet};
use chassis::{Credentials, Tls};
use types::clock::SystemClock;

use crate::keys::Keys;

/// A client that is registered nowhere. Its certificate is shown for calls without a token.
const NOBODY: &str = "nobody";

/// Cheap to clone. A channel made here carries everybody's calls: each goes over a connection of its caller's certificate.
#[derive(Clone)]
pub struct Everybody {
    keys: Keys,
    wallet: Wallet,
    known: Arc<Mutex<BTreeMap<String, Tls>>>,
    /// By URL.
    channels: Arc<Mutex<BTreeMap<String, Channel>>>,
}

impl fmt::Debug for Everybody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Everybody").field(&self.keys.folder()).finish()
    }
}

impl Everybody {
    pub fn new(keys: Keys) -> Self {
        Self { keys, wallet: Wallet::default(), known: Arc::default(), channels: Arc::default() }
    }

    /// To a service, for its generated clients. Must be called within a runtime, as everything here.
    pub fn channel(&self, service: &str, url: &str) -> Result<Channel> {
        self.tls(NOBODY)?;
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(url) {
            return Ok(channel.clone());
        }
        let channel = self.wallet.channel(service, url)?;
        channels.insert(url.to_owned(), channel.clone());
        Ok(channel)
    }

    /// To a service, without a certificate of one's own: what is refused before anything is said.
    pub fn channel_without_certificate(&self, service: &str, url: &str) -> Result<Channel> {
        let config = TlsConfig { tls_ca_file: Some(self.keys.certificates().ca()?), ..TlsConfig::default() };
        Ok(Tls::load(&config)?.channel(service, url)?)
    }

    /// To a service, with the certificate of this client or service on every call, whoever's token it carries.
    pub fn channel_as(&self, client_id: &str, service: &str, url: &str) -> Result<Channel> {
        Ok(self.tls(client_id)?.channel(service, url)?)
    }

    /// By which a client obtains its tokens, each bound to its certificate.
    pub fn credentials(&self, client_id: &str, identity_url: &str) -> Result<Credentials> {
        // Over connections of its own: a token is bound to the certificate it is asked for with.
        let identity = self.tls(client_id)?.channel("identity", identity_url)?;
        Ok(Credentials::load(client_id, &self.keys.private(client_id)?, identity, Arc::new(SystemClock))?)
    }

    fn tls(&self, client_id: &str) -> Result<Tls> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody comes first: that is who calls where no token says who.
        for name in [NOBODY, client_id] {
            if !known.contains_key(name) {
                let certificates = self.keys.certificates();
                let tls = Tls::load(&TlsConfig::of_files(certificates.of(name)?, certificates.ca()?))?;
                self.wallet.add(tls.clone());
                known.insert(name.to_owned(), tls);
            }
        }
        Ok(known[client_id].clone())
    }
}
