//! What contract years were worth: `provider_assessments`. Every assessment stays; the last one of a provider and year counts.

use chrono::{DateTime, Utc};
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::caller::Party;
use types::ids::{OrganisationId, RuleBookId};
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::supervision::YearFigures;

/// An assessment as it is kept. The points of each criterion follow from figures and rule book, neither of which changes.
#[derive(Debug, Clone)]
pub struct Kept {
    pub id: Uuid,
    pub provider: OrganisationId,
    pub year: i32,
    pub rule_book: RuleBookId,
    pub figures: YearFigures,
    pub points: Decimal,
    pub is_passed: bool,
    pub at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    provider_organisation_id: Uuid,
    year: i32,
    rule_book_id: Uuid,
    figures: Json<YearFigures>,
    points: Decimal,
    is_passed: bool,
    assessed_at: DateTime<Utc>,
}

/// Writes an assessment.
pub async fn insert(conn: &mut PgConnection, region: RegionCode, kept: &Kept, by: &Party) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO provider_assessments (id, region, provider_organisation_id, year, rule_book_id, figures, points, is_passed, \
         assessed_by, assessed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(kept.id)
    .bind(region.as_str())
    .bind(kept.provider.uuid())
    .bind(kept.year)
    .bind(kept.rule_book.uuid())
    .bind(Json(&kept.figures))
    .bind(kept.points)
    .bind(kept.is_passed)
    .bind(by.to_string())
    .bind(kept.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The last assessment of each provider and year, or of one year alone: newest year first, then by provider, after one of them.
pub async fn latest(
    conn: &mut PgConnection,
    year: Option<i32>,
    after: Option<(i32, OrganisationId)>,
    limit: i64,
) -> Result<Vec<Kept>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT DISTINCT ON (year, provider_organisation_id) id, provider_organisation_id, year, rule_book_id, figures, points, is_passed, \
         assessed_at FROM provider_assessments \
         WHERE ($1::integer IS NULL OR year = $1) \
         AND ($2::integer IS NULL OR year < $2 OR (year = $2 AND provider_organisation_id > $3::uuid)) \
         ORDER BY year DESC, provider_organisation_id, assessed_at DESC, id DESC LIMIT $4",
    )
    .bind(year)
    .bind(after.map(|(year, _)| year))
    .bind(after.map(|(_, provider)| provider.uuid()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let kept = rows.into_iter().map(|row| Kept {
        id: row.id,
        provider: OrganisationId::from_uuid(row.provider_organisation_id),
        year: row.year,
        rule_book: RuleBookId::from_uuid(row.rule_book_id),
        figures: row.figures.0,
        points: row.points,
        is_passed: row.is_passed,
        at: row.assessed_at,
    });
    Ok(kept.collect())
}
