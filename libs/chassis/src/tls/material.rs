//! What the files hold, read and checked as a whole: a set that loads can serve and call.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use types::setting::BadSetting;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::authority::{Callers, TheService};
use super::config::TlsConfig;
use super::peer::{Peer, Thumbprint};

/// HTTP/2 and nothing else.
const ALPN: &[u8] = b"h2";

/// Why certificates cannot be used. Never says what stood in a key file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{0} cannot be read: {1}")]
    Read(PathBuf, std::io::Error),
    #[error("{0} holds no certificate in PEM")]
    NoCertificate(PathBuf),
    #[error("{0} holds no private key in PKCS#8 PEM")]
    NoKey(PathBuf),
    #[error("the certificate in {0} has no key or no CA beside it")]
    Incomplete(PathBuf),
    #[error("the certificate in {0} is not valid now")]
    NotValidNow(PathBuf),
    #[error("the certificate in {0} belongs to another than the one before")]
    OtherName(PathBuf),
    #[error("a certificate or key cannot be used: {0}")]
    Unusable(String),
}

impl TlsError {
    /// Which of the settings it is about, by the file that it names.
    pub(super) fn of_setting(self, config: &TlsConfig) -> BadSetting {
        let about = match &self {
            Self::NoKey(_) => None,
            Self::Read(file, _)
            | Self::NoCertificate(file)
            | Self::Incomplete(file)
            | Self::NotValidNow(file)
            | Self::OtherName(file) => Some(file),
            Self::Unusable(_) => config.tls_cert_file.as_ref(),
        };
        let named = [
            ("TLS_CERT_FILE", &config.tls_cert_file),
            ("TLS_CA_FILE", &config.tls_ca_file),
            ("TLS_PARTNER_CA_FILE", &config.tls_partner_ca_file),
        ];
        let named = named.into_iter().find(|(_, file)| file.is_some() && file.as_ref() == about);
        BadSetting::new(named.map_or("TLS_KEY_FILE", |(name, _)| name), self)
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::Unusable(error.to_string())
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A certificate of ours with its key.
struct Own {
    shown: Arc<SingleCertAndKey>,
    peer: Peer,
    not_before: SystemTime,
    not_after: SystemTime,
}

/// One state of the files.
pub(crate) struct Material {
    own: Option<Own>,
    authorities: Arc<RootCertStore>,
    trust_domain: String,
    server: Option<Arc<ServerConfig>>,
}

impl Material {
    pub(super) fn load(config: &TlsConfig) -> Result<Self, TlsError> {
        let own = config.tls_cert_file.as_deref().map(|file| Own::load(file, config)).transpose()?;
        let authorities = match (&config.tls_ca_file, &config.tls_cert_file) {
            (Some(file), _) => Arc::new(roots(file)?),
            (None, Some(file)) => return Err(TlsError::Incomplete(file.clone())),
            (None, None) => Arc::new(RootCertStore::empty()),
        };
        let partners = config.tls_partner_ca_file.as_deref().map(roots).transpose()?.map(Arc::new);
        let trust_domain = config.tls_trust_domain.clone();
        let server = match &own {
            Some(own) => Some(Arc::new(server(own, Callers::new(&authorities, partners.as_ref(), &trust_domain)?)?)),
            None => None,
        };
        Ok(Self { own, authorities, trust_domain, server })
    }

    /// How connections are taken; nothing without a certificate.
    pub(crate) fn server(&self) -> Option<Arc<ServerConfig>> {
        self.server.clone()
    }

    /// How a service is called.
    pub(crate) fn client(&self, service: &str) -> Result<ClientConfig, TlsError> {
        let verifier = TheService::new(service, Arc::clone(&self.authorities), &self.trust_domain);
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.own {
            Some(own) => config.with_client_cert_resolver(Arc::clone(&own.shown) as _),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Every connection proves both sides anew.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// Who this process is to others.
    pub(crate) fn own(&self) -> Option<&Peer> {
        self.own.as_ref().map(|own| &own.peer)
    }

    pub(crate) fn thumbprint(&self) -> Option<Thumbprint> {
        self.own().map(|own| own.thumbprint)
    }

    /// Whoever showed this certificate in a handshake that succeeded.
    pub(crate) fn peer(&self, certificate: &[u8]) -> Peer {
        Peer::of_certificate(certificate, &self.trust_domain)
    }

    /// How long the certificate is still good, once less than a fifth of its life is left.
    pub(super) fn lapses_in(&self, now: SystemTime) -> Option<Duration> {
        let own = self.own.as_ref()?;
        let life = own.not_after.duration_since(own.not_before).unwrap_or_default();
        let left = own.not_after.duration_since(now).unwrap_or_default();
        (left < life / 5).then_some(left)
    }
}

impl Own {
    fn load(file: &Path, config: &TlsConfig) -> Result<Self, TlsError> {
        let chain = certificates(file)?;
        let leaf = chain.first().ok_or_else(|| TlsError::NoCertificate(file.to_owned()))?;
        let read = Certificate::from_der(leaf).map_err(|error| TlsError::Unusable(error.to_string()))?;
        let validity = &read.tbs_certificate.validity;
        let (not_before, not_after) = (validity.not_before.to_system_time(), validity.not_after.to_system_time());
        let now = SystemTime::now();
        if now < not_before || now >= not_after {
            return Err(TlsError::NotValidNow(file.to_owned()));
        }
        let peer = Peer::of_certificate(leaf, &config.tls_trust_domain);
        let key_file = config.tls_key_file.as_deref().ok_or_else(|| TlsError::Incomplete(file.to_owned()))?;
        let key =
            PrivateKeyDer::from_pem_slice(&read_file(key_file)?).map_err(|_| TlsError::NoKey(key_file.to_owned()))?;
        let shown = CertifiedKey::from_der(chain, key, &provider())?;
        Ok(Self { shown: Arc::new(shown.into()), peer, not_before, not_after })
    }
}

fn server(own: &Own, callers: Callers) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(callers))
        .with_cert_resolver(Arc::clone(&own.shown) as _);
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Resumed sessions would outlive the certificates they rest on.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn roots(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate)?;
    }
    if roots.is_empty() { Err(TlsError::NoCertificate(file.to_owned())) } else { Ok(roots) }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read_file(file)?;
    CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| TlsError::NoCertificate(file.to_owned()))
}

fn read_file(file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|error| TlsError::Read(file.to_owned(), error))
}
