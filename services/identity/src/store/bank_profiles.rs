use ipnet::IpNet;
use postgres::audit::Entry;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use types::ids::OrganisationId;
use uuid::Uuid;

use super::column;
use crate::domain::bank_profile::{BankKey, BankProfile};

const TABLE: &str = "bank_profiles";

#[derive(FromRow)]
struct Row {
    organisation_id: Uuid,
    region: String,
    networks: Vec<String>,
    keys: Json<Vec<BankKey>>,
    revision: i32,
}

/// The first, or in the place of the revision before it. The caller holds the organisation's lock.
pub async fn set(conn: &mut PgConnection, profile: &BankProfile) -> Result<(), postgres::Error> {
    sqlx::query(
        "INSERT INTO bank_profiles (organisation_id, region, networks, keys, revision) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (organisation_id) DO UPDATE SET networks = $3, keys = $4, revision = $5",
    )
    .bind(profile.organisation.uuid())
    .bind(profile.region.as_str())
    .bind(profile.networks.iter().map(IpNet::to_string).collect::<Vec<_>>())
    .bind(Json(&profile.keys))
    .bind(profile.revision)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn get(conn: &mut PgConnection, bank: OrganisationId) -> Result<Option<BankProfile>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT organisation_id, region, networks, keys, revision FROM bank_profiles WHERE organisation_id = $1",
    )
    .bind(bank.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(Row::profile).transpose()
}

pub fn audited(entry: Entry, profile: &BankProfile) -> Entry {
    entry.row(TABLE, profile.organisation)
}

impl Row {
    fn profile(self) -> Result<BankProfile, postgres::Error> {
        let id = self.organisation_id;
        let networks = self.networks.iter().map(|network| column(TABLE, "networks", id, network));
        Ok(BankProfile {
            organisation: OrganisationId::from_uuid(id),
            region: column(TABLE, "region", id, &self.region)?,
            networks: networks.collect::<Result<_, _>>()?,
            keys: self.keys.0,
            revision: self.revision,
        })
    }
}
