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
    /// The events it may pull from any service: whole types, or what they begin with, up to a full stop (`anjia.scheduling.`). Of its
    /// region alone, and where its roles let it pull.
    #[serde(default)]
    pub events: BTreeSet<String>,
}

/// Types of events, or beginnings of types, that one client may be told of at most: every token of it names them.
pub const EVENTS_MAX: usize = 32;

/// Whether a client may be called this: 1 to 64 lower-case letters, digits and hyphens.
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether a client may be registered with this certificate. A service's name is none: services sign assertions.
pub fn is_certificate(text: &str) -> bool {
    text.strip_prefix("client/").map_or_else(|| text.parse::<Thumbprint>().is_ok(), is_id)
}

/// Whether a client may be told of events by this: `anjia.<service>.<resource>.<past tense>.v<number>`, or the parts up to one of its full stops.
pub fn is_event_selection(text: &str) -> bool {
    let parts: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    let is_part = |part: &&str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let is_whole = if text.ends_with('.') { parts.len() < 5 } else { parts.len() == 5 && parts[4].starts_with('v') };
    text.len() <= 100 && parts[0] == "anjia" && parts.iter().all(is_part) && is_whole
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pl_04_events_are_selected_by_whole_types_or_by_what_they_begin_with() {
        for text in ["anjia.", "anjia.referral.", "anjia.referral.referral.", "anjia.referral.referral.booked.v1"] {
            assert!(is_event_selection(text), "{text}");
        }
        for text in [
            "",
            ".",
            "anjia",
            "anjia.ref",
            "referral.",
            "anjia..",
            "anjia.referral.referral.booked",
            "anjia.a.b.c.v1.",
            "anjia.A.",
        ] {
            assert!(!is_event_selection(text), "{text}");
        }
    }
}
