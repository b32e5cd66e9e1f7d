use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::Entry;
use sqlx::{FromRow, PgConnection};
use types::ids::{EnrolmentId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::column;
use crate::domain::enrolment::{Believed, Enrolment, Layer, PageKey, Terms};

const TABLE: &str = "enrolments";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    enrolment_id: Uuid,
    version: i32,
    region: String,
    resident_id: Uuid,
    scheme: String,
    insured_region: String,
    layer: String,
    pays_in_order: i16,
    payer_organisation_id: Option<Uuid>,
    in_force_from: NaiveDate,
    in_force_until: Option<NaiveDate>,
    retired_from: Option<NaiveDate>,
    joined_on: Option<NaiveDate>,
    waiting_waived_for: String,
    student: bool,
    correction_reason: String,
    recorder_organisation_id: Option<Uuid>,
    recorded_at: DateTime<Utc>,
    superseded_at: Option<DateTime<Utc>>,
}

/// `SELECT` of whole rows with what follows; static text, as every statement is.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, enrolment_id, version, region, resident_id, scheme, insured_region, layer, pays_in_order, ",
            "payer_organisation_id, in_force_from, in_force_until, retired_from, joined_on, waiting_waived_for, student, ",
            "correction_reason, recorder_organisation_id, recorded_at, superseded_at FROM enrolments ",
            $rest
        )
    };
}

/// False if there is one with this id. The caller holds the resident's lock and has asked [`overlaps`].
pub async fn insert(conn: &mut PgConnection, enrolment: &Enrolment) -> Result<bool, postgres::Error> {
    let terms = &enrolment.terms;
    let done = sqlx::query(
        "INSERT INTO enrolments (id, enrolment_id, version, region, resident_id, scheme, insured_region, layer, pays_in_order, \
         payer_organisation_id, in_force_from, in_force_until, retired_from, joined_on, waiting_waived_for, \
         student, correction_reason, recorder_organisation_id, recorded_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) ON CONFLICT DO NOTHING",
    )
    .bind(enrolment.row)
    .bind(enrolment.id.uuid())
    .bind(enrolment.version)
    .bind(enrolment.region.as_str())
    .bind(enrolment.resident.uuid())
    .bind(terms.scheme.as_str())
    .bind(terms.insured_region.as_str())
    .bind(terms.layer.as_str())
    .bind(terms.order)
    .bind(terms.payer.map(OrganisationId::uuid))
    .bind(terms.from)
    .bind(terms.until)
    .bind(terms.retired_from)
    .bind(terms.joined_on)
    .bind(&terms.waiting_waived_for)
    .bind(terms.student)
    .bind(&enrolment.correction_reason)
    .bind(enrolment.recorder.map(OrganisationId::uuid))
    .bind(enrolment.recorded_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends the time in which a version is believed. False if that was done before.
pub async fn supersede(conn: &mut PgConnection, row: Uuid, at: DateTime<Utc>) -> Result<bool, postgres::Error> {
    let done = sqlx::query("UPDATE enrolments SET superseded_at = $2 WHERE id = $1 AND superseded_at IS NULL")
        .bind(row)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether another enrolment of the resident, as believed now, has a day of this one in its layer and order.
pub async fn overlaps(conn: &mut PgConnection, enrolment: &Enrolment) -> Result<bool, postgres::Error> {
    let others = of_resident(conn, enrolment.resident, None).await?;
    Ok(others.iter().any(|other| other.id != enrolment.id && other.terms.overlaps(&enrolment.terms)))
}

/// As it is believed now, or was at a time.
pub async fn get(
    conn: &mut PgConnection,
    id: EnrolmentId,
    known_at: Option<DateTime<Utc>>,
) -> Result<Option<Enrolment>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(select!(
        "WHERE enrolment_id = $1 AND CASE WHEN $2::timestamptz IS NULL THEN superseded_at IS NULL \
         ELSE recorded_at <= $2 AND (superseded_at IS NULL OR superseded_at > $2) END"
    ))
    .bind(id.uuid())
    .bind(known_at)
    .fetch_optional(conn)
    .await?;
    row.map(Row::enrolment).transpose()
}

/// All of a resident as they are believed now, or were at a time, by first day, layer and order.
pub async fn of_resident(
    conn: &mut PgConnection,
    resident: ResidentId,
    known_at: Option<DateTime<Utc>>,
) -> Result<Vec<Enrolment>, postgres::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) AND CASE WHEN $2::timestamptz IS NULL THEN superseded_at IS NULL \
         ELSE recorded_at <= $2 AND (superseded_at IS NULL OR superseded_at > $2) END"
    ))
    .bind(resident.uuid())
    .bind(known_at)
    .fetch_all(conn)
    .await?;
    let mut enrolments = rows.into_iter().map(Row::enrolment).collect::<Result<Vec<_>, _>>()?;
    enrolments.sort_by_key(|enrolment| (enrolment.terms.layer, enrolment.terms.order, enrolment.terms.from));
    Ok(enrolments)
}

pub async fn list(
    conn: &mut PgConnection,
    resident: ResidentId,
    believed: Believed,
    after: Option<&PageKey>,
    limit: i64,
) -> Result<Vec<Enrolment>, postgres::Error> {
    let known_at = match believed {
        Believed::At(known_at) => Some(known_at),
        Believed::Now | Believed::Ever => None,
    };
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE resident_id = ANY ((SELECT one_person($1))::uuid[]) \
         AND ($2 OR CASE WHEN $3::timestamptz IS NULL THEN superseded_at IS NULL \
             ELSE recorded_at <= $3 AND (superseded_at IS NULL OR superseded_at > $3) END) \
         AND ($4::date IS NULL OR (in_force_from, enrolment_id, version) > ($4, $5, $6)) \
         ORDER BY in_force_from, enrolment_id, version LIMIT $7"
    ))
    .bind(resident.uuid())
    .bind(believed == Believed::Ever)
    .bind(known_at)
    .bind(after.map(|(from, _, _)| *from))
    .bind(after.map(|(_, id, _)| *id))
    .bind(after.map(|(_, _, version)| *version))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::enrolment).collect()
}

/// All that is believed of some residents, each under the id that was asked for: one id a person.
pub(super) async fn of_residents(
    conn: &mut PgConnection,
    residents: &[Uuid],
) -> Result<Vec<Enrolment>, postgres::Error> {
    let same: Vec<(Uuid, Uuid)> =
        sqlx::query_as("SELECT own, asked FROM same_persons($1)").bind(residents).fetch_all(&mut *conn).await?;
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE resident_id = ANY ($1) AND superseded_at IS NULL"))
        .bind(same.iter().map(|(own, _)| *own).collect::<Vec<_>>())
        // Planned for as many as there are now: an import asks the same of a growing table.
        .persistent(false)
        .fetch_all(conn)
        .await?;
    let asked: HashMap<Uuid, Uuid> = same.into_iter().collect();
    let of = |row: Row| Row { resident_id: asked.get(&row.resident_id).copied().unwrap_or(row.resident_id), ..row };
    rows.into_iter().map(|row| of(row).enrolment()).collect()
}

/// One of the many rows of a batch, which concerns many residents.
pub fn listed(entry: Entry, enrolment: &Enrolment) -> Entry {
    entry.row(TABLE, enrolment.row)
}

pub fn audited(entry: Entry, enrolment: &Enrolment) -> Entry {
    entry.resident(enrolment.resident).row(TABLE, enrolment.row)
}

impl Row {
    fn enrolment(self) -> Result<Enrolment, postgres::Error> {
        let layer = Layer::parse(&self.layer);
        Ok(Enrolment {
            id: EnrolmentId::from_uuid(self.enrolment_id),
            row: self.id,
            version: self.version,
            region: column(TABLE, "region", self.id, &self.region)?,
            resident: ResidentId::from_uuid(self.resident_id),
            terms: Terms {
                scheme: column(TABLE, "scheme", self.id, &self.scheme)?,
                insured_region: column(TABLE, "insured_region", self.id, &self.insured_region)?,
                layer: layer.ok_or_else(|| postgres::Error::row_invalid(TABLE, "layer", self.id))?,
                order: self.pays_in_order,
                payer: self.payer_organisation_id.map(OrganisationId::from_uuid),
                from: self.in_force_from,
                until: self.in_force_until,
                retired_from: self.retired_from,
                joined_on: self.joined_on,
                waiting_waived_for: self.waiting_waived_for,
                student: self.student,
            },
            correction_reason: self.correction_reason,
            recorder: self.recorder_organisation_id.map(OrganisationId::from_uuid),
            recorded_at: self.recorded_at,
            superseded_at: self.superseded_at,
        })
    }
}
