//! `inspections`: beside which other claims of the person a division was inspected, and which it cannot have seen.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::Error;
use postgres::audit::Entry;
use sqlx::PgConnection;
use types::ids::{ClaimId, ResidentId, SettlementId};
use types::region::RegionCode;
use uuid::Uuid;

const TABLE: &str = "inspections";

/// Writes how far back rules looked for a settlement, and beside what it was inspected. A later look adds to what was seen before.
pub async fn put(
    conn: &mut PgConnection,
    region: RegionCode,
    settlement: SettlementId,
    (looks_from, beside): (NaiveDate, &[ClaimId]),
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = beside.iter().map(|claim| claim.uuid()).collect();
    sqlx::query(
        "INSERT INTO inspections (settlement_id, region, looks_from, beside, inspected_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (settlement_id) DO UPDATE SET beside = excluded.beside, inspected_at = excluded.inspected_at",
    )
    .bind(settlement.uuid())
    .bind(region.as_str())
    .bind(looks_from)
    .bind(ids)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

pub fn audited(entry: Entry, settlement: SettlementId) -> Entry {
    entry.row(TABLE, settlement)
}

/// Beside which claims it was inspected.
pub async fn beside(conn: &mut PgConnection, settlement: SettlementId) -> Result<Vec<ClaimId>, Error> {
    let ids: Option<Vec<Uuid>> = sqlx::query_scalar("SELECT beside FROM inspections WHERE settlement_id = $1")
        .bind(settlement.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(ids.unwrap_or_default().into_iter().map(ClaimId::from_uuid).collect())
}

/// Other claims of the person that rules look at for this one, divided at about the same time or later, beside which it was not inspected. A
/// division takes seconds: what was divided ten minutes before it was there to be seen.
pub async fn unseen(
    conn: &mut PgConnection,
    settlement: SettlementId,
    now: DateTime<Utc>,
) -> Result<Option<(ResidentId, Vec<ClaimId>)>, Error> {
    let row: Option<(Uuid, Vec<Uuid>)> = sqlx::query_as(
        "SELECT this.resident_id, array_agg(other.claim_id) FROM settlements this \
         JOIN inspections own ON own.settlement_id = this.id \
         JOIN claims claim ON claim.id = this.claim_id \
         JOIN settlements other ON other.resident_id = ANY ((SELECT one_person(resident_id) FROM settlements WHERE id = $1)::uuid[]) \
             AND other.claim_id <> this.claim_id AND other.divided_at > this.divided_at - interval '10 minutes' \
             AND (other.state = 'CONFIRMED' OR other.state = 'DIVIDED' AND other.lapses_at > $2) \
         JOIN claims theirs ON theirs.id = other.claim_id AND theirs.until_date >= own.looks_from AND theirs.from_date <= claim.until_date \
         WHERE this.id = $1 AND other.claim_id <> ALL (own.beside) GROUP BY this.resident_id",
    )
    .bind(settlement.uuid())
    .bind(now)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(resident, claims)| {
        (ResidentId::from_uuid(resident), claims.into_iter().map(ClaimId::from_uuid).collect())
    }))
}

/// The rules whose findings such claims carry that were inspected beside this one.
pub async fn carried(conn: &mut PgConnection, claim: ClaimId, by: &[ClaimId]) -> Result<Vec<String>, Error> {
    let by: Vec<Uuid> = by.iter().map(|claim| claim.uuid()).collect();
    sqlx::query_scalar(
        "SELECT DISTINCT finding.rule FROM findings finding JOIN inspections theirs ON theirs.settlement_id = finding.settlement_id \
         JOIN settlements settlement ON settlement.id = finding.settlement_id AND settlement.state IN ('DIVIDED', 'CONFIRMED') \
         WHERE settlement.claim_id = ANY ($2) AND $1 = ANY (theirs.beside) AND finding.state <> 'SUPERSEDED'",
    )
    .bind(claim.uuid())
    .bind(by)
    .fetch_all(conn)
    .await
    .map_err(Into::into)
}
