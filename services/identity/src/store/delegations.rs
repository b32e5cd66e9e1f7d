use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{DelegationId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::delegation::{Action, Basis, Delegation};

const TABLE: &str = "delegations";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    delegate: String,
    basis: String,
    actions: Vec<String>,
    until: DateTime<Utc>,
    evidence: String,
    witness_organisation_id: Option<Uuid>,
    granted_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

/// False if there is one with this id.
pub async fn insert(conn: &mut PgConnection, delegation: &Delegation) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO delegations (id, region, resident_id, delegate, basis, actions, until, evidence, \
         witness_organisation_id, granted_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT DO NOTHING",
    )
    .bind(delegation.id.uuid())
    .bind(delegation.region.as_str())
    .bind(delegation.resident.uuid())
    .bind(delegation.delegate.to_string())
    .bind(delegation.basis.as_str())
    .bind(actions(delegation))
    .bind(delegation.until)
    .bind(&delegation.evidence)
    .bind(delegation.witness.map(OrganisationId::uuid))
    .bind(delegation.granted_at)
    .bind(delegation.revoked_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(conn: &mut PgConnection, id: DelegationId) -> Result<Option<Delegation>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, delegate, basis, actions, until, evidence, witness_organisation_id, granted_at, \
         revoked_at FROM delegations WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::delegation).transpose()
}

/// False if it was revoked before.
pub async fn revoke(conn: &mut PgConnection, id: DelegationId, at: DateTime<Utc>) -> Result<bool, postgres::Error> {
    let done = sqlx::query("UPDATE delegations SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
        .bind(id.uuid())
        .bind(at)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub fn audited(entry: Entry, delegation: &Delegation) -> Entry {
    entry.resident(delegation.resident).row(TABLE, delegation.id)
}

fn actions(delegation: &Delegation) -> Vec<&'static str> {
    delegation.actions.iter().map(|action| action.as_str()).collect()
}

impl Row {
    fn delegation(self) -> Result<Delegation, postgres::Error> {
        let invalid = |column| postgres::Error::row_invalid(TABLE, column, self.id);
        let actions: Option<BTreeSet<Action>> = self.actions.iter().map(|action| Action::parse(action)).collect();
        Ok(Delegation {
            id: DelegationId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            delegate: column(TABLE, "delegate", self.id, &self.delegate)?,
            basis: Basis::parse(&self.basis).ok_or_else(|| invalid("basis"))?,
            actions: actions.ok_or_else(|| invalid("actions"))?,
            until: self.until,
            evidence: self.evidence,
            witness: self.witness_organisation_id.map(OrganisationId::from_uuid),
            granted_at: self.granted_at,
            revoked_at: self.revoked_at,
        })
    }
}
