use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{DuplicateId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::duplicate::{Pair, Settled};

const TABLE: &str = "possible_duplicates";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    other_id: Uuid,
    same_name_and_birth_date: bool,
    same_mobile: bool,
    found_at: DateTime<Utc>,
    settled_at: Option<DateTime<Utc>>,
    settled_by: Option<String>,
    evidence: Option<String>,
}

/// False if the pair was noticed before, whichever way round.
pub async fn insert(conn: &mut PgConnection, pair: &Pair) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO possible_duplicates (id, region, resident_id, other_id, same_name_and_birth_date, same_mobile, found_at) \
         SELECT $1, $2, $3, $4, $5, $6, $7 \
         WHERE NOT EXISTS (SELECT FROM possible_duplicates WHERE resident_id = $4 AND other_id = $3) ON CONFLICT DO NOTHING",
    )
    .bind(pair.id.uuid())
    .bind(pair.region.as_str())
    .bind(pair.resident.uuid())
    .bind(pair.other.uuid())
    .bind(pair.same_name_and_birth_date)
    .bind(pair.same_mobile)
    .bind(pair.found_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(conn: &mut PgConnection, id: DuplicateId) -> Result<Option<Pair>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, other_id, same_name_and_birth_date, same_mobile, found_at, settled_at, settled_by, \
         evidence FROM possible_duplicates WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::pair).transpose()
}

/// Pairs to decide about and not one person by now, newest first, after the one named last: those with one resident, those of one registering organisation, all.
pub async fn open(
    conn: &mut PgConnection,
    resident: Option<ResidentId>,
    registrar: Option<OrganisationId>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Pair>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, other_id, same_name_and_birth_date, same_mobile, found_at, settled_at, settled_by, \
         evidence FROM possible_duplicates pair WHERE settled_at IS NULL AND region = current_setting('anjia.region') \
         AND ($1::uuid IS NULL OR resident_id = $1 OR other_id = $1) AND other_id <> ALL (one_person(resident_id)) \
         AND ($2::uuid IS NULL OR EXISTS (SELECT FROM residents r \
             WHERE r.id IN (pair.resident_id, pair.other_id) AND r.registrar_organisation_id = $2)) \
         AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
    )
    .bind(resident.map(ResidentId::uuid))
    .bind(registrar.map(OrganisationId::uuid))
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::pair).collect()
}

/// False if somebody decided before.
pub async fn settle(conn: &mut PgConnection, id: DuplicateId, settled: &Settled) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "UPDATE possible_duplicates SET settled_at = $2, settled_by = $3, evidence = $4 WHERE id = $1 AND settled_at IS NULL",
    )
    .bind(id.uuid())
    .bind(settled.at)
    .bind(settled.by.to_string())
    .bind(&settled.evidence)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub fn audited(entry: Entry, pair: &Pair) -> Entry {
    entry.resident(pair.resident).row(TABLE, pair.id)
}

impl Row {
    fn pair(self) -> Result<Pair, postgres::Error> {
        let settled = match (self.settled_at, self.settled_by, self.evidence) {
            (Some(at), Some(by), Some(evidence)) => {
                Some(Settled { at, by: column(TABLE, "settled_by", self.id, &by)?, evidence })
            }
            _ => None,
        };
        Ok(Pair {
            id: DuplicateId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            other: ResidentId::from_uuid(self.other_id),
            same_name_and_birth_date: self.same_name_and_birth_date,
            same_mobile: self.same_mobile,
            found_at: self.found_at,
            settled,
        })
    }
}
