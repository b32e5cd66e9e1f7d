//! Table `session_templates`.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sqlx::{FromRow, PgConnection, types::Json};
use types::{
    caller::Party,
    ids::{DepartmentId, OrganisationId, PractitionerId, ResourceId, TemplateId},
    place::Place,
    region::RegionCode,
};
use uuid::Uuid;

use super::{
    invalid,
    terms::{SessionTermsColumns, notice_columns},
    word,
};
use crate::domain::{calendar::Template, error::SchedulingError, pool::Pool, session::PoolShare};

const TABLE: &str = "session_templates";

pub async fn insert(
    conn: &mut PgConnection,
    template: &Template,
    by: &Party,
    now: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    let (notice_minutes, notice_time) = notice_columns(template.terms.cancel_notice);
    sqlx::query(
        "INSERT INTO session_templates (id, region, organisation_id, tier, latitude, longitude, department_id, practitioner_id, \
         resource_ids, weekday, starts_at, ends_at, kinds, slot_length_minutes, pools, places, capabilities, valid_from, valid_until, \
         created_by, created_at, cancel_notice_minutes, cancel_notice_time, expected_lines) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
    )
    .bind(template.id.uuid())
    .bind(template.organisation.uuid())
    .bind(template.tier.as_str())
    .bind(template.place.latitude)
    .bind(template.place.longitude)
    .bind(template.department.map(DepartmentId::uuid))
    .bind(template.practitioner.map(PractitionerId::uuid))
    .bind(template.resources.iter().map(|id| id.uuid()).collect::<Vec<_>>())
    .bind(i16::from(template.weekday))
    .bind(template.starts_at)
    .bind(template.ends_at)
    .bind(template.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
    .bind(i32::from(template.slot_length_minutes))
    .bind(template.pools.iter().map(|share| share.pool.as_str()).collect::<Vec<_>>())
    .bind(template.pools.iter().map(|share| i32::from(share.places)).collect::<Vec<_>>())
    .bind(&template.capabilities)
    .bind(template.valid_from)
    .bind(template.valid_until)
    .bind(by.to_string())
    .bind(now)
    .bind(notice_minutes)
    .bind(notice_time)
    .bind(Json(&template.terms.expected_lines))
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    organisation_id: Uuid,
    tier: String,
    latitude: f64,
    longitude: f64,
    department_id: Option<Uuid>,
    practitioner_id: Option<Uuid>,
    resource_ids: Vec<Uuid>,
    weekday: i16,
    starts_at: NaiveTime,
    ends_at: NaiveTime,
    kinds: Vec<String>,
    slot_length_minutes: i32,
    pools: Vec<String>,
    places: Vec<i32>,
    capabilities: Vec<String>,
    #[sqlx(flatten)]
    terms: SessionTermsColumns,
    valid_from: NaiveDate,
    valid_until: Option<NaiveDate>,
}

/// Every column a [`Row`] has.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, organisation_id, tier, latitude, longitude, department_id, practitioner_id, resource_ids, weekday, starts_at, ",
            "ends_at, kinds, slot_length_minutes, pools, places, capabilities, cancel_notice_minutes, cancel_notice_time, ",
            "expected_lines AS session_lines, valid_from, valid_until FROM session_templates ",
            $rest
        )
    };
}

pub async fn find(conn: &mut PgConnection, id: TemplateId) -> Result<Template, SchedulingError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id.uuid()).fetch_optional(conn).await?;
    row.ok_or(SchedulingError::TemplateNotFound)?.template()
}

/// Those of a provider, in the order in which they were made.
pub async fn list(
    conn: &mut PgConnection,
    organisation: OrganisationId,
    after: Option<&TemplateId>,
    limit: i64,
) -> Result<Vec<Template>, SchedulingError> {
    let rows: Vec<Row> =
        sqlx::query_as(select!("WHERE organisation_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3"))
            .bind(organisation.uuid())
            .bind(after.map(|id| id.uuid()))
            .bind(limit)
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(Row::template).collect()
}

/// Those that are in force on one of these days, of one provider or of the region.
pub async fn in_force(
    conn: &mut PgConnection,
    organisation: Option<OrganisationId>,
    (first, last): (NaiveDate, NaiveDate),
) -> Result<Vec<Template>, SchedulingError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE ($1::uuid IS NULL OR organisation_id = $1) AND valid_from <= $3 AND (valid_until IS NULL OR valid_until >= $2) ORDER BY id"
    ))
    .bind(organisation.map(OrganisationId::uuid))
    .bind(first)
    .bind(last)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::template).collect()
}

/// Which sessions were made of templates already.
pub async fn made(
    conn: &mut PgConnection,
    (first, last): (NaiveDate, NaiveDate),
) -> Result<Vec<(TemplateId, NaiveDate)>, SchedulingError> {
    let rows: Vec<(Uuid, NaiveDate)> =
        sqlx::query_as("SELECT template_id, day FROM sessions WHERE template_id IS NOT NULL AND day BETWEEN $1 AND $2")
            .bind(first)
            .bind(last)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(|(id, day)| (TemplateId::from_uuid(id), day)).collect())
}

/// Where there are templates. For the worker role.
pub async fn regions(conn: &mut PgConnection) -> Result<Vec<RegionCode>, SchedulingError> {
    let regions: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT region FROM session_templates ORDER BY region").fetch_all(conn).await?;
    regions.iter().map(|region| word(TABLE, "region", Uuid::nil(), region)).collect()
}

impl Row {
    fn template(self) -> Result<Template, SchedulingError> {
        let id = self.id;
        let share = |(pool, places): (&String, &i32)| {
            Ok(PoolShare {
                pool: Pool::from_word(pool).ok_or_else(|| invalid(TABLE, "pools", id))?,
                places: u16::try_from(*places).map_err(|_| invalid(TABLE, "places", id))?,
            })
        };
        Ok(Template {
            id: TemplateId::from_uuid(id),
            organisation: OrganisationId::from_uuid(self.organisation_id),
            tier: word(TABLE, "tier", id, &self.tier)?,
            place: Place { latitude: self.latitude, longitude: self.longitude },
            department: self.department_id.map(DepartmentId::from_uuid),
            practitioner: self.practitioner_id.map(PractitionerId::from_uuid),
            resources: self.resource_ids.into_iter().map(ResourceId::from_uuid).collect(),
            weekday: u8::try_from(self.weekday).map_err(|_| invalid(TABLE, "weekday", id))?,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            kinds: self.kinds.iter().map(|kind| word(TABLE, "kinds", id, kind)).collect::<Result<_, _>>()?,
            slot_length_minutes: u16::try_from(self.slot_length_minutes)
                .map_err(|_| invalid(TABLE, "slot_length_minutes", id))?,
            pools: self.pools.iter().zip(&self.places).map(share).collect::<Result<_, SchedulingError>>()?,
            capabilities: self.capabilities,
            terms: self.terms.terms(TABLE, id)?,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        })
    }
}
