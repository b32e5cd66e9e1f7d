//! Audit (I9): what happened stands in the audit, and nobody touched it since.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use postgres::audit::{Break, Verdict};
use serde::Serialize;

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
    pub(crate) entries: i64,
    /// Stands for all of them, in hexadecimal; empty where the chain is broken.
    pub(crate) hash: String,
    pub(crate) events: i64,
}

/// The chain of each service, and where it is broken.
pub(super) async fn chains(databases: &mut Databases) -> Result<(BTreeMap<String, Chain>, Vec<Violation>)> {
    let (mut chains, mut violations) = (BTreeMap::new(), vec![]);
    for (service, connection) in databases.each() {
        let verdict = postgres::audit::verify(&mut *connection).await;
        let verdict = verdict.with_context(|| format!("verifying the audit chain of {service}"))?;
        let gap = postgres::events::first_gap(&mut *connection).await?;
        let events: i64 = sqlx::query_scalar("SELECT count(position) FROM events").fetch_one(connection).await?;
        let (entries, hash) = match &verdict {
            Verdict::Intact { entries, hash } => (*entries, hex::encode(hash)),
            Verdict::Broken { position, .. } => (position - 1, String::new()),
        };
        if let Verdict::Broken { position, kind } = verdict {
            violations.push(broken(service, "audit", position, describe(kind)));
        }
        if let Some(position) = gap {
            violations.push(broken(service, "events", position, "no event at this position"));
        }
        let ok = !hash.is_empty() && gap.is_none();
        chains.insert(service.clone(), Chain { ok, entries, hash, events });
    }
    Ok((chains, violations))
}

fn broken(service: &str, chain: &str, position: i64, what: &str) -> Violation {
    Violation { service: service.to_owned(), id: format!("{chain}/{position}"), what: what.to_owned() }
}

const fn describe(kind: Break) -> &'static str {
    match kind {
        Break::Missing => "no audit entry at this position",
        Break::Unlinked => "the entry does not follow from the one before it",
        Break::Edited => "the entry was edited",
        Break::HeadDiffers => "the chain does not end where it was sealed to",
    }
}
