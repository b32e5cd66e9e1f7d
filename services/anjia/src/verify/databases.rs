//! The databases of a mesh, each as its owner: the only role that sees every region, and one that may not serve anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use devstack::{MeshRecord, SERVICES, witnessed_by};
use postgres::audit::{self, Anchor, NoteSigner, NoteVerifier, Witnessed};
use postgres::vault::{FileKeys, KeyProvider, Vault};
use sqlx::{Connection, PgConnection};

/// One connection to each database of the mesh, and what opens what is sealed in it. A mesh in a test may have fewer than five.
pub(crate) struct Databases {
    connections: BTreeMap<String, PgConnection>,
    vaults: BTreeMap<String, Vault>,
    /// What stands outside the databases of their audits; a test has none.
    anchors: BTreeMap<String, Anchored>,
    /// Services that were started and have ended.
    gone: Vec<String>,
}

/// Where the audit of a service is anchored, and whose signature it bears.
#[derive(Debug, Clone)]
pub(crate) struct Anchored {
    pub(crate) anchor: Anchor,
    pub(crate) verifier: NoteVerifier,
}

/// What the witness of a service's audit saw of it.
pub(crate) struct SeenOf {
    pub(crate) last: Witnessed,
    /// Notes that say since when checkpoints were anchored.
    pub(crate) anchored_since: Vec<String>,
    /// Whose cosignature they must bear.
    pub(crate) cosigner: NoteVerifier,
}

impl Anchored {
    pub(crate) fn of(record: &MeshRecord, service: &str) -> Result<Self> {
        let file = record.audit_key(service);
        let key = NoteSigner::load(format!("anjia/{service}"), &file)?;
        Ok(Self { anchor: Anchor::in_folder(record.anchor(service)), verifier: key.verifier() })
    }
}

impl Databases {
    pub(crate) async fn connect(record: &MeshRecord) -> Result<Self> {
        let mut connections = BTreeMap::new();
        for (name, service) in &record.services {
            let connection = PgConnection::connect(&service.owner_database_url).await;
            connections.insert(name.clone(), connection.with_context(|| format!("reaching the database of {name}"))?);
        }
        let provider: Arc<dyn KeyProvider> = Arc::new(FileKeys::load(&record.keys.join("wrapping.key"))?);
        let anchors = record.services.keys().map(|name| anyhow::Ok((name.clone(), Anchored::of(record, name)?)));
        let anchors = anchors.collect::<Result<_>>()?;
        let gone = record.gone().into_iter().map(str::to_owned).collect();
        Ok(Self { anchors, gone, ..Self::new(connections, &provider) })
    }

    /// What was started and has ended.
    pub(super) fn gone(&self) -> &[String] {
        &self.gone
    }

    /// A database with all that its audit is verified with.
    pub(crate) fn audited(&mut self, service: &str) -> Option<(&mut PgConnection, &Vault, Option<&Anchored>)> {
        let connection = self.connections.get_mut(service)?;
        Some((connection, self.vaults.get(service)?, self.anchors.get(service)))
    }

    /// What the witness of a service's audit saw of it last, and whose cosignature that must bear; none where it saw nothing, or the
    /// mesh has no witness.
    pub(crate) async fn witnessed(&mut self, service: &str) -> Result<Option<SeenOf>> {
        let Some(witness) = SERVICES.into_iter().find(|name| witnessed_by(name) == Some(service)) else {
            return Ok(None);
        };
        let Some((connection, anchored)) = self.connections.get_mut(witness).zip(self.anchors.get(witness)) else {
            return Ok(None);
        };
        let asking = || format!("asking {witness} what it witnessed");
        let Some(last) = audit::witnessed(&mut *connection).await.with_context(asking)? else { return Ok(None) };
        let anchored_since = audit::anchored_as_witnessed(connection).await.with_context(asking)?;
        Ok(Some(SeenOf { last, anchored_since, cosigner: anchored.verifier.clone() }))
    }

    pub(crate) fn names(&self) -> Vec<String> {
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
        Self { connections, vaults, anchors: BTreeMap::new(), gone: vec![] }
    }
}
