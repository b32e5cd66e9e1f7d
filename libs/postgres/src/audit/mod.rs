//! Audit: who did what for whom, written in the transaction in which it was done.
//!
//! Rows are named with a salted digest of their values, so that an edit of the row itself is found later, and so that the entry
//! says nothing about a person once the salt is gone. The sealer chains committed entries ([`verify`] finds any break).

mod chain;
mod digest;

use std::fmt;

use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use types::{
    caller::{Caller, Party},
    ids::{DelegationId, OrganisationId, ResidentId},
};

use crate::{Error, Transaction};

pub(crate) use chain::seal;
pub use chain::{Break, Verdict, verify};
pub use digest::{Optional, digest, optional};

/// What is about to be recorded.
#[derive(Debug, Clone)]
pub struct Entry {
    actor: Party,
    subject: Party,
    organisation: Option<OrganisationId>,
    delegation: Option<DelegationId>,
    resident: Option<ResidentId>,
    action: &'static str,
    rows: Vec<RowDigest>,
}

/// One row that was written or read, as it stands in `audit_entries.rows`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowDigest {
    pub table: String,
    pub id: String,
    /// Version of the list of columns whose values were digested.
    pub columns: u32,
    /// 16 random bytes in hexadecimal.
    pub salt: String,
    /// [`digest()`] in hexadecimal.
    pub digest: String,
}

impl Entry {
    /// `action` is `service.resource.verb`. Concerns the resident on whose behalf the caller acts, unless another is named.
    pub fn new(caller: &Caller, action: &'static str) -> Self {
        Self {
            actor: caller.acting().clone(),
            subject: caller.subject.clone(),
            organisation: caller.organisation,
            delegation: caller.delegation,
            resident: caller.resident(),
            action,
            rows: Vec::new(),
        }
    }

    /// What a background loop does without anybody's token, such as letting a hold expire.
    pub fn by_service(service: &str, action: &'static str) -> Self {
        let party = Party::Service(service.to_owned());
        Self {
            actor: party.clone(),
            subject: party,
            organisation: None,
            delegation: None,
            resident: None,
            action,
            rows: Vec::new(),
        }
    }

    /// A call that was refused to somebody whom a good token named. It concerns nobody's data: none was shown.
    pub(crate) fn refused(
        actor: &Party,
        subject: &Party,
        organisation: Option<OrganisationId>,
        delegation: Option<DelegationId>,
        action: &'static str,
    ) -> Self {
        let (actor, subject) = (actor.clone(), subject.clone());
        Self { actor, subject, organisation, delegation, resident: None, action, rows: Vec::new() }
    }

    /// The person whose data it concerns.
    #[must_use]
    pub fn resident(self, resident: ResidentId) -> Self {
        Self { resident: Some(resident), ..self }
    }

    /// A row written or read: its table, id, the version of its list of columns, and the values of those columns as stored
    /// (instants in microseconds), `null` written as [`optional`].
    #[must_use]
    pub fn row(mut self, table: &str, id: impl fmt::Display, columns: u32, values: &[&dyn fmt::Display]) -> Self {
        let mut salt = [0; 16];
        rand::rng().fill_bytes(&mut salt);
        self.rows.push(RowDigest {
            table: table.to_owned(),
            id: id.to_string(),
            columns,
            salt: hex::encode(salt),
            digest: hex::encode(digest(&salt, table, columns, values)),
        });
        self
    }
}

/// Writes the entry in the transaction of what it tells of. Its time is that of the transaction, by the database's clock.
pub async fn record(tx: &mut Transaction, entry: Entry) -> Result<(), Error> {
    let region = tx.region()?;
    sqlx::query(
        "INSERT INTO audit_entries (region, actor, subject, organisation_id, delegation_id, resident_id, action, rows) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(region.as_str())
    .bind(entry.actor.to_string())
    .bind(entry.subject.to_string())
    .bind(entry.organisation.map(OrganisationId::uuid))
    .bind(entry.delegation.map(DelegationId::uuid))
    .bind(entry.resident.map(ResidentId::uuid))
    .bind(entry.action)
    .bind(sqlx::types::Json(entry.rows))
    .execute(&mut **tx)
    .await?;
    tx.unsealed = true;
    Ok(())
}
