//! Which `OpenID` providers are trusted and what their claims mean: data in a TOML file, refused at start where it is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use http::Uri;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use types::caller::Role;
use types::region::RegionCode;

use super::client;

const PROVIDERS_MAX: usize = 32;
const TEXT_LENGTH_MAX: usize = 200;
const LIFE_S: std::ops::RangeInclusive<u32> = 60..=3600;
const KEYS_FRESH_S: std::ops::RangeInclusive<u32> = 1..=3600;

/// Where the file is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub struct ProviderError {
    pub path: String,
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    provider: Vec<Provider>,
}

/// One `[[provider]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What it is called here, in audit and logs: 1 to 40 lower-case letters, digits and hyphens.
    pub name: String,
    /// The `iss` of its tokens, to the letter. An https URL; http and loopback only for development.
    pub issuer: String,
    /// Its tokens must be for one of these: the ids under which our apps are registered there.
    pub audiences: BTreeSet<String>,
    /// Our clients that may present its tokens.
    pub clients: BTreeSet<String>,
    /// Where its keys are fetched (RFC 7517); either this or `jwks_file`.
    pub jwks_url: Option<String>,
    /// Where its keys lie, for one whose keys never change; read at start.
    pub jwks_file: Option<PathBuf>,
    /// How long fetched keys serve before they are fetched again, in seconds.
    #[serde(default = "keys_fresh_s")]
    pub keys_fresh_s: u32,
    /// How it may sign.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<Signing>,
    /// Longest life of a token, `exp` − `iat`, in seconds.
    #[serde(default = "life_max_s")]
    pub life_max_s: u32,
    /// The tenant of its people, where no claim says otherwise.
    pub region: RegionCode,
    /// Only for a mesh that listens on loopback.
    #[serde(default)]
    pub development: bool,
    pub claims: ClaimNames,
    /// What its roles are here. A role that is not listed is none.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// Roles of everybody who logs in there.
    #[serde(default)]
    pub default_roles: BTreeSet<Role>,
}

/// Which claim says what; a claim within another is named with dots, as `realm_access.roles`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimNames {
    /// The whole identification number, verified by the provider: it finds the resident at their first login.
    pub national_id: Option<String>,
    /// The id of the resident here.
    pub resident_id: Option<String>,
    /// The id of the practitioner here; the login itself is linked by an operator.
    pub practitioner_id: Option<String>,
    /// The full name, which must then be the registered one at a first login.
    pub name: Option<String>,
    /// Roles: a list, or words separated by blanks.
    pub roles: Option<String>,
    /// The id of the organisation here, which must then be the linked one.
    pub organisation: Option<String>,
    /// The tenant (GB/T 2260).
    pub region: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Signing {
    EdDSA,
    ES256,
}

impl From<Signing> for Algorithm {
    fn from(signing: Signing) -> Self {
        match signing {
            Signing::EdDSA => Self::EdDSA,
            Signing::ES256 => Self::ES256,
        }
    }
}

const fn keys_fresh_s() -> u32 {
    300
}

const fn life_max_s() -> u32 {
    600
}

fn algorithms() -> Vec<Signing> {
    vec![Signing::EdDSA, Signing::ES256]
}

/// Reads the file. `only_loopback`: whether identity can be reached from this machine alone.
pub fn parse(text: &str, only_loopback: bool) -> Result<Vec<Provider>, ProviderError> {
    let whole =
        |error: toml::de::Error| ProviderError { path: "the file".to_owned(), what: error.message().to_owned() };
    let file: File = serde_path_to_error::deserialize(toml::Deserializer::parse(text).map_err(whole)?)
        .map_err(|error| ProviderError { path: error.path().to_string(), what: error.inner().message().to_owned() })?;
    if file.provider.len() > PROVIDERS_MAX {
        return Err(ProviderError { path: "provider".to_owned(), what: format!("more than {PROVIDERS_MAX}") });
    }
    for (index, provider) in file.provider.iter().enumerate() {
        let at = |field: &str, what: &str| ProviderError {
            path: format!("provider[{index}].{field}"),
            what: what.to_owned(),
        };
        provider.check(only_loopback).map_err(|(field, what)| at(field, what))?;
        let earlier = &file.provider[..index];
        if earlier.iter().any(|other| other.issuer == provider.issuer) {
            return Err(at("issuer", "another provider has it"));
        }
        if earlier.iter().any(|other| other.name == provider.name) {
            return Err(at("name", "another provider has it"));
        }
    }
    Ok(file.provider)
}

type Wrong = (&'static str, &'static str);

impl Provider {
    fn check(&self, only_loopback: bool) -> Result<(), Wrong> {
        if !client::is_id(&self.name) || self.name.len() > 40 {
            return Err(("name", "must be 1 to 40 lower-case letters, digits and hyphens"));
        }
        self.check_words()?;
        if !LIFE_S.contains(&self.life_max_s) {
            return Err(("life_max_s", "must be 60 to 3600"));
        }
        if !KEYS_FRESH_S.contains(&self.keys_fresh_s) {
            return Err(("keys_fresh_s", "must be 1 to 3600"));
        }
        if self.algorithms.is_empty() {
            return Err(("algorithms", "at least one is needed"));
        }
        self.check_places(only_loopback)
    }

    fn check_words(&self) -> Result<(), Wrong> {
        let is_text = |text: &String| (1..=TEXT_LENGTH_MAX).contains(&text.len());
        if self.audiences.is_empty() || !self.audiences.iter().all(is_text) {
            return Err(("audiences", "at least one is needed, each of 1 to 200 bytes"));
        }
        if self.clients.is_empty() || !self.clients.iter().all(|id| client::is_id(id)) {
            return Err(("clients", "at least one client id is needed"));
        }
        let ClaimNames { national_id, resident_id, practitioner_id, name, roles, organisation, region } = &self.claims;
        let named = [national_id, resident_id, practitioner_id, name, roles, organisation, region];
        if !named.into_iter().flatten().all(is_text) {
            return Err(("claims", "a claim's name has 1 to 200 bytes"));
        }
        if self.roles.is_empty() && self.default_roles.is_empty() {
            return Err(("roles", "without any, nobody could log in"));
        }
        if !self.roles.is_empty() && roles.is_none() {
            return Err(("claims.roles", "is needed to read roles"));
        }
        if self.roles.values().chain(&self.default_roles).any(|role| matches!(role, Role::Service(_))) {
            return Err(("roles", "nobody logs in as a service"));
        }
        Ok(())
    }

    /// Nobody but this machine may be able to reach a mesh that trusts a provider of this machine.
    fn check_places(&self, only_loopback: bool) -> Result<(), Wrong> {
        let issuer = Place::of(&self.issuer).ok_or(("issuer", "must be an https URL"))?;
        let keys = match (&self.jwks_url, &self.jwks_file) {
            (Some(url), None) => Some(Place::of(url).ok_or(("jwks_url", "must be an https URL"))?),
            (None, Some(_)) => None,
            _ => return Err(("jwks_url", "either this or jwks_file is needed")),
        };
        if !self.development {
            if !issuer.is_public() {
                return Err(("issuer", "must be https and not of this machine, unless for development"));
            }
            if keys.is_some_and(|keys| !keys.is_public()) {
                return Err(("jwks_url", "must be https and not of this machine, unless for development"));
            }
            return Ok(());
        }
        if !only_loopback {
            return Err(("development", "is for a mesh that listens on loopback only; this one does not"));
        }
        if !issuer.is_loopback {
            return Err(("issuer", "of a provider for development must be of this machine"));
        }
        if keys.is_some_and(|keys| !keys.is_loopback) {
            return Err(("jwks_url", "of a provider for development must be of this machine"));
        }
        Ok(())
    }
}

/// What of a URL decides whether it is to be trusted.
#[derive(Clone, Copy)]
struct Place {
    is_https: bool,
    is_loopback: bool,
}

impl Place {
    fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok().filter(|_| url.len() <= TEXT_LENGTH_MAX)?;
        let is_https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        // Who puts a name and a password before the host wants to be mistaken for another.
        if uri.authority()?.as_str().contains('@') {
            return None;
        }
        let host = uri.host()?.trim_matches(['[', ']']);
        let address = host.parse::<std::net::IpAddr>();
        let is_loopback =
            host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback());
        Some(Self { is_https, is_loopback })
    }

    const fn is_public(self) -> bool {
        self.is_https && !self.is_loopback
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[provider]]
        name = "city"
        issuer = "https://login.example.cn/realms/residents"
        audiences = ["anjia-app"]
        clients = ["app"]
        jwks_url = "https://login.example.cn/keys"
        region = "110000"
        default_roles = ["resident"]
        claims = { national_id = "id_number", roles = "realm_access.roles" }
        roles = { doctor = "clinician" }
    "#;

    #[test]
    fn id_07_a_provider_is_read_with_its_defaults() {
        let read = parse(GOOD, false).unwrap();
        assert_eq!((read.len(), read[0].life_max_s, read[0].algorithms.len()), (1, 600, 2));
        assert_eq!(read[0].roles["doctor"], Role::Clinician);
        assert!(parse("", false).unwrap().is_empty());
    }

    #[test]
    fn id_07_a_wrong_file_is_refused_by_the_path_where_it_is_wrong() {
        let cases = [
            ("\"city\"", "\"City\"", "provider[0].name"),
            ("audiences = [\"anjia-app\"]", "audiences = []", "provider[0].audiences"),
            ("clients = [\"app\"]", "clients = []", "provider[0].clients"),
            ("jwks_url = \"https://login.example.cn/keys\"", "", "provider[0].jwks_url"),
            ("https://login.example.cn/keys", "http://login.example.cn/keys", "provider[0].jwks_url"),
            ("https://login.example.cn/realms", "http://login.example.cn/realms", "provider[0].issuer"),
            ("https://login.example.cn/realms", "https://127.0.0.1/realms", "provider[0].issuer"),
            ("https://login.example.cn/realms", "https://localhost:8/realms", "provider[0].issuer"),
            ("https://login.example.cn/realms", "https://login.example.cn@evil.example", "provider[0].issuer"),
            ("region = \"110000\"", "region = \"11\"", "provider[0].region"),
            ("[\"resident\"]", "[\"root\"]", "provider[0].default_roles"),
            ("[\"resident\"]", "[\"service:payment\"]", "provider[0].roles"),
            ("roles = \"realm_access.roles\"", "", "provider[0].claims.roles"),
            ("region =", "algorithms = [\"HS256\"]\nregion =", "provider[0].algorithms"),
            ("region =", "life_max_s = 86400\nregion =", "provider[0].life_max_s"),
            ("region =", "colour = 1\nregion =", "provider[0]"),
        ];
        for (from, to, path) in cases {
            let error = parse(&GOOD.replacen(from, to, 1), false).unwrap_err();
            assert!(error.path.starts_with(path), "{from} → {to}: {error}");
        }
        let twice = format!("{GOOD}{GOOD}");
        assert_eq!(parse(&twice, false).unwrap_err().path, "provider[1].issuer");
    }

    #[test]
    fn id_07_a_provider_for_development_is_for_loopback_only() {
        let local = GOOD
            .replace("https://login.example.cn/keys", "http://127.0.0.1:9/keys")
            .replace("https://login.example.cn/realms/residents", "http://127.0.0.1:9");
        let development = local.replace("region =", "development = true\nregion =");
        assert!(parse(&development, true).is_ok());
        assert_eq!(parse(&development, false).unwrap_err().path, "provider[0].development");
        assert_eq!(parse(&local, true).unwrap_err().path, "provider[0].issuer", "it must be called what it is");
        let elsewhere = GOOD.replace("region =", "development = true\nregion =");
        assert_eq!(parse(&elsewhere, true).unwrap_err().path, "provider[0].issuer");
    }
}
