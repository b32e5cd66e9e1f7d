//! The development CA of a mesh and the certificates it issues: one for each service and each caller, short-lived and renewed in time.
//!
//! For this machine only: whoever reads the folder can be anybody in its mesh. In production certificates come from the city's CA.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result};
use chassis::tls::{GATEWAY, TRUST_DOMAIN};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};
use x509_cert::Certificate;
use x509_cert::der::DecodePem;

use crate::fleet::SERVICES;
use crate::keys::write_secret;

const CA_LIFE: Duration = Duration::days(3_650);
const LIFE: Duration = Duration::days(7);
/// Clocks of this machine's containers may differ a little.
const SKEW: Duration = Duration::minutes(5);
const KEY_BEGINS: &str = "-----BEGIN PRIVATE KEY-----";

/// One at a time, as for keys.
static ISSUING: Mutex<()> = Mutex::new(());

/// A folder with the CA and what it issued; what is there and fresh stays, the rest is made.
#[derive(Debug, Clone)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The CA's certificate (PEM), by which everybody in the mesh is known.
    pub fn ca(&self) -> Result<PathBuf> {
        let _one_at_a_time = ISSUING.lock().unwrap_or_else(PoisonError::into_inner);
        self.issuer().map(|_| self.ca_file())
    }

    /// Certificate and key (PEM, one file) of a service or of a client, renewed if half its life is over.
    pub fn of(&self, name: &str) -> Result<PathBuf> {
        let _one_at_a_time = ISSUING.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.folder.join(format!("{name}.pem"));
        if is_fresh(&file) { Ok(file) } else { self.issue(name, file) }
    }

    /// Issues everything anew that was ever issued here, with new keys. Whoever uses the files takes them up within a second or two.
    pub fn rotate(&self) -> Result<Vec<String>> {
        let _one_at_a_time = ISSUING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = vec![];
        for entry in fs::read_dir(&self.folder).with_context(|| format!("reading {}", self.folder.display()))? {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if path.extension().is_some_and(|ending| ending == "pem") && path != self.ca_file() {
                self.issue(&name, path)?;
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The CA, made when it is needed for the first time.
    fn issuer(&self) -> Result<Issuer<'static, KeyPair>> {
        let key_file = self.folder.join("ca.key");
        let mut params = params("Anjia development CA", CA_LIFE);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        if self.ca_file().exists() {
            let pem = fs::read_to_string(&key_file).with_context(|| format!("reading {}", key_file.display()))?;
            return Ok(Issuer::new(params, KeyPair::from_pem(&pem).context("the CA's key")?));
        }
        fs::create_dir_all(&self.folder).with_context(|| format!("making {}", self.folder.display()))?;
        let key = KeyPair::generate()?;
        write_secret(&key_file, key.serialize_pem().as_bytes())?;
        write_secret(&self.ca_file(), params.self_signed(&key)?.pem().as_bytes())?;
        Ok(Issuer::new(params, key))
    }

    fn issue(&self, name: &str, file: PathBuf) -> Result<PathBuf> {
        let issuer = self.issuer()?;
        let is_service = SERVICES.contains(&name) || name == GATEWAY;
        let kind = if is_service { "service" } else { "client" };
        let mut params = params(name, LIFE);
        params.subject_alt_names = vec![SanType::URI(format!("spiffe://{TRUST_DOMAIN}/{kind}/{name}").try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if is_service {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
            // For tools that know servers by address: our own go by the SPIFFE id.
            params.subject_alt_names.push(SanType::DnsName("localhost".try_into()?));
            params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        }
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer).with_context(|| format!("issuing for {name}"))?;
        // In one file, so that both change in one moment.
        write_secret(&file, format!("{}{}", certificate.pem(), key.serialize_pem()).as_bytes())?;
        Ok(file)
    }
}

fn params(name: &str, life: Duration) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - SKEW;
    params.not_after = now + life;
    params
}

/// Whether it is there, readable, and more than half its life lies ahead.
fn is_fresh(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let certificate = text.split(KEY_BEGINS).next().and_then(|pem| Certificate::from_pem(pem).ok());
    certificate.is_some_and(|certificate| {
        let ends = certificate.tbs_certificate.validity.not_after.to_system_time();
        ends.duration_since(SystemTime::now()).is_ok_and(|left| left > LIFE / 2)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn certificates_are_made_once_renewed_in_time_and_read_by_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::in_folder(folder.path().join("tls"));
        let first = fs::read_to_string(certificates.of("worker").unwrap()).unwrap();
        assert_eq!(fs::read_to_string(certificates.of("worker").unwrap()).unwrap(), first);
        for name in ["worker.pem", "ca.key"] {
            let mode = fs::metadata(folder.path().join("tls").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }

        // One that lapses tomorrow.
        let issuer = certificates.issuer().unwrap();
        let key = KeyPair::generate().unwrap();
        let old = params("worker", Duration::days(1)).signed_by(&key, &issuer).unwrap();
        fs::write(certificates.folder.join("worker.pem"), format!("{}{}", old.pem(), key.serialize_pem())).unwrap();
        let renewed = fs::read_to_string(certificates.of("worker").unwrap()).unwrap();
        assert_ne!(renewed, first);
        assert!(!renewed.contains(&old.pem()));
    }

    #[test]
    fn a_rotation_leaves_the_ca_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::in_folder(folder.path().join("tls"));
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        let ca = read(certificates.ca().unwrap());
        let before = ["identity", "bank"].map(|name| read(certificates.of(name).unwrap()));
        assert_eq!(certificates.rotate().unwrap(), ["bank", "identity"]);
        let after = ["identity", "bank"].map(|name| read(certificates.of(name).unwrap()));
        assert!(before.iter().zip(&after).all(|(before, after)| before != after));
        assert_eq!(read(certificates.ca().unwrap()), ca);
    }
}
