use chrono::{DateTime, Utc};
use postgres::audit::Entry;
use postgres::vault::{Cell, Vault};
use sqlx::{FromRow, PgConnection};
use types::ids::{OrganisationId, ResidentId};
use types::national_id::NationalId;
use types::redacted::Redacted;
use uuid::Uuid;

use super::column;
use crate::domain::resident::{Resident, State};

const TABLE: &str = "residents";
const NAME: &str = "name_sealed";
const NATIONAL_ID: &str = "national_id_sealed";
const MOBILE: &str = "mobile_sealed";

/// What of it is sealed.
pub const SEALED: &[&str] = &[NAME, NATIONAL_ID, MOBILE];

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    name_sealed: Vec<u8>,
    national_id_sealed: Vec<u8>,
    mobile_sealed: Option<Vec<u8>>,
    key_version: i32,
    community: String,
    state: String,
    registrar_organisation_id: Option<Uuid>,
    registered_at: DateTime<Utc>,
}

/// False if the person, or the id, is registered already, here or in another region.
pub async fn insert(conn: &mut PgConnection, vault: &Vault, resident: &Resident) -> Result<bool, postgres::Error> {
    let keys = vault.keys(resident.region)?;
    let seal = |column, text: &str| keys.seal(cell(resident.id.uuid(), column), text);
    let mobile_sealed = resident.mobile.as_ref().map(|mobile| seal(MOBILE, mobile.expose())).transpose()?;
    let done = sqlx::query(
        "INSERT INTO residents (id, region, name_sealed, national_id_sealed, mobile_sealed, key_version, national_id_index, \
         community, state, registrar_organisation_id, registered_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
    )
    .bind(resident.id.uuid())
    .bind(resident.region.as_str())
    .bind(seal(NAME, resident.name.expose())?)
    .bind(seal(NATIONAL_ID, resident.national_id.expose())?)
    .bind(mobile_sealed)
    .bind(keys.version())
    .bind(index(vault, &resident.national_id)?)
    .bind(&resident.community)
    .bind(resident.state.as_str())
    .bind(resident.registrar.map(OrganisationId::uuid))
    .bind(resident.registered_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get(conn: &mut PgConnection, vault: &Vault, id: ResidentId) -> Result<Option<Resident>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, name_sealed, national_id_sealed, mobile_sealed, key_version, community, state, \
         registrar_organisation_id, registered_at FROM residents WHERE id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.open(vault)).transpose()
}

/// By the whole number, without opening any other row.
pub async fn find(
    conn: &mut PgConnection,
    vault: &Vault,
    national_id: &NationalId,
) -> Result<Option<Resident>, postgres::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, region, name_sealed, national_id_sealed, mobile_sealed, key_version, community, state, \
         registrar_organisation_id, registered_at FROM residents WHERE national_id_index = $1",
    )
    .bind(index(vault, national_id)?)
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.open(vault)).transpose()
}

/// Who has each of these numbers, in their order; none where nobody of the region in sight has.
pub async fn holders(
    conn: &mut PgConnection,
    vault: &Vault,
    numbers: &[&NationalId],
) -> Result<Vec<Option<ResidentId>>, postgres::Error> {
    let indexes: Vec<Vec<u8>> = numbers.iter().map(|number| index(vault, number)).collect::<Result<_, _>>()?;
    let holders: Vec<Option<Uuid>> = sqlx::query_scalar(
        "SELECT residents.id FROM unnest($1::bytea[]) WITH ORDINALITY AS wanted (number_index, place) \
         LEFT JOIN residents ON national_id_index = number_index ORDER BY place",
    )
    .bind(indexes)
    .fetch_all(conn)
    .await?;
    Ok(holders.into_iter().map(|holder| holder.map(ResidentId::from_uuid)).collect())
}

pub async fn exists(conn: &mut PgConnection, id: ResidentId) -> Result<bool, postgres::Error> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM residents WHERE id = $1)")
        .bind(id.uuid())
        .fetch_one(conn)
        .await?)
}

/// Lets one transaction at a time change what belongs to the resident; false if there is no such resident.
pub async fn lock(conn: &mut PgConnection, id: ResidentId) -> Result<bool, postgres::Error> {
    let found: Option<Uuid> = sqlx::query_scalar("SELECT id FROM residents WHERE id = $1 FOR NO KEY UPDATE")
        .bind(id.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

/// With the plain text, so that sealing it anew leaves the digest.
pub fn audited(entry: Entry, resident: &Resident) -> Entry {
    let mobile = resident.mobile.as_ref().map(|mobile| mobile.expose().as_str());
    let sealed = [
        (NAME, Some(resident.name.expose().as_str())),
        (NATIONAL_ID, Some(resident.national_id.expose())),
        (MOBILE, mobile),
    ];
    entry.resident(resident.id).sealed_row(TABLE, resident.id, sealed)
}

fn index(vault: &Vault, national_id: &NationalId) -> Result<Vec<u8>, postgres::Error> {
    vault.blind_index("residents.national_id", national_id.expose())
}

const fn cell(row: Uuid, column: &'static str) -> Cell {
    Cell { table: TABLE, column, row }
}

impl Row {
    fn open(self, vault: &Vault) -> Result<Resident, postgres::Error> {
        let region = column(TABLE, "region", self.id, &self.region)?;
        let keys = vault.keys(region)?;
        let open = |column, sealed: &[u8]| keys.open(cell(self.id, column), self.key_version, sealed);
        let invalid = |column| postgres::Error::row_invalid(TABLE, column, self.id);
        let number = open(NATIONAL_ID, &self.national_id_sealed)?;
        Ok(Resident {
            id: ResidentId::from_uuid(self.id),
            region,
            name: Redacted::new(open(NAME, &self.name_sealed)?),
            national_id: NationalId::parse(&number).map_err(|_| invalid(NATIONAL_ID))?,
            mobile: self.mobile_sealed.as_deref().map(|sealed| open(MOBILE, sealed)).transpose()?.map(Redacted::new),
            state: State::parse(&self.state).ok_or_else(|| invalid("state"))?,
            community: self.community,
            registrar: self.registrar_organisation_id.map(OrganisationId::from_uuid),
            registered_at: self.registered_at,
        })
    }
}
