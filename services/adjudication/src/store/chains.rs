//! The inpatient stays of journeys, as a stay that goes on looks back on them, wherever they were: `settlements` in force, in the order of
//! service of their `claims` (as `domain/replay.rs` has it), of one scheme each.

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
    journey_id: Uuid,
    scheme: String,
    tier: String,
    year: i32,
    deductible: Decimal,
}

impl Row {
    fn stay(self) -> Result<(JourneyId, Scheme, ChainStay), Error> {
        let deductible = Money::from_decimal(self.deductible)
            .map_err(|_| Error::row_invalid(TABLE, "deductible", self.journey_id))?;
        let stay = ChainStay { tier: word(TABLE, "tier", self.journey_id, &self.tier)?, year: self.year, deductible };
        Ok((JourneyId::from_uuid(self.journey_id), word(TABLE, "scheme", self.journey_id, &self.scheme)?, stay))
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
        "SELECT journey_id, scheme, tier, year, deductible FROM inpatient_stays($2, $1) \
         WHERE scheme = $3 AND from_date <= $4 ORDER BY place",
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
        "SELECT journey_id, scheme, tier, year, deductible FROM inpatient_stays($1, NULL) WHERE year < $2 ORDER BY place",
    )
    .bind(resident.uuid())
    .bind(year)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::stay).collect()
}
