//! `access.toml`, read and compared with the contracts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use types::caller::Role;

use crate::methods::{Methods, Shape};

/// Which rows a method may show or change, once its caller has a role for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectRule {
    /// Every row: what the method shows is no secret of anybody's.
    Anyone,
    /// Rows of the resident on whose behalf the call is made.
    Subject,
    /// Rows of the organisation the caller works for.
    Organisation,
    /// Either of the two.
    SubjectOrOrganisation,
}

/// What gives way first under load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Begins something.
    #[default]
    New,
    /// Finishes what was begun, and so has headroom above `new`.
    Complete,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    roles: BTreeSet<Role>,
    object: Option<ObjectRule>,
    #[serde(default)]
    priority: Priority,
    #[serde(default)]
    anonymous: bool,
    #[serde(default)]
    long_poll: bool,
}

/// The policy of one method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `package.Service/Method`.
    pub method: String,
    /// Any one suffices.
    pub roles: BTreeSet<Role>,
    pub object: ObjectRule,
    pub priority: Priority,
    /// Needs no token: token exchange and keys only.
    pub anonymous: bool,
    /// Waits by design (`PullEvents`): does not count as work in flight, and is cut short by a drain.
    pub long_poll: bool,
    pub(crate) shape: Shape,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("access.toml cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    #[error("access.toml and the contracts differ:\n{}", .0.join("\n"))]
    Differs(Vec<String>),
}

/// The policies of every method a server has.
#[derive(Debug, Default)]
pub struct Policies(BTreeMap<String, Arc<Policy>>);

impl Policies {
    /// Reads `access.toml` and compares it both ways with the contracts of the `anjia.*` services that the server registers.
    pub fn check(text: &str, services: &[&str], methods: &Methods) -> Result<Self, AccessError> {
        let entries: BTreeMap<String, Entry> = toml::from_str(text)?;
        let declared: BTreeSet<&str> = services.iter().flat_map(|service| methods.of_service(service)).collect();

        let undeclared = services
            .iter()
            .filter(|service| methods.of_service(service).next().is_none())
            .map(|service| format!("  {service}: registered, but not in the contracts"));
        let missing = declared
            .iter()
            .filter(|method| !entries.contains_key(**method))
            .map(|method| format!("  {method}: no entry in access.toml"));
        let foreign = entries
            .keys()
            .filter(|method| !declared.contains(method.as_str()))
            .map(|method| format!("  {method}: in access.toml, but not an RPC of this server"));
        let incomplete = entries.iter().filter_map(|(method, entry)| Some(format!("  {method}: {}", entry.fault()?)));

        let differences: Vec<String> = undeclared.chain(missing).chain(foreign).chain(incomplete).collect();
        if !differences.is_empty() {
            return Err(AccessError::Differs(differences));
        }
        let policies = entries.into_iter().filter_map(|(method, entry)| {
            let shape = methods.shape(&method)?;
            Some((method.clone(), Arc::new(entry.policy(method, shape))))
        });
        Ok(Self(policies.collect()))
    }

    /// The policy of `package.Service/Method`.
    pub fn get(&self, method: &str) -> Option<&Arc<Policy>> {
        self.0.get(method)
    }
}

impl Entry {
    fn fault(&self) -> Option<&'static str> {
        match (self.anonymous, self.roles.is_empty(), self.object) {
            (true, false, _) => Some("anonymous methods have no roles"),
            (false, true, _) => Some("names no role"),
            (false, _, None) => Some("names no object rule"),
            _ => None,
        }
    }

    fn policy(self, method: String, shape: Shape) -> Policy {
        Policy {
            method,
            roles: self.roles,
            object: self.object.unwrap_or(ObjectRule::Anyone),
            priority: self.priority,
            anonymous: self.anonymous,
            long_poll: self.long_poll,
            shape,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "anjia.identity.v1.TokenService";

    fn check(text: &str) -> Result<Policies, AccessError> {
        Policies::check(text, &[SERVICE], Methods::declared())
    }

    #[test]
    fn a_complete_file_is_accepted() {
        let policies = check(
            r#"
            ["anjia.identity.v1.TokenService/ExchangeToken"]
            anonymous = true
            ["anjia.identity.v1.TokenService/GetKeys"]
            roles = ["resident", "service:referral"]
            object = "subject_or_organisation"
            priority = "complete"
            "#,
        )
        .unwrap();
        let policy = policies.get("anjia.identity.v1.TokenService/GetKeys").unwrap();
        assert_eq!(policy.priority, Priority::Complete);
        assert!(policy.roles.contains(&Role::Service("referral".to_owned())));
    }

    #[test]
    fn every_difference_is_named() {
        let error = check(
            r#"
            ["anjia.identity.v1.TokenService/GetKeys"]
            roles = []
            ["anjia.identity.v1.TokenService/Forge"]
            anonymous = true
            "#,
        )
        .unwrap_err()
        .to_string();
        for difference in ["ExchangeToken: no entry", "Forge: in access.toml", "GetKeys: names no role"] {
            assert!(error.contains(difference), "{error}");
        }
    }

    #[test]
    fn unknown_words_are_refused() {
        for line in ["roles = [\"root\"]", "object = \"everything\"", "priority = \"high\"", "anonymus = true"] {
            let text = format!("[\"{SERVICE}/GetKeys\"]\n{line}");
            assert!(matches!(check(&text), Err(AccessError::Syntax(_))), "{line}");
        }
    }
}
