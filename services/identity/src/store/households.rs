use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{HouseholdId, OrganisationId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use super::column;
use crate::domain::household::{Ended, Household, Member, Relation};

const TABLE: &str = "households";
const MEMBERS: &str = "household_members";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    community_code: String,
    registrar_organisation_id: Option<Uuid>,
    from_day: NaiveDate,
    formed_at: DateTime<Utc>,
    ended_with: Option<NaiveDate>,
    ended_at: Option<DateTime<Utc>>,
    end_reason: Option<String>,
}

#[derive(FromRow)]
struct MemberRow {
    id: Uuid,
    resident_id: Uuid,
    relation: String,
    from_day: NaiveDate,
    recorded_at: DateTime<Utc>,
    ended_with: Option<NaiveDate>,
    ended_at: Option<DateTime<Utc>>,
    end_reason: Option<String>,
}

/// Without its members. False if there is one with this id.
pub async fn insert(conn: &mut PgConnection, household: &Household) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO households (id, region, community_code, registrar_organisation_id, from_day, formed_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(household.id.uuid())
    .bind(household.region.as_str())
    .bind(household.community.as_str())
    .bind(household.registrar.map(OrganisationId::uuid))
    .bind(household.from)
    .bind(household.formed_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The caller holds the resident's lock and has asked [`belongs_from`].
pub async fn insert_member(
    conn: &mut PgConnection,
    region: RegionCode,
    household: HouseholdId,
    member: &Member,
) -> Result<(), postgres::Error> {
    sqlx::query(
        "INSERT INTO household_members (id, region, household_id, resident_id, relation, from_day, recorded_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(member.id)
    .bind(region.as_str())
    .bind(household.uuid())
    .bind(member.resident.uuid())
    .bind(member.relation.as_str())
    .bind(member.from)
    .bind(member.recorded_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// With everybody who ever belonged to it, kept from others until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: HouseholdId) -> Result<Option<Household>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, community_code, registrar_organisation_id, from_day, formed_at, ended_with, ended_at, end_reason \
         FROM households WHERE id = $1 FOR NO KEY UPDATE",
    )
    .bind(id.uuid())
    .fetch_optional(&mut *conn)
    .await?;
    whole(conn, row).await
}

/// The one a resident belongs to on a day, by any id of theirs.
pub async fn of_resident(
    conn: &mut PgConnection,
    resident: ResidentId,
    on: NaiveDate,
) -> Result<Option<Household>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, community_code, registrar_organisation_id, from_day, formed_at, ended_with, ended_at, end_reason \
         FROM households WHERE id = (SELECT household_id FROM household_members WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) \
             AND from_day <= $2 AND (ended_with IS NULL OR ended_with >= $2) ORDER BY from_day DESC LIMIT 1)",
    )
    .bind(resident.uuid())
    .bind(on)
    .fetch_optional(&mut *conn)
    .await?;
    whole(conn, row).await
}

/// Whether a resident belongs to one on a day or later.
pub async fn belongs_from(
    conn: &mut PgConnection,
    resident: ResidentId,
    day: NaiveDate,
) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM household_members WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) \
         AND (ended_with IS NULL OR ended_with >= $2))",
    )
    .bind(resident.uuid())
    .bind(day)
    .fetch_one(conn)
    .await?)
}

/// The household's end; false if it ended before.
pub async fn end(conn: &mut PgConnection, id: HouseholdId, ended: &Ended) -> Result<bool, postgres::Error> {
    let update =
        "UPDATE households SET ended_with = $2, ended_at = $3, end_reason = $4 WHERE id = $1 AND ended_with IS NULL";
    end_row(conn, update, id.uuid(), ended).await
}

/// A membership's; false if it ended before.
pub async fn end_member(conn: &mut PgConnection, id: Uuid, ended: &Ended) -> Result<bool, postgres::Error> {
    let update = "UPDATE household_members SET ended_with = $2, ended_at = $3, end_reason = $4 WHERE id = $1 AND ended_with IS NULL";
    end_row(conn, update, id, ended).await
}

async fn end_row(
    conn: &mut PgConnection,
    update: &'static str,
    id: Uuid,
    ended: &Ended,
) -> Result<bool, postgres::Error> {
    let done = sqlx::query(update).bind(id).bind(ended.with).bind(ended.at).bind(&ended.reason).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

pub fn audited(entry: Entry, household: &Household) -> Entry {
    entry.row(TABLE, household.id)
}

pub fn audited_member(entry: Entry, member: &Member) -> Entry {
    entry.resident(member.resident).row(MEMBERS, member.id)
}

async fn whole(conn: &mut PgConnection, row: Option<Row>) -> Result<Option<Household>, postgres::Error> {
    let Some(row) = row else { return Ok(None) };
    let members: Vec<MemberRow> = sqlx::query_as(
        "SELECT id, resident_id, relation, from_day, recorded_at, ended_with, ended_at, end_reason FROM household_members \
         WHERE household_id = $1 ORDER BY id",
    )
    .bind(row.id)
    .fetch_all(conn)
    .await?;
    Ok(Some(Household {
        id: HouseholdId::from_uuid(row.id),
        region: column(TABLE, "region", row.id, &row.region)?,
        community: column(TABLE, "community_code", row.id, &row.community_code)?,
        registrar: row.registrar_organisation_id.map(OrganisationId::from_uuid),
        from: row.from_day,
        formed_at: row.formed_at,
        ended: ended(row.ended_with, row.ended_at, row.end_reason),
        members: members.into_iter().map(MemberRow::member).collect::<Result<_, _>>()?,
    }))
}

impl MemberRow {
    fn member(self) -> Result<Member, postgres::Error> {
        let relation = Relation::parse(&self.relation);
        Ok(Member {
            id: self.id,
            resident: ResidentId::from_uuid(self.resident_id),
            relation: relation.ok_or_else(|| postgres::Error::row_invalid(MEMBERS, "relation", self.id))?,
            from: self.from_day,
            recorded_at: self.recorded_at,
            ended: ended(self.ended_with, self.ended_at, self.end_reason),
        })
    }
}

fn ended(with: Option<NaiveDate>, at: Option<DateTime<Utc>>, reason: Option<String>) -> Option<Ended> {
    Some(Ended { with: with?, at: at?, reason: reason? })
}
