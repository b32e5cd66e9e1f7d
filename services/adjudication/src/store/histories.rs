//! What else was claimed for a person: `claims` with `claim_lines`, as audit rules look back on them.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::ids::{ClaimId, OrganisationId, ResidentId};
use types::money::Money;
use uuid::Uuid;

use super::word;
use crate::domain::inspection::{BilledItem, Past};

#[derive(FromRow)]
struct Row {
    id: Uuid,
    provider_organisation_id: Uuid,
    kind: String,
    from_date: NaiveDate,
    until_date: NaiveDate,
    item_code: String,
    name: String,
    quantity: Decimal,
    unit_price: Decimal,
    amount: Decimal,
    on_date: NaiveDate,
}

/// The claims of a person, by every id of theirs, that touch these days: settled, or divided and not lapsed. Not this claim.
pub async fn of_person(
    conn: &mut PgConnection,
    resident: ResidentId,
    except: ClaimId,
    days: (NaiveDate, NaiveDate),
    now: DateTime<Utc>,
) -> Result<Vec<Past>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT claim.id, claim.provider_organisation_id, claim.kind, claim.from_date, claim.until_date, line.item_code, line.name, \
         line.quantity, line.unit_price, line.amount, line.on_date \
         FROM claims claim \
         JOIN settlements settlement ON settlement.id = claim.settlement_id \
         JOIN claim_lines line ON line.claim_id = claim.id AND line.claim_version = claim.version \
         WHERE claim.resident_id = ANY ((SELECT one_person($1))::uuid[]) AND claim.id <> $2 \
         AND claim.until_date >= $3 AND claim.from_date <= $4 \
         AND (settlement.state = 'CONFIRMED' OR settlement.state = 'DIVIDED' AND settlement.lapses_at > $5) \
         ORDER BY claim.id, line.line_number",
    )
    .bind(resident.uuid())
    .bind(except.uuid())
    .bind(days.0)
    .bind(days.1)
    .bind(now)
    .fetch_all(conn)
    .await?;
    let mut claims: Vec<Past> = vec![];
    for row in rows {
        let id = ClaimId::from_uuid(row.id);
        if claims.last().is_none_or(|past| past.claim != id) {
            claims.push(Past {
                claim: id,
                provider: OrganisationId::from_uuid(row.provider_organisation_id),
                kind: word("claims", "kind", row.id, &row.kind)?,
                from: row.from_date,
                until: row.until_date,
                lines: vec![],
            });
        }
        let line = BilledItem {
            item_code: row.item_code,
            name: row.name,
            // As evidence names them.
            quantity: row.quantity.normalize(),
            unit_price: row.unit_price.normalize(),
            amount: Money::from_decimal(row.amount).map_err(|_| Error::row_invalid("claim_lines", "amount", row.id))?,
            on: row.on_date,
        };
        if let Some(past) = claims.last_mut() {
            past.lines.push(line);
        }
    }
    Ok(claims)
}
