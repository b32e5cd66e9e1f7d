//! Clients: whoever may ask for tokens.

use std::collections::BTreeSet;

use chassis::tls::Thumbprint;
use serde::Deserialize;
use types::caller::{Party, Role};
use types::ids::OrganisationId;
use types::region::RegionCode;

/// A registered client, as `identity bootstrap` reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    pub client_id: String,
    /// Who it is.
    pub party: Party,
    #[serde(rename = "organisation_id")]
    pub organisation: Option<OrganisationId>,
    pub roles: BTreeSet<Role>,
    pub region: RegionCode,
    /// Ed25519, `SubjectPublicKeyInfo`: verifies its assertions.
    #[serde(default)]
    pub public_key_pem: Option<String>,
    /// The certificate that proves it without an assertion: `client/<name>` as the mesh's CA names it, which outlives a renewal, or
    /// the thumbprint of a partner's own.
    #[serde(default)]
    pub certificate: Option<String>,
    /// Roles it may ask for on behalf of people who logged in through it.
    #[serde(default)]
    pub exchanges: BTreeSet<Role>,
}

/// Whether a client may be called this: 1 to 64 lower-case letters, digits and hyphens.
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether a client may be registered with this certificate. A service's name is none: services sign assertions.
pub fn is_certificate(text: &str) -> bool {
    text.strip_prefix("client/").map_or_else(|| text.parse::<Thumbprint>().is_ok(), is_id)
}

impl Client {
    /// The name of the service it is, if it is one of ours.
    pub fn service(&self) -> Option<&str> {
        match &self.party {
            Party::Service(name) => Some(name),
            _ => None,
        }
    }
}
