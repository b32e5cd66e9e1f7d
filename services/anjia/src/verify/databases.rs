//! The databases of a mesh, each as its owner: the only role that sees every region, and one that may not serve anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use devstack::MeshRecord;
use postgres::vault::{FileKeys, KeyProvider, Vault};
use sqlx::{Connection, PgConnection};

/// One connection to each database of the mesh, and what opens what is sealed in it. A mesh in a test may have fewer than five.
pub(super) struct Databases {
    connections: BTreeMap<String, PgConnection>,
    vaults: BTreeMap<String, Vault>,
}

impl Databases {
    pub(super) async fn connect(record: &MeshRecord) -> Result<Self> {
        let mut connections = BTreeMap::new();
        for (name, service) in &record.services {
            let connection = PgConnection::connect(&service.owner_database_url).await;
            connections.insert(name.clone(), connection.with_context(|| format!("reaching the database of {name}"))?);
        }
        let provider: Arc<dyn KeyProvider> = Arc::new(FileKeys::load(&record.keys.join("wrapping.key"))?);
        Ok(Self::new(connections, &provider))
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.connections.keys().cloned().collect()
    }

    pub(super) fn get(&mut self, service: &str) -> Option<&mut PgConnection> {
        self.connections.get_mut(service)
    }

    pub(super) fn each(&mut self) -> impl Iterator<Item = (&String, &mut PgConnection)> {
        self.connections.iter_mut()
    }

    /// A database and the keys that it holds wrapped.
    pub(super) fn with_keys(&mut self, service: &str) -> Option<(&mut PgConnection, &Vault)> {
        self.connections.get_mut(service).zip(self.vaults.get(service))
    }

    pub(super) fn new(connections: BTreeMap<String, PgConnection>, provider: &Arc<dyn KeyProvider>) -> Self {
        let vaults = connections.keys().map(|name| (name.clone(), Vault::new(Arc::clone(provider)))).collect();
        Self { connections, vaults }
    }
}
