//! The databases of a mesh, each as its owner: the only role that sees every region, and one that may not serve anybody.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use devstack::MeshRecord;
use sqlx::{Connection, PgConnection};

/// One connection to each database of the mesh. A mesh in a test may have fewer than five.
pub(super) struct Databases(BTreeMap<String, PgConnection>);

impl Databases {
    pub(super) async fn connect(record: &MeshRecord) -> Result<Self> {
        let mut connections = BTreeMap::new();
        for (name, service) in &record.services {
            let connection = PgConnection::connect(&service.owner_database_url).await;
            connections.insert(name.clone(), connection.with_context(|| format!("reaching the database of {name}"))?);
        }
        Ok(Self(connections))
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn get(&mut self, service: &str) -> Option<&mut PgConnection> {
        self.0.get_mut(service)
    }

    pub(super) fn each(&mut self) -> impl Iterator<Item = (&String, &mut PgConnection)> {
        self.0.iter_mut()
    }

    #[cfg(test)]
    pub(super) fn of(connections: BTreeMap<String, PgConnection>) -> Self {
        Self(connections)
    }
}
