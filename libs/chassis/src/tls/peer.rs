//! The other side of a connection, as its certificate tells.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tonic::Request;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const NAME_LENGTH_MAX: usize = 64;

/// SHA-256 of a certificate, `x5t#S256` of RFC 8705; base64url without padding where it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// Of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// A text that is no thumbprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the SHA-256 of a certificate, 43 characters of base64url")]
pub struct InvalidThumbprint;

impl FromStr for Thumbprint {
    type Err = InvalidThumbprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidThumbprint)?;
        bytes.try_into().map(Self).map_err(|_| InvalidThumbprint)
    }
}

impl TryFrom<String> for Thumbprint {
    type Error = InvalidThumbprint;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Thumbprint> for String {
    fn from(thumbprint: Thumbprint) -> Self {
        thumbprint.to_string()
    }
}

/// What the mesh's CA says a certificate's holder is: the path of its SPIFFE id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// One of our own services: `service/referral`.
    Service(String),
    /// Anybody else: `client/bank`.
    Client(String),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(name) => write!(f, "service/{name}"),
            Self::Client(name) => write!(f, "client/{name}"),
        }
    }
}

impl Name {
    /// The name in a certificate whose issuer was checked; `None` if it has none in this trust domain, or more than one.
    pub(super) fn in_certificate(certificate: &[u8], trust_domain: &str) -> Option<Self> {
        let ids = spiffe_ids(certificate)?;
        let [id] = ids.as_slice() else { return None };
        let path = id.strip_prefix(trust_domain)?.strip_prefix('/')?;
        let (kind, name) = path.split_once('/')?;
        let is_name = (1..=NAME_LENGTH_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        match kind {
            "service" if is_name => Some(Self::Service(name.to_owned())),
            "client" if is_name => Some(Self::Client(name.to_owned())),
            _ => None,
        }
    }

    /// Whether a certificate claims anything of this trust domain, rightly or not. One that cannot be read claims everything.
    pub(super) fn is_claimed(certificate: &[u8], trust_domain: &str) -> bool {
        spiffe_ids(certificate)
            .is_none_or(|ids| ids.iter().any(|id| id.split('/').next().is_some_and(|domain| domain == trust_domain)))
    }
}

/// What stands after `spiffe://` in the URIs of a certificate; `None` if it cannot be read.
fn spiffe_ids(certificate: &[u8]) -> Option<Vec<String>> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let names = certificate.tbs_certificate.filter::<SubjectAltName>();
    let mut ids = vec![];
    for extension in names {
        let (_, SubjectAltName(names)) = extension.ok()?;
        ids.extend(names.iter().filter_map(|name| match name {
            GeneralName::UniformResourceIdentifier(uri) => uri.as_str().strip_prefix("spiffe://").map(str::to_owned),
            _ => None,
        }));
    }
    Some(ids)
}

/// Who is at the other end. Without one, the connection is plain text over loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Who the mesh's CA says it is. A partner's own certificate has no name here.
    pub name: Option<Name>,
    pub thumbprint: Thumbprint,
}

impl Peer {
    pub(super) fn of_certificate(certificate: &[u8], trust_domain: &str) -> Self {
        Self { name: Name::in_certificate(certificate, trust_domain), thumbprint: Thumbprint::of(certificate) }
    }

    /// The peer that sent a request.
    pub fn of<T>(request: &Request<T>) -> Option<&Self> {
        request.extensions().get::<Option<Self>>()?.as_ref()
    }

    /// The service it is, if it is one of ours.
    pub fn service(&self) -> Option<&str> {
        match &self.name {
            Some(Name::Service(name)) => Some(name),
            _ => None,
        }
    }
}

/// On an outgoing request: the certificate its token is bound to, over whose connection it must go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoundTo(pub(crate) Thumbprint);
