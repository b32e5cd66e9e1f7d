//! What identity decides about persons, and every service does: whose key may be destroyed (I9), and which ids are one person's (I4).

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result};
use uuid::Uuid;

use super::check::{Check, Invariant, Look, Violation};
use super::databases::Databases;

const IDENTITY: &str = "identity";

pub(super) const CHECKS: &[Check] = &[
    Check {
        invariant: Invariant::I9,
        name: "a person's key was destroyed by an erasure that identity decided",
        look: Look::Destroyed,
    },
    Check { invariant: Invariant::I4, name: "every service takes the same ids for one person", look: Look::Aliases },
];

/// Keys that were destroyed without such an erasure: their entries excuse whatever was digested under them.
pub(super) async fn destroyed(databases: &mut Databases) -> Result<Option<Vec<Violation>>> {
    if databases.get(IDENTITY).is_none() {
        return Ok(None);
    }
    // Before what they rest on, which was committed earlier.
    let mut destroyed = vec![];
    for (service, connection) in databases.each() {
        let entries: Vec<(i64, Option<Uuid>)> = sqlx::query_as(
            "SELECT sequence, resident_id FROM audit_entries WHERE action ~ '\\.person_key\\.destroy$' ORDER BY sequence",
        )
        .fetch_all(connection)
        .await?;
        destroyed.extend(entries.into_iter().map(|(sequence, resident)| (service.clone(), sequence, resident)));
    }
    let erased = "SELECT unnest(one_person(resident_id)) FROM erasure_requests WHERE state IN ('ERASED', 'COMPLETED')";
    let identity = databases.get(IDENTITY).context("no identity")?;
    let erased: HashSet<Uuid> = sqlx::query_scalar(erased).fetch_all(identity).await?.into_iter().collect();
    let is_wrong = |of: &(String, i64, Option<Uuid>)| of.2.is_none_or(|resident| !erased.contains(&resident));
    let violation = |(service, sequence, resident): (String, i64, Option<Uuid>)| Violation {
        service,
        id: format!("audit sequence {sequence}"),
        what: format!("the key of {} was destroyed, and identity decided no erasure", resident.unwrap_or_default()),
    };
    Ok(Some(destroyed.into_iter().filter(is_wrong).map(violation).collect()))
}

/// Since when a resident goes by another id is as identity says, wherever a minute was enough to hear of it.
pub(super) async fn aliases(databases: &mut Databases) -> Result<Option<Vec<Violation>>> {
    if databases.get(IDENTITY).is_none() {
        return Ok(None);
    }
    let aliases = "SELECT resident_id, survivor_id, since < now() - interval '1 minute' FROM resident_aliases";
    let mut known = BTreeMap::new();
    for (service, connection) in databases.each() {
        let rows: Vec<(Uuid, Uuid, bool)> = sqlx::query_as(aliases).fetch_all(connection).await?;
        let rows: BTreeMap<Uuid, (Uuid, bool)> = rows.into_iter().map(|(id, of, old)| (id, (of, old))).collect();
        known.insert(service.clone(), rows);
    }
    let ended = "SELECT resident_id FROM resident_merges WHERE unmerged_at > now() - interval '1 minute'";
    let connection = databases.get(IDENTITY).context("no identity")?;
    let just_ended: HashSet<Uuid> = sqlx::query_scalar(ended).fetch_all(connection).await?.into_iter().collect();
    let identity = known.remove(IDENTITY).unwrap_or_default();
    let mut violations = vec![];
    for (service, aliases) in &known {
        let mut found = |resident: &Uuid, what: &str| {
            violations.push(Violation { service: service.clone(), id: resident.to_string(), what: what.to_owned() });
        };
        for (resident, (survivor, _)) in aliases {
            let is_theirs = identity.get(resident).is_some_and(|(of, _)| of == survivor);
            if !is_theirs && !just_ended.contains(resident) {
                found(resident, &format!("is taken for {survivor}, which identity does not say"));
            }
        }
        for (resident, (survivor, is_old)) in &identity {
            if *is_old && !aliases.contains_key(resident) {
                found(resident, &format!("is {survivor} by what identity says, and not here"));
            }
        }
    }
    Ok(Some(violations))
}
