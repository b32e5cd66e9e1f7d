//! Certificate authorities that a test makes, and what they issue.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chassis::tls::{TRUST_DOMAIN, Thumbprint, TlsConfig};
use chassis::{ServerConfig, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::support::config;

pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = params("authority", Duration::from_hours(1));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Where the certificate and key of `client/bank` lie, once issued.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name.replace('/', "-") + ".pem")
    }

    /// Issues a certificate for `service/identity`, `client/bank`, or, with a blank name, one without any; over what was there.
    pub(crate) fn issue(&self, name: &str, lasts: Duration) -> Thumbprint {
        let key = KeyPair::generate().unwrap();
        let mut params = params(name, lasts);
        if !name.is_empty() {
            let id = format!("spiffe://{TRUST_DOMAIN}/{name}").try_into().unwrap();
            params.subject_alt_names = vec![SanType::URI(id)];
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.write(name, &format!("{}{}", certificate.pem(), key.serialize_pem()));
        Thumbprint::of(certificate.der())
    }

    /// In one moment, as an orchestrator swaps a secret.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let next = self.folder.path().join("next");
        fs::write(&next, text).unwrap();
        fs::rename(next, self.file(name)).unwrap();
    }

    /// Settings of whoever has this name, issued for an hour.
    pub(crate) fn config(&self, name: &str) -> TlsConfig {
        self.issue(name, Duration::from_hours(1));
        self.config_of(name)
    }

    pub(crate) fn config_of(&self, name: &str) -> TlsConfig {
        TlsConfig::of_files(self.file(name), self.ca())
    }

    pub(crate) fn tls(&self, name: &str) -> Tls {
        Tls::load(&self.config(name)).unwrap()
    }

    /// Settings of a server that is `service/identity`.
    pub(crate) fn server(&self) -> ServerConfig {
        ServerConfig { tls: self.config("service/identity"), ..config() }
    }
}

fn params(name: &str, lasts: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = OffsetDateTime::now_utc() - Duration::from_mins(1);
    params.not_after = OffsetDateTime::now_utc() + lasts;
    params
}
