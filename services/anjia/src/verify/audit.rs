//! Audit (I9): what happened stands in the audit, the rows are as it says, and nobody touched either since.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use postgres::audit::{self, Against, Place, SeenByWitness, Verified};
use serde::Serialize;
use sqlx::PgConnection;

use super::check::{Check, Invariant::I9, Violation};
use super::databases::Databases;

pub(super) const CHECKS: &[Check] = &[Check::everywhere(
    I9,
    "what was told stands in the audit",
    "WITH named AS ( \
         SELECT entry.named->>'id' AS id FROM audit_entries, jsonb_array_elements(rows) AS entry (named) \
         WHERE action !~ '\\.(read|list|find|get)$' \
         UNION SELECT resident_id::text FROM audit_entries WHERE resident_id IS NOT NULL) \
     SELECT id::text, format('%s of %s has no audit entry', kind, subject) FROM events \
     WHERE NOT EXISTS (SELECT FROM named WHERE named.id = events.subject)",
)];

/// The sequences that a sealer gave out, and whether they are whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Chain {
    pub(crate) ok: bool,
    /// Audit entries in the chain.
    pub(crate) entries: u64,
    /// Stands for all of them, in hexadecimal.
    pub(crate) hash: String,
    /// Root of the Merkle tree over them, in hexadecimal.
    pub(crate) root: String,
    /// Rows that were digested anew and held against their last entries.
    pub(crate) rows: u64,
    /// Of these, rows that nobody can check: their salt was erased with their person.
    pub(crate) erased: u64,
    /// Signed checkpoints outside the database that the chain was held against.
    pub(crate) anchored: u64,
    /// How many of its entries another service witnessed.
    pub(crate) witnessed: u64,
    /// Entries that no checkpoint outside the database covers yet.
    pub(crate) uncovered: u64,
    pub(crate) events: i64,
}

/// What was found wrong, by the sentence that does not hold.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) gaps: Vec<Violation>,
    pub(super) breaks: Vec<Violation>,
    pub(super) rows: Vec<Violation>,
}

/// Told of a service, how many entries and rows were looked at.
pub(crate) type Progress<'a> = &'a (dyn Fn(&str, u64, u64) + Send + Sync);

/// Verifies the audit of one service.
pub(crate) async fn verify(databases: &mut Databases, service: &str, progress: Progress<'_>) -> Result<Verified> {
    // Asked before the chain is read, which has at least that then.
    let witnessed = databases.witnessed(service).await?;
    let (connection, vault, anchored) = databases.audited(service).with_context(|| format!("no {service}"))?;
    let opener = audit::unlock(&mut *connection, vault).await?;
    let against = Against {
        anchor: anchored.map(|anchored| (&anchored.anchor, &anchored.verifier)),
        witness: witnessed.as_ref().map(|seen| SeenByWitness {
            note: &seen.last.note,
            cosigner: &seen.cosigner,
            anchored: &seen.anchored_since,
            has_refused: seen.last.refused.is_some(),
        }),
        opener: Some(&*opener),
        progress: Some(&|entries, rows| progress(service, entries, rows)),
    };
    let verified = if is_in_transaction(&mut *connection).await? {
        audit::verify_in(connection, against).await
    } else {
        audit::verify(connection, against).await
    };
    verified.with_context(|| format!("verifying the audit of {service}"))
}

/// A test seeds a bug in a transaction of its own.
async fn is_in_transaction(connection: &mut PgConnection) -> Result<bool> {
    Ok(sqlx::query_scalar("SELECT pg_current_xact_id_if_assigned() IS NOT NULL").fetch_one(connection).await?)
}

/// The chain of each service, and where it is broken.
pub(super) async fn chains(databases: &mut Databases) -> Result<(BTreeMap<String, Chain>, Faults)> {
    let (mut chains, mut faults) = (BTreeMap::new(), Faults::default());
    for service in databases.names() {
        let verified = verify(databases, &service, &|_, _, _| {}).await?;
        let connection = databases.get(&service).with_context(|| format!("no {service}"))?;
        let gap = postgres::events::first_gap(&mut *connection).await?;
        let events = sqlx::query_scalar("SELECT count(position) FROM events").fetch_one(connection).await?;
        if let Some(position) = gap {
            let what = "no event at this position".to_owned();
            faults.gaps.push(Violation { service: service.clone(), id: format!("events/{position}"), what });
        }
        chains.insert(service.clone(), Chain::of(&verified, events, gap.is_none()));
        for finding in verified.findings {
            let list = if matches!(finding.place, Place::Row { .. }) { &mut faults.rows } else { &mut faults.breaks };
            let what = finding.what.to_owned();
            list.push(Violation { service: service.clone(), id: finding.place.to_string(), what });
        }
    }
    Ok((chains, faults))
}

impl Chain {
    fn of(verified: &Verified, events: i64, is_gapless: bool) -> Self {
        Self {
            ok: verified.is_whole() && is_gapless,
            entries: verified.entries,
            hash: hex::encode(verified.hash),
            root: hex::encode(verified.root),
            rows: verified.rows,
            erased: verified.erased,
            anchored: verified.anchored,
            witnessed: verified.witnessed,
            uncovered: verified.uncovered,
            events,
        }
    }
}
