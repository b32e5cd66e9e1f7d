//! Many enrolments at once: the hot path of an import. Rows are copied into a staging table, which has no row security, and
//! inserted from there in one statement.

use std::collections::HashMap;

use chrono::NaiveDate;
use sqlx::PgConnection;
use types::ids::{OrganisationId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use super::enrolments;
use crate::domain::enrolment::Enrolment;

/// Lets one transaction at a time change what belongs to these residents, in one order everywhere.
pub async fn lock(conn: &mut PgConnection, residents: &[ResidentId]) -> Result<(), postgres::Error> {
    sqlx::query("SELECT id FROM residents WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE")
        .bind(ids(residents))
        .execute(conn)
        .await?;
    Ok(())
}

/// All that is believed of some residents.
pub async fn believed(
    conn: &mut PgConnection,
    residents: &[ResidentId],
) -> Result<HashMap<ResidentId, Vec<Enrolment>>, postgres::Error> {
    let mut believed: HashMap<ResidentId, Vec<Enrolment>> = HashMap::with_capacity(residents.len());
    for enrolment in enrolments::of_residents(conn, &ids(residents)).await? {
        believed.entry(enrolment.resident).or_default().push(enrolment);
    }
    Ok(believed)
}

/// Writes versions, all of one region. The caller holds the residents' locks and has decided on what is believed.
pub async fn insert(
    conn: &mut PgConnection,
    region: RegionCode,
    enrolments: &[Enrolment],
) -> Result<(), postgres::Error> {
    if enrolments.is_empty() {
        return Ok(());
    }
    // Keeps another import out until this transaction ends.
    sqlx::query("TRUNCATE enrolment_staging").execute(&mut *conn).await?;
    let mut copy = conn
        .copy_in_raw(
            "COPY enrolment_staging (id, enrolment_id, version, resident_id, scheme, insured_region, layer, pays_in_order, \
             payer_organisation_id, in_force_from, in_force_until, retired_from, joined_on, waiting_waived_for, student, \
             correction_reason, recorder_organisation_id, recorded_at, superseded_at) \
             FROM STDIN (FORMAT csv, FORCE_NULL (payer_organisation_id, in_force_until, retired_from, joined_on, \
             recorder_organisation_id, superseded_at))",
        )
        .await?;
    copy.send(csv(enrolments)?).await?;
    copy.finish().await?;
    sqlx::query(
        "INSERT INTO enrolments (id, enrolment_id, version, region, resident_id, scheme, insured_region, layer, pays_in_order, \
         payer_organisation_id, in_force_from, in_force_until, retired_from, joined_on, waiting_waived_for, student, \
         correction_reason, recorder_organisation_id, recorded_at, superseded_at) \
         SELECT id, enrolment_id, version, $1, resident_id, scheme, insured_region, layer, pays_in_order, \
         payer_organisation_id, in_force_from, in_force_until, retired_from, joined_on, waiting_waived_for, student, \
         correction_reason, recorder_organisation_id, recorded_at, superseded_at FROM enrolment_staging",
    )
    .bind(region.as_str())
    .execute(&mut *conn)
    .await?;
    sqlx::query("TRUNCATE enrolment_staging").execute(conn).await?;
    Ok(())
}

/// Ends the time in which versions are believed, each at its own moment.
pub async fn supersede(conn: &mut PgConnection, closed: &[Enrolment]) -> Result<(), postgres::Error> {
    if closed.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE enrolments SET superseded_at = closed.at FROM unnest($1::uuid[], $2::timestamptz[]) AS closed (id, at) \
         WHERE enrolments.id = closed.id AND superseded_at IS NULL",
    )
    .bind(closed.iter().map(|row| row.row).collect::<Vec<_>>())
    .bind(closed.iter().map(|row| row.superseded_at).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

fn ids(residents: &[ResidentId]) -> Vec<Uuid> {
    residents.iter().map(|id| id.uuid()).collect()
}

/// Quoted throughout: where null is possible, `FORCE_NULL` reads the empty text as null.
fn csv(enrolments: &[Enrolment]) -> Result<Vec<u8>, postgres::Error> {
    let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(vec![]);
    let impossible = |row: &Enrolment| postgres::Error::row_invalid("enrolment_staging", "csv", row.row);
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let organisation = |id: Option<OrganisationId>| id.map(|id| id.to_string()).unwrap_or_default();
    for row in enrolments {
        let terms = &row.terms;
        let fields: [&str; 19] = [
            &row.row.to_string(),
            &row.id.to_string(),
            &row.version.to_string(),
            &row.resident.to_string(),
            terms.scheme.as_str(),
            terms.insured_region.as_str(),
            terms.layer.as_str(),
            &terms.order.to_string(),
            &organisation(terms.payer),
            &terms.from.to_string(),
            &day(terms.until),
            &day(terms.retired_from),
            &day(terms.joined_on),
            &terms.waiting_waived_for,
            if terms.student { "true" } else { "false" },
            &row.correction_reason,
            &organisation(row.recorder),
            &row.recorded_at.to_rfc3339(),
            &row.superseded_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
        ];
        writer.write_record(fields).map_err(|_| impossible(row))?;
    }
    let last = enrolments.last();
    writer
        .into_inner()
        .map_err(|_| last.map_or_else(|| postgres::Error::row_invalid("enrolment_staging", "csv", ""), impossible))
}
