//! Settings of mutual TLS.

use std::path::PathBuf;

/// Trust domain of every name in a certificate, unless set otherwise.
pub const TRUST_DOMAIN: &str = "anjia.internal";

/// Which certificates are shown and which are believed. The files are looked at every second; a change is taken up without a restart,
/// and one that cannot be used is logged and changes nothing.
#[derive(Debug, Clone, clap::Args)]
pub struct TlsConfig {
    /// This process's certificate and its intermediates (PEM), naming it as `spiffe://<trust domain>/service/<name>`. Without it a
    /// server listens on loopback only, in plain text.
    #[arg(long, env, requires = "tls_key_file", requires = "tls_ca_file")]
    pub tls_cert_file: Option<PathBuf>,
    /// The private key of that certificate (PKCS#8 PEM). May be the same file, so that both change in one moment.
    #[arg(long, env)]
    pub tls_key_file: Option<PathBuf>,
    /// The mesh's own CAs (PEM), old and new during a change of CA. They alone name services and clients.
    #[arg(long, env)]
    pub tls_ca_file: Option<PathBuf>,
    /// Further CAs, and self-signed certificates, by which partners such as banks are let in (PEM). What they say of names in the trust
    /// domain counts for nothing: such a client is known by the thumbprint it is registered with.
    #[arg(long, env)]
    pub tls_partner_ca_file: Option<PathBuf>,
    /// Trust domain of the names in certificates.
    #[arg(long, env, default_value = TRUST_DOMAIN)]
    pub tls_trust_domain: String,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            tls_cert_file: None,
            tls_key_file: None,
            tls_ca_file: None,
            tls_partner_ca_file: None,
            tls_trust_domain: TRUST_DOMAIN.to_owned(),
        }
    }
}

impl TlsConfig {
    /// A certificate and its key in one file, beside the mesh's CA.
    pub fn of_files(certificate: PathBuf, ca: PathBuf) -> Self {
        let tls_key_file = Some(certificate.clone());
        Self { tls_cert_file: Some(certificate), tls_key_file, tls_ca_file: Some(ca), ..Self::default() }
    }

    /// Nothing is set: plain text, which is for loopback.
    pub(crate) fn is_plain(&self) -> bool {
        self.tls_cert_file.is_none() && self.tls_ca_file.is_none()
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.tls_cert_file, &self.tls_key_file, &self.tls_ca_file, &self.tls_partner_ca_file].into_iter().flatten()
    }
}
