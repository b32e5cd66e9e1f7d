//! `referrals`: who sent whom where, as the referral service tells of it.

use chrono::{DateTime, Utc};
use postgres::Error;
use sqlx::{FromRow, PgConnection};
use types::clock::local_date;
use types::ids::{OrganisationId, ReferralId, ResidentId};
use types::region::RegionCode;
use uuid::Uuid;

use crate::domain::referral::{Cited, Referral};

/// A referral that was made.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub id: ReferralId,
    pub resident: ResidentId,
    pub referrer: OrganisationId,
    pub target: OrganisationId,
    pub at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    referrer_organisation_id: Uuid,
    target_organisation_id: Uuid,
    referred_at: DateTime<Utc>,
    is_own: bool,
}

/// Writes one down. What was told before stands.
pub async fn put(conn: &mut PgConnection, region: RegionCode, made: &Made) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO referrals (referral_id, region, resident_id, referrer_organisation_id, target_organisation_id, referred_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(made.id.uuid())
    .bind(region.as_str())
    .bind(made.resident.uuid())
    .bind(made.referrer.uuid())
    .bind(made.target.uuid())
    .bind(made.at)
    .execute(conn)
    .await?;
    Ok(())
}

/// What is known of the referral that a person's visit cites.
pub async fn cited(conn: &mut PgConnection, id: Option<ReferralId>, resident: ResidentId) -> Result<Cited, Error> {
    let Some(id) = id else { return Ok(Cited::Nothing) };
    let row: Option<Row> = sqlx::query_as(
        "SELECT referrer_organisation_id, target_organisation_id, referred_at, \
         resident_id = ANY ((SELECT one_person($2))::uuid[]) AS is_own FROM referrals WHERE referral_id = $1",
    )
    .bind(id.uuid())
    .bind(resident.uuid())
    .fetch_optional(conn)
    .await?;
    Ok(match row {
        None => Cited::Unheard,
        Some(row) if !row.is_own => Cited::OfAnother,
        Some(row) => Cited::OfThePerson(Referral {
            referrer: OrganisationId::from_uuid(row.referrer_organisation_id),
            target: OrganisationId::from_uuid(row.target_organisation_id),
            on: local_date(row.referred_at),
        }),
    })
}
