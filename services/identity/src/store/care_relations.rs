use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::PgConnection;
use types::ids::{OrganisationId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::care::{CareRelation, Kind};

const TABLE: &str = "care_relations";

/// The row's id; none if the relation is known already, open or closed.
pub async fn open(
    conn: &mut PgConnection,
    region: RegionCode,
    relation: &CareRelation,
    at: DateTime<Utc>,
) -> Result<Option<Uuid>, postgres::Error> {
    let id: Option<Uuid> = sqlx::query_scalar(
        "INSERT INTO care_relations (id, region, kind, source_id, resident_id, organisation_id, opened_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(Uuid::now_v7())
    .bind(region.as_str())
    .bind(relation.kind.as_str())
    .bind(relation.source)
    .bind(relation.resident.uuid())
    .bind(relation.organisation.uuid())
    .bind(at)
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Closes what is open because of a visit or a referral: rows and whose they are.
pub async fn close(
    conn: &mut PgConnection,
    kind: Kind,
    source: Uuid,
    at: DateTime<Utc>,
) -> Result<Vec<(Uuid, ResidentId)>, postgres::Error> {
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "UPDATE care_relations SET closed_at = $3 WHERE kind = $1 AND source_id = $2 AND closed_at IS NULL \
         RETURNING id, resident_id",
    )
    .bind(kind.as_str())
    .bind(source)
    .bind(at)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id, resident)| (id, ResidentId::from_uuid(resident))).collect())
}

/// The organisation, if it cares for the resident on this day: an open visit or referral, or a family doctor's contract.
pub async fn carer(
    conn: &mut PgConnection,
    resident: ResidentId,
    organisation: Option<OrganisationId>,
    today: NaiveDate,
) -> Result<Option<OrganisationId>, postgres::Error> {
    let Some(organisation) = organisation else { return Ok(None) };
    let cares: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM care_relations WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND organisation_id = $2 AND closed_at IS NULL) \
         OR EXISTS (SELECT FROM family_doctor_contracts WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND organisation_id = $2 \
                    AND term_from <= $3 AND coalesce(ended_on, term_until) >= $3)",
    )
    .bind(resident.uuid())
    .bind(organisation.uuid())
    .bind(today)
    .fetch_one(conn)
    .await?;
    Ok(cares.then_some(organisation))
}

pub fn audited(entry: Entry, id: Uuid, resident: ResidentId) -> Entry {
    entry.resident(resident).row(TABLE, id)
}
