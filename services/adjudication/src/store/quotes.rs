//! `quotes`: written once, never changed.

use chrono::{DateTime, NaiveDate, Utc};
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::ids::{AppointmentId, JourneyId, OrganisationId, PolicyId, QuoteId, ReferralId, ResidentId};
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use super::word;
use crate::domain::input::Input;
use crate::domain::quote::{Price, Quote};

const TABLE: &str = "quotes";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    resident_id: Uuid,
    provider_organisation_id: Uuid,
    kind: String,
    on_date: NaiveDate,
    total: Decimal,
    basis: Json<Input>,
    price: Json<Price>,
    referral_id: Option<Uuid>,
    appointment_id: Option<Uuid>,
    journey_id: Option<Uuid>,
    quoted_at: DateTime<Utc>,
}

impl Row {
    fn quote(self) -> Result<Quote, Error> {
        Ok(Quote {
            id: QuoteId::from_uuid(self.id),
            resident: ResidentId::from_uuid(self.resident_id),
            provider: OrganisationId::from_uuid(self.provider_organisation_id),
            kind: word(TABLE, "kind", self.id, &self.kind)?,
            on: self.on_date,
            total: Money::from_decimal(self.total).map_err(|_| Error::row_invalid(TABLE, "total", self.id))?,
            basis: self.basis.0,
            price: self.price.0,
            referral: self.referral_id.map(ReferralId::from_uuid),
            appointment: self.appointment_id.map(AppointmentId::from_uuid),
            journey: self.journey_id.map(JourneyId::from_uuid),
            quoted_at: self.quoted_at,
        })
    }
}

pub async fn insert(conn: &mut PgConnection, region: RegionCode, quote: &Quote) -> Result<(), Error> {
    let policy = quote.price.policy();
    sqlx::query(
        "INSERT INTO quotes (id, region, resident_id, provider_organisation_id, kind, on_date, outcome, total, own_share, basis, \
         price, policy_id, policy_digest, referral_id, appointment_id, journey_id, quoted_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(quote.id.uuid())
    .bind(region.as_str())
    .bind(quote.resident.uuid())
    .bind(quote.provider.uuid())
    .bind(quote.kind.as_str())
    .bind(quote.on)
    .bind(quote.price.outcome())
    .bind(quote.total.decimal())
    // Also of cover alone, where it is no price: the table wants it with every outcome but NO_POLICY.
    .bind(quote.price.own_share().map(Money::decimal))
    .bind(Json(&quote.basis))
    .bind(Json(&quote.price))
    .bind(policy.map(|(id, _): (PolicyId, _)| id.uuid()))
    .bind(policy.map(|(_, digest)| digest))
    .bind(quote.referral.map(ReferralId::uuid))
    .bind(quote.appointment.map(AppointmentId::uuid))
    .bind(quote.journey.map(JourneyId::uuid))
    .bind(quote.quoted_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, id: QuoteId) -> Result<Option<Quote>, Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, resident_id, provider_organisation_id, kind, on_date, total, basis, price, referral_id, appointment_id, \
         journey_id, quoted_at FROM quotes WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::quote).transpose()
}
