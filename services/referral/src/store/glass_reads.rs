//! Which referrals were read under which opening in an emergency.

use postgres::{
    Error,
    audit::{self, Entry},
};
use sqlx::PgConnection;
use types::{
    ids::{BreakGlassId, ReferralId},
    region::RegionCode,
};

const TABLE: &str = "glass_reads";

/// The first look counts; every look is in the audit.
pub async fn insert(
    conn: &mut PgConnection,
    region: RegionCode,
    glass: BreakGlassId,
    referral: ReferralId,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO glass_reads (break_glass_id, referral_id, region) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(glass.uuid())
    .bind(referral.uuid())
    .bind(region.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

pub fn audited(entry: Entry, glass: BreakGlassId, referral: ReferralId) -> Entry {
    entry.row(TABLE, audit::id(&[&glass, &referral]))
}
