//! What other regions know of a person whom this one cares for, too, as far as their years depend on it: never who gave the care, or for what.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::Error;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::ids::{ClaimId, JourneyId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use super::word;
use crate::domain::replay::{Counted, Moved, Turn};
use crate::domain::settlement::Account;

const TABLE: &str = "settlements";

#[derive(FromRow)]
struct Row {
    claim_id: Uuid,
    resident_id: Uuid,
    from_date: NaiveDate,
    first_confirmed_at: DateTime<Utc>,
    year: i32,
    scheme: String,
    kind: String,
    tier: String,
    journey_id: Uuid,
    moved: Json<Moved>,
}

impl Row {
    fn counted(self) -> Result<(Turn, Counted), Error> {
        let claim = ClaimId::from_uuid(self.claim_id);
        let turn = Turn { on: self.from_date, first_confirmed_at: self.first_confirmed_at, claim };
        let account = Account {
            resident: ResidentId::from_uuid(self.resident_id),
            year: self.year,
            scheme: word(TABLE, "scheme", claim, &self.scheme)?,
            kind: word(TABLE, "kind", claim, &self.kind)?,
        };
        let tier = word(TABLE, "tier", claim, &self.tier)?;
        let journey = JourneyId::from_uuid(self.journey_id);
        Ok((turn, Counted { account, journey, tier, moved: self.moved.0 }))
    }
}

/// What settlements in force there moved of a person's years from one on, in the order of service.
pub async fn settled(
    conn: &mut PgConnection,
    resident: ResidentId,
    from_year: i32,
) -> Result<Vec<(Turn, Counted)>, Error> {
    let rows: Vec<Row> = sqlx::query_as("SELECT * FROM settled_elsewhere($1, $2)")
        .bind(resident.uuid())
        .bind(from_year)
        .fetch_all(conn)
        .await?;
    let mut settled = rows.into_iter().map(Row::counted).collect::<Result<Vec<_>, _>>()?;
    settled.sort_by_key(|(turn, _)| *turn);
    Ok(settled)
}

/// The regions, this one among them, with claims of a person that are settled, or may yet be, for care that lasted until a day or longer; and
/// an id of theirs there.
pub async fn regions_of_care(
    conn: &mut PgConnection,
    resident: ResidentId,
    since: NaiveDate,
) -> Result<Vec<(RegionCode, ResidentId)>, Error> {
    let rows: Vec<(String, Uuid)> = sqlx::query_as("SELECT region, resident_id FROM regions_of_care($1, $2)")
        .bind(resident.uuid())
        .bind(since)
        .fetch_all(conn)
        .await?;
    rows.into_iter()
        .map(|(region, resident)| Ok((word("claims", "region", resident, &region)?, ResidentId::from_uuid(resident))))
        .collect()
}
