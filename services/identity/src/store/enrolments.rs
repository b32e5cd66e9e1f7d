use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{EnrolmentId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::enrolment::{Enrolment, Layer};

const TABLE: &str = "enrolments";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    resident_id: Uuid,
    scheme: String,
    insured_region: String,
    layer: String,
    payer_organisation_id: Option<Uuid>,
    in_force_from: NaiveDate,
    in_force_until: Option<NaiveDate>,
    retired: bool,
    recorder_organisation_id: Option<Uuid>,
    recorded_at: DateTime<Utc>,
}

/// False if there is one with this id. The caller holds the resident's lock and has asked [`overlaps`].
pub async fn insert(conn: &mut PgConnection, enrolment: &Enrolment) -> Result<bool, postgres::Error> {
    let done = sqlx::query(
        "INSERT INTO enrolments (id, region, resident_id, scheme, insured_region, layer, payer_organisation_id, \
         in_force_from, in_force_until, retired, recorder_organisation_id, recorded_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
    )
    .bind(enrolment.id.uuid())
    .bind(enrolment.region.as_str())
    .bind(enrolment.resident.uuid())
    .bind(enrolment.scheme.as_str())
    .bind(enrolment.insured_region.as_str())
    .bind(enrolment.layer.as_str())
    .bind(enrolment.payer.map(OrganisationId::uuid))
    .bind(enrolment.from)
    .bind(enrolment.until)
    .bind(enrolment.retired)
    .bind(enrolment.recorder.map(OrganisationId::uuid))
    .bind(enrolment.recorded_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the resident is enrolled in the layer on some day of it.
pub async fn overlaps(conn: &mut PgConnection, enrolment: &Enrolment) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM enrolments WHERE resident_id = $1 AND layer = $2 \
         AND daterange(in_force_from, in_force_until, '[]') && daterange($3, $4, '[]'))",
    )
    .bind(enrolment.resident.uuid())
    .bind(enrolment.layer.as_str())
    .bind(enrolment.from)
    .bind(enrolment.until)
    .fetch_one(conn)
    .await?)
}

pub async fn get(conn: &mut PgConnection, id: EnrolmentId) -> Result<Option<Enrolment>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, scheme, insured_region, layer, payer_organisation_id, in_force_from, \
         in_force_until, retired, recorder_organisation_id, recorded_at FROM enrolments WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::enrolment).transpose()
}

/// All in force on a day, in the order in which the layers pay.
pub async fn in_force(
    conn: &mut PgConnection,
    resident: ResidentId,
    on: NaiveDate,
) -> Result<Vec<Enrolment>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, resident_id, scheme, insured_region, layer, payer_organisation_id, in_force_from, \
         in_force_until, retired, recorder_organisation_id, recorded_at FROM enrolments \
         WHERE resident_id = $1 AND in_force_from <= $2 AND (in_force_until IS NULL OR in_force_until >= $2)",
    )
    .bind(resident.uuid())
    .bind(on)
    .fetch_all(conn)
    .await?;
    let mut enrolments = rows.into_iter().map(Row::enrolment).collect::<Result<Vec<_>, _>>()?;
    enrolments.sort_by_key(|enrolment| enrolment.layer);
    Ok(enrolments)
}

pub fn audited(entry: Entry, enrolment: &Enrolment) -> Entry {
    entry.resident(enrolment.resident).row(TABLE, enrolment.id)
}

impl Row {
    fn enrolment(self) -> Result<Enrolment, postgres::Error> {
        let layer = Layer::parse(&self.layer);
        Ok(Enrolment {
            id: EnrolmentId::from_uuid(self.id),
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            scheme: column(TABLE, "scheme", self.id, &self.scheme)?,
            insured_region: column(TABLE, "insured_region", self.id, &self.insured_region)?,
            layer: layer.ok_or_else(|| postgres::Error::row_invalid(TABLE, "layer", self.id))?,
            payer: self.payer_organisation_id.map(OrganisationId::from_uuid),
            from: self.in_force_from,
            until: self.in_force_until,
            retired: self.retired,
            recorder: self.recorder_organisation_id.map(OrganisationId::from_uuid),
            recorded_at: self.recorded_at,
        })
    }
}
