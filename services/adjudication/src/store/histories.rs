//! What else was claimed for a person: `claims` with `claim_lines`, as far as audit rules look back on them.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::ids::{ClaimId, OrganisationId};
use types::money::Money;
use uuid::Uuid;

use super::word;
use crate::domain::claim::Claim;
use crate::domain::inspection::{BilledItem, Lookback, Past};

/// A claim, with a line of it if one is looked at.
#[derive(FromRow)]
struct Row {
    id: Uuid,
    provider_organisation_id: Uuid,
    kind: String,
    from_date: NaiveDate,
    until_date: NaiveDate,
    item_code: Option<String>,
    name: Option<String>,
    quantity: Option<Decimal>,
    unit_price: Option<Decimal>,
    amount: Option<Decimal>,
    on_date: Option<NaiveDate>,
}

impl Row {
    fn line(self) -> Result<Option<BilledItem>, Error> {
        let (Some(item_code), Some(name), Some(quantity), Some(unit_price), Some(amount), Some(on)) =
            (self.item_code, self.name, self.quantity, self.unit_price, self.amount, self.on_date)
        else {
            return Ok(None);
        };
        let amount = Money::from_decimal(amount).map_err(|_| Error::row_invalid("claim_lines", "amount", self.id))?;
        // As evidence names them.
        let (quantity, unit_price) = (quantity.normalize(), unit_price.normalize());
        Ok(Some(BilledItem { item_code, name, quantity, unit_price, amount, on }))
    }
}

/// The other claims of the claim's person, by every id of theirs, that reach as far back and no further on than the claim itself: settled, or
/// divided and not lapsed.
pub async fn beside(
    conn: &mut PgConnection,
    claim: &Claim,
    lookback: &Lookback,
    now: DateTime<Utc>,
) -> Result<Vec<Past>, Error> {
    let same = claim.lines.iter().filter(|_| lookback.same_items);
    let (codes, days): (Vec<&str>, Vec<NaiveDate>) = same.map(|line| (line.item_code.as_str(), line.on)).unzip();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT claim.id, claim.provider_organisation_id, claim.kind, claim.from_date, claim.until_date, line.item_code, line.name, \
         line.quantity, line.unit_price, line.amount, line.on_date \
         FROM claims claim \
         JOIN settlements settlement ON settlement.id = claim.settlement_id \
         LEFT JOIN claim_lines line ON line.claim_id = claim.id AND line.claim_version = claim.version \
             AND (line.on_date >= $6 OR line.item_code = ANY ($7) AND line.on_date = ANY ($8)) \
         WHERE claim.resident_id = ANY ((SELECT one_person($1))::uuid[]) AND claim.id <> $2 \
         AND claim.until_date >= $3 AND claim.from_date <= $4 \
         AND (settlement.state = 'CONFIRMED' OR settlement.state = 'DIVIDED' AND settlement.lapses_at > $5) \
         ORDER BY claim.id, line.line_number",
    )
    .bind(claim.resident.uuid())
    .bind(claim.id.uuid())
    .bind(lookback.claims_from)
    .bind(claim.until)
    .bind(now)
    .bind(lookback.lines_from)
    .bind(codes)
    .bind(days)
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
        if let (Some(past), Some(line)) = (claims.last_mut(), row.line()?) {
            past.lines.push(line);
        }
    }
    Ok(claims)
}
