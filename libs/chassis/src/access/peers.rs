//! Which of our services calls which method here, by the certificate it shows: a service that was taken over calls nothing else,
//! whatever token it got hold of.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The section `[peers]` of `access.toml`: for each service that calls here the methods it calls. Nobody else of ours may call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Peers(BTreeMap<String, BTreeSet<String>>);

impl Peers {
    /// Whether a service calls this method, `package.Service/Method`.
    pub fn may(&self, service: &str, method: &str) -> bool {
        self.0.get(service).is_some_and(|methods| methods.contains(method))
    }

    /// What a service calls here.
    pub fn of(&self, service: &str) -> impl Iterator<Item = &str> {
        self.0.get(service).into_iter().flatten().map(String::as_str)
    }

    /// The services that call a method.
    pub fn callers_of(&self, method: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(_, methods)| methods.contains(method)).map(|(service, _)| service.as_str())
    }

    /// Entries that name no method of this server.
    pub(super) fn faults(&self, declared: &BTreeSet<&str>) -> impl Iterator<Item = String> {
        let entries = self.0.iter().flat_map(|(peer, methods)| methods.iter().map(move |method| (peer, method)));
        entries
            .filter(|(_, method)| !declared.contains(method.as_str()))
            .map(|(peer, method)| format!("  {method}: listed for {peer}, but not an RPC of this server"))
    }
}
