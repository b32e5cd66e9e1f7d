//! The inpatient stays of journeys, as a stay that goes on looks back on them: `settlements` in force, in the order of service of their
//! `claims` (as `domain/replay.rs` has it), of one scheme each.

use chrono::NaiveDate;
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::ids::{JourneyId, ResidentId};
use types::money::Money;
use types::scheme::Scheme;
use uuid::Uuid;

use super::word;
use crate::domain::chain::ChainStay;

const TABLE: &str = "settlements";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    journey_id: Uuid,
    scheme: String,
    tier: String,
    year: i32,
    deductible: Decimal,
}

impl Row {
    fn stay(self) -> Result<(JourneyId, Scheme, ChainStay), Error> {
        let deductible =
            Money::from_decimal(self.deductible).map_err(|_| Error::row_invalid(TABLE, "deductible", self.id))?;
        let stay = ChainStay { tier: word(TABLE, "tier", self.id, &self.tier)?, year: self.year, deductible };
        Ok((JourneyId::from_uuid(self.journey_id), word(TABLE, "scheme", self.id, &self.scheme)?, stay))
    }
}

/// The stays of a journey under a scheme that began by a day, oldest first.
pub async fn of_journey(
    conn: &mut PgConnection,
    journey: JourneyId,
    resident: ResidentId,
    scheme: Scheme,
    by: NaiveDate,
) -> Result<Vec<ChainStay>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT settlement.id, settlement.journey_id, settlement.scheme, settlement.tier, settlement.year, settlement.deductible \
         FROM settlements settlement JOIN claims claim ON claim.id = settlement.claim_id \
         WHERE settlement.journey_id = $1 AND settlement.resident_id = ANY ((SELECT one_person($2))::uuid[]) \
             AND settlement.state = 'CONFIRMED' AND settlement.kind = 'INPATIENT' AND settlement.scheme = $3 AND claim.from_date <= $4 \
         ORDER BY claim.from_date, (SELECT min(first.confirmed_at) FROM settlements first WHERE first.claim_id = claim.id), claim.id",
    )
    .bind(journey.uuid())
    .bind(resident.uuid())
    .bind(scheme.as_str())
    .bind(by)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.stay().map(|(_, _, stay)| stay)).collect()
}

/// A person's stays of the years before this one, oldest first.
pub async fn before(
    conn: &mut PgConnection,
    resident: ResidentId,
    year: i32,
) -> Result<Vec<(JourneyId, Scheme, ChainStay)>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT settlement.id, settlement.journey_id, settlement.scheme, settlement.tier, settlement.year, settlement.deductible \
         FROM settlements settlement JOIN claims claim ON claim.id = settlement.claim_id \
         WHERE settlement.resident_id = ANY ((SELECT one_person($1))::uuid[]) \
             AND settlement.state = 'CONFIRMED' AND settlement.kind = 'INPATIENT' AND settlement.year < $2 \
         ORDER BY claim.from_date, (SELECT min(first.confirmed_at) FROM settlements first WHERE first.claim_id = claim.id), claim.id",
    )
    .bind(resident.uuid())
    .bind(year)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::stay).collect()
}
