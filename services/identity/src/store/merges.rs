use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{MergeId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::merge::Merge;
use crate::domain::signature::Signature;

const TABLE: &str = "resident_merges";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    survivor_id: Uuid,
    reason: String,
    revision: i32,
    proposed_by: String,
    proposer_organisation_id: Option<Uuid>,
    proposed_at: DateTime<Utc>,
    proposal_evidence: String,
    merged_by: Option<String>,
    merger_organisation_id: Option<Uuid>,
    merged_at: Option<DateTime<Utc>>,
    merge_evidence: Option<String>,
    unmerge_proposed_by: Option<String>,
    unmerge_proposer_organisation_id: Option<Uuid>,
    unmerge_proposed_at: Option<DateTime<Utc>>,
    unmerge_proposal_evidence: Option<String>,
    unmerged_by: Option<String>,
    unmerger_organisation_id: Option<Uuid>,
    unmerged_at: Option<DateTime<Utc>>,
    unmerge_evidence: Option<String>,
}

/// False if there is one with this id.
pub async fn insert(conn: &mut PgConnection, merge: &Merge) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO resident_merges (id, region, resident_id, survivor_id, reason, revision, proposed_by, \
         proposer_organisation_id, proposed_at, proposal_evidence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(merge.id.uuid())
    .bind(merge.region.as_str())
    .bind(merge.resident.uuid())
    .bind(merge.survivor.uuid())
    .bind(&merge.reason)
    .bind(merge.revision)
    .bind(merge.proposed.by.to_string())
    .bind(merge.proposed.organisation.map(OrganisationId::uuid))
    .bind(merge.proposed.at)
    .bind(&merge.proposed.evidence)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes the steps after the proposal. False if the row is not at the revision before.
pub async fn update(conn: &mut PgConnection, merge: &Merge) -> Result<bool, postgres::Error> {
    let mut update = sqlx::query(
        "UPDATE resident_merges SET revision = $2, merged_by = $3, merger_organisation_id = $4, merged_at = $5, \
         merge_evidence = $6, unmerge_proposed_by = $7, unmerge_proposer_organisation_id = $8, unmerge_proposed_at = $9, \
         unmerge_proposal_evidence = $10, unmerged_by = $11, unmerger_organisation_id = $12, unmerged_at = $13, \
         unmerge_evidence = $14 WHERE id = $1 AND revision = $2 - 1",
    )
    .bind(merge.id.uuid())
    .bind(merge.revision);
    for signature in [&merge.merged, &merge.unmerge_proposed, &merge.unmerged] {
        update = update
            .bind(signature.as_ref().map(|signature| signature.by.to_string()))
            .bind(signature.as_ref().and_then(|signature| signature.organisation).map(OrganisationId::uuid))
            .bind(signature.as_ref().map(|signature| signature.at))
            .bind(signature.as_ref().map(|signature| signature.evidence.clone()));
    }
    Ok(update.execute(conn).await?.rows_affected() == 1)
}

pub async fn get(conn: &mut PgConnection, id: MergeId) -> Result<Option<Merge>, postgres::Error> {
    let row: Option<Row> =
        sqlx::query_as("SELECT * FROM resident_merges WHERE id = $1").bind(id.uuid()).fetch_optional(conn).await?;
    row.map(Row::merge).transpose()
}

/// Newest first, after the one named last: those of one resident, those that one organisation proposed, all of the region.
pub async fn list(
    conn: &mut PgConnection,
    resident: Option<ResidentId>,
    proposer: Option<OrganisationId>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Merge>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM resident_merges WHERE region = current_setting('anjia.region') \
         AND ($1::uuid IS NULL OR resident_id = $1 OR survivor_id = $1) \
         AND ($2::uuid IS NULL OR proposer_organisation_id = $2) \
         AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
    )
    .bind(resident.map(ResidentId::uuid))
    .bind(proposer.map(OrganisationId::uuid))
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::merge).collect()
}

pub fn audited(entry: Entry, merge: &Merge) -> Entry {
    entry.row(TABLE, merge.id)
}

impl Row {
    fn merge(self) -> Result<Merge, postgres::Error> {
        let id = self.id;
        let proposed = signature(
            id,
            Some(self.proposed_by),
            self.proposer_organisation_id,
            Some(self.proposed_at),
            Some(self.proposal_evidence),
        )?;
        Ok(Merge {
            id: MergeId::from_uuid(id),
            region: column(TABLE, "region", id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            survivor: ResidentId::from_uuid(self.survivor_id),
            reason: self.reason,
            revision: self.revision,
            proposed: proposed.ok_or_else(|| postgres::Error::row_invalid(TABLE, "proposed_by", id))?,
            merged: signature(id, self.merged_by, self.merger_organisation_id, self.merged_at, self.merge_evidence)?,
            unmerge_proposed: signature(
                id,
                self.unmerge_proposed_by,
                self.unmerge_proposer_organisation_id,
                self.unmerge_proposed_at,
                self.unmerge_proposal_evidence,
            )?,
            unmerged: signature(
                id,
                self.unmerged_by,
                self.unmerger_organisation_id,
                self.unmerged_at,
                self.unmerge_evidence,
            )?,
        })
    }
}

fn signature(
    id: Uuid,
    by: Option<String>,
    organisation: Option<Uuid>,
    at: Option<DateTime<Utc>>,
    evidence: Option<String>,
) -> Result<Option<Signature>, postgres::Error> {
    let (Some(by), Some(at), Some(evidence)) = (by, at, evidence) else { return Ok(None) };
    Ok(Some(Signature {
        by: column(TABLE, "by", id, &by)?,
        organisation: organisation.map(OrganisationId::from_uuid),
        at,
        evidence,
    }))
}
