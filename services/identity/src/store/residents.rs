use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use postgres::aliases;
use postgres::audit::Entry;
use postgres::vault::{Cell, Vault};
use sqlx::{FromRow, PgConnection};
use types::ids::{OrganisationId, ResidentId};
use types::redacted::Redacted;
use uuid::Uuid;

use super::column;
use crate::domain::resident::{Neighbourhood, Provisional, Resident};

const TABLE: &str = "residents";
const NAME: &str = "name_sealed";
const BIRTH_DATE: &str = "birth_date_sealed";
const SEX: &str = "sex_sealed";
const MOBILE: &str = "mobile_sealed";
const ADDRESS: &str = "address_sealed";
const NAME_BIRTH_INDEX: &str = "residents.name_birth";
const BIRTH_YEAR_INDEX: &str = "residents.birth_year";
const MOBILE_INDEX: &str = "residents.mobile";

/// What of it is sealed.
pub const SEALED: &[&str] = &[NAME, BIRTH_DATE, SEX, MOBILE, ADDRESS];

#[derive(FromRow)]
struct Row {
    id: Uuid,
    region: String,
    revision: i32,
    name_sealed: Vec<u8>,
    birth_date_sealed: Vec<u8>,
    sex_sealed: Vec<u8>,
    mobile_sealed: Option<Vec<u8>>,
    address_sealed: Option<Vec<u8>>,
    key_version: i32,
    language: Option<String>,
    community: String,
    community_code: Option<String>,
    grid_cell: Option<String>,
    provisional: Option<String>,
    mother_resident_id: Option<Uuid>,
    registrar_organisation_id: Option<Uuid>,
    registered_at: DateTime<Utc>,
}

/// The columns that seal or index what a resident says.
struct Sealed {
    name: Vec<u8>,
    birth_date: Vec<u8>,
    sex: Vec<u8>,
    mobile: Option<Vec<u8>>,
    address: Option<Vec<u8>>,
    name_birth_index: Vec<u8>,
    birth_year_index: Vec<u8>,
    mobile_index: Option<Vec<u8>>,
    key_version: i32,
}

impl Sealed {
    fn of(vault: &Vault, resident: &Resident) -> Result<Self, postgres::Error> {
        let keys = vault.keys(resident.region)?;
        let seal = |column, text: &str| keys.seal(cell(resident.id.uuid(), column), text);
        let seal_optional =
            |column, text: Option<&Redacted<String>>| text.map(|text| seal(column, text.expose())).transpose();
        Ok(Self {
            name: seal(NAME, resident.name.expose())?,
            birth_date: seal(BIRTH_DATE, &resident.birth_date.expose().to_string())?,
            sex: seal(SEX, resident.sex.expose().as_str())?,
            mobile: seal_optional(MOBILE, resident.mobile.as_ref())?,
            address: seal_optional(ADDRESS, resident.address.as_ref())?,
            name_birth_index: vault.blind_index(NAME_BIRTH_INDEX, &resident.name_and_birth_date())?,
            birth_year_index: vault.blind_index(BIRTH_YEAR_INDEX, &resident.birth_date.expose().year().to_string())?,
            mobile_index: match &resident.mobile {
                Some(mobile) => Some(vault.blind_index(MOBILE_INDEX, mobile.expose())?),
                None => None,
            },
            key_version: keys.version(),
        })
    }
}

/// False if the id is registered already, here or in another region.
pub async fn insert(conn: &mut PgConnection, vault: &Vault, resident: &Resident) -> Result<bool, postgres::Error> {
    let sealed = Sealed::of(vault, resident)?;
    let done = sqlx::query(
        "INSERT INTO residents (id, region, revision, name_sealed, birth_date_sealed, sex_sealed, mobile_sealed, \
         address_sealed, key_version, name_birth_index, mobile_index, language, community, state, provisional, \
         mother_resident_id, registrar_organisation_id, registered_at, birth_year_index, community_code, grid_cell) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT DO NOTHING",
    )
    .bind(resident.id.uuid())
    .bind(resident.region.as_str())
    .bind(resident.revision)
    .bind(sealed.name)
    .bind(sealed.birth_date)
    .bind(sealed.sex)
    .bind(sealed.mobile)
    .bind(sealed.address)
    .bind(sealed.key_version)
    .bind(sealed.name_birth_index)
    .bind(sealed.mobile_index)
    .bind(&resident.language)
    .bind(&resident.community)
    .bind(state(resident))
    .bind(resident.provisional.map(Provisional::as_str))
    .bind(resident.mother.map(ResidentId::uuid))
    .bind(resident.registrar.map(OrganisationId::uuid))
    .bind(resident.registered_at)
    .bind(sealed.birth_year_index)
    .bind(community_code(resident))
    .bind(grid_cell(resident))
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what can change. False if the row is not at the revision before.
pub async fn update(conn: &mut PgConnection, vault: &Vault, resident: &Resident) -> Result<bool, postgres::Error> {
    let sealed = Sealed::of(vault, resident)?;
    let done = sqlx::query(
        "UPDATE residents SET revision = $2, name_sealed = $3, birth_date_sealed = $4, sex_sealed = $5, mobile_sealed = $6, \
         address_sealed = $7, key_version = $8, name_birth_index = $9, mobile_index = $10, language = $11, community = $12, \
         state = $13, provisional = $14, birth_year_index = $15, community_code = $16, grid_cell = $17 WHERE id = $1 AND revision = $2 - 1",
    )
    .bind(resident.id.uuid())
    .bind(resident.revision)
    .bind(sealed.name)
    .bind(sealed.birth_date)
    .bind(sealed.sex)
    .bind(sealed.mobile)
    .bind(sealed.address)
    .bind(sealed.key_version)
    .bind(sealed.name_birth_index)
    .bind(sealed.mobile_index)
    .bind(&resident.language)
    .bind(&resident.community)
    .bind(state(resident))
    .bind(resident.provisional.map(Provisional::as_str))
    .bind(sealed.birth_year_index)
    .bind(community_code(resident))
    .bind(grid_cell(resident))
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// By any id of theirs: the record of the one that survived. Refused if the resident was erased, as are [`exists`] and [`lock`]: every
/// id of an erased person is.
pub async fn get(conn: &mut PgConnection, vault: &Vault, id: ResidentId) -> Result<Option<Resident>, postgres::Error> {
    let id = aliases::survivor(conn, id).await?;
    if exists(conn, id).await? { Ok(get_many(conn, vault, &[id]).await?.pop()) } else { Ok(None) }
}

/// The records of those of them that are registered and not erased, each by its own id and in order of it.
pub async fn get_many(
    conn: &mut PgConnection,
    vault: &Vault,
    ids: &[ResidentId],
) -> Result<Vec<Resident>, postgres::Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, revision, name_sealed, birth_date_sealed, sex_sealed, mobile_sealed, address_sealed, key_version, \
         language, community, community_code, grid_cell, provisional, mother_resident_id, registrar_organisation_id, registered_at \
         FROM residents WHERE id = ANY ($1) AND state <> 'ERASED' ORDER BY id",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.open(vault)).collect()
}

pub async fn exists(conn: &mut PgConnection, id: ResidentId) -> Result<bool, postgres::Error> {
    let state: Option<String> =
        sqlx::query_scalar("SELECT state FROM residents WHERE id = $1").bind(id.uuid()).fetch_optional(conn).await?;
    is_somebody(state.as_deref())
}

/// Whether there is a resident of this state.
fn is_somebody(state: Option<&str>) -> Result<bool, postgres::Error> {
    match state {
        Some("ERASED") => Err(postgres::Error::ResidentErased),
        state => Ok(state.is_some()),
    }
}

/// Lets one transaction at a time change what belongs to the resident, by whichever of their ids; false if there is no such resident.
pub async fn lock(conn: &mut PgConnection, id: ResidentId) -> Result<bool, postgres::Error> {
    lock_all(conn, &[id]).await
}

/// The same for several, whose ids are locked in order: false if one of them is not there.
pub async fn lock_all(conn: &mut PgConnection, ids: &[ResidentId]) -> Result<bool, postgres::Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let found: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, state FROM residents WHERE id = ANY (ARRAY(SELECT own FROM same_persons($1))) \
         ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(&ids)
    .fetch_all(conn)
    .await?;
    for (_, state) in &found {
        is_somebody(Some(state))?;
    }
    Ok(ids.iter().all(|id| found.iter().any(|(found, _)| found == id)))
}

/// Somebody who may be the resident.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Candidate {
    pub id: Uuid,
    pub same_name_and_birth_date: bool,
    pub same_mobile: bool,
}

/// Others of the region, by the id they go by, with the resident's name and date of birth; and, where one of the two is provisional, with their mobile: two
/// people whose names are proven and differ may well share a telephone.
pub async fn candidates(
    conn: &mut PgConnection,
    vault: &Vault,
    resident: &Resident,
    limit: i64,
) -> Result<Vec<Candidate>, postgres::Error> {
    let mobile = match &resident.mobile {
        Some(mobile) => vault.blind_indexes(MOBILE_INDEX, mobile.expose())?,
        None => vec![],
    };
    Ok(sqlx::query_as(
        "SELECT id, name_birth_index = ANY ($2) AS same_name_and_birth_date, COALESCE(mobile_index = ANY ($3), false) AS same_mobile \
         FROM residents WHERE id <> ALL (one_person($1)) AND region = $4 AND id NOT IN (SELECT resident_id FROM resident_aliases) \
         AND (name_birth_index = ANY ($2) OR mobile_index = ANY ($3) AND ($5 OR provisional IS NOT NULL)) ORDER BY id LIMIT $6",
    )
    .bind(resident.id.uuid())
    .bind(vault.blind_indexes(NAME_BIRTH_INDEX, &resident.name_and_birth_date())?)
    .bind(mobile)
    .bind(resident.region.as_str())
    .bind(resident.provisional.is_some())
    .bind(limit)
    .fetch_all(conn)
    .await?)
}

/// Nobody numbered was born before this.
const FIRST_BIRTH_YEAR: i32 = 1850;

/// Which residents of a community.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    pub community: &'a str,
    pub grid_cell: Option<&'a str>,
    /// Have a flag of this kind today.
    pub flag: Option<&'static str>,
    /// Born in this year or before.
    pub birth_year_until: Option<i32>,
    pub today: NaiveDate,
}

/// In order of id, after the one named last.
pub async fn list(
    conn: &mut PgConnection,
    vault: &Vault,
    filter: &Filter<'_>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Resident>, postgres::Error> {
    let years = filter.birth_year_until.map(|last| birth_years(vault, last)).transpose()?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, region, revision, name_sealed, birth_date_sealed, sex_sealed, mobile_sealed, address_sealed, key_version, \
         language, community, community_code, grid_cell, provisional, mother_resident_id, registrar_organisation_id, registered_at \
         FROM residents r WHERE community_code = $1 AND id NOT IN (SELECT resident_id FROM resident_aliases) AND ($2::text IS NULL OR grid_cell = $2) \
         AND ($3::text IS NULL OR EXISTS (SELECT FROM vulnerability_flags f WHERE f.resident_id = ANY (one_person(r.id)) AND f.kind = $3 \
             AND f.from_day <= $4 AND COALESCE(f.ended_with, f.until_day, 'infinity') >= $4)) \
         AND ($5::bytea[] IS NULL OR birth_year_index = ANY ($5)) AND ($6::uuid IS NULL OR id > $6) ORDER BY id LIMIT $7",
    )
    .bind(filter.community)
    .bind(filter.grid_cell)
    .bind(filter.flag)
    .bind(filter.today)
    .bind(years)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.open(vault)).collect()
}

/// With the plain text, so that sealing it anew leaves the digest.
pub fn audited(entry: Entry, resident: &Resident) -> Entry {
    let text = |value: &Option<Redacted<String>>| value.as_ref().map(|value| value.expose().clone());
    let (mobile, address) = (text(&resident.mobile), text(&resident.address));
    let birth_date = resident.birth_date.expose().to_string();
    let sealed = [
        (NAME, Some(resident.name.expose().as_str())),
        (BIRTH_DATE, Some(birth_date.as_str())),
        (SEX, Some(resident.sex.expose().as_str())),
        (MOBILE, mobile.as_deref()),
        (ADDRESS, address.as_deref()),
    ];
    entry.resident(resident.id).sealed_row(TABLE, resident.id, sealed)
}

fn community_code(resident: &Resident) -> Option<&str> {
    resident.neighbourhood.as_ref().map(|place| place.community.as_str())
}

fn grid_cell(resident: &Resident) -> Option<&str> {
    resident.neighbourhood.as_ref().and_then(|place| place.cell.as_deref())
}

fn state(resident: &Resident) -> &'static str {
    if resident.provisional.is_some() { "PROVISIONAL" } else { "REGISTERED" }
}

/// What everybody born in these years may be indexed by.
fn birth_years(vault: &Vault, last: i32) -> Result<Vec<Vec<u8>>, postgres::Error> {
    let mut indexes = vec![];
    for year in FIRST_BIRTH_YEAR..=last {
        indexes.extend(vault.blind_indexes(BIRTH_YEAR_INDEX, &year.to_string())?);
    }
    Ok(indexes)
}

const fn cell(row: Uuid, column: &'static str) -> Cell {
    Cell { table: TABLE, column, row }
}

impl Row {
    fn open(self, vault: &Vault) -> Result<Resident, postgres::Error> {
        let region = column(TABLE, "region", self.id, &self.region)?;
        let keys = vault.keys(region)?;
        let open = |column, sealed: &[u8]| keys.open(cell(self.id, column), self.key_version, sealed);
        let open_optional =
            |column, sealed: Option<&[u8]>| sealed.map(|sealed| open(column, sealed).map(Redacted::new)).transpose();
        let invalid = |column| postgres::Error::row_invalid(TABLE, column, self.id);
        let birth_date: NaiveDate = column(TABLE, BIRTH_DATE, self.id, &open(BIRTH_DATE, &self.birth_date_sealed)?)?;
        Ok(Resident {
            id: ResidentId::from_uuid(self.id),
            region,
            revision: self.revision,
            name: Redacted::new(open(NAME, &self.name_sealed)?),
            birth_date: Redacted::new(birth_date),
            sex: Redacted::new(column(TABLE, SEX, self.id, &open(SEX, &self.sex_sealed)?)?),
            mobile: open_optional(MOBILE, self.mobile_sealed.as_deref())?,
            address: open_optional(ADDRESS, self.address_sealed.as_deref())?,
            provisional: self
                .provisional
                .as_deref()
                .map(|word| Provisional::parse(word).ok_or_else(|| invalid("provisional")))
                .transpose()?,
            neighbourhood: match self.community_code {
                Some(code) => Some(Neighbourhood {
                    community: column(TABLE, "community_code", self.id, &code)?,
                    cell: self.grid_cell,
                }),
                None => None,
            },
            language: self.language,
            community: self.community,
            mother: self.mother_resident_id.map(ResidentId::from_uuid),
            registrar: self.registrar_organisation_id.map(OrganisationId::from_uuid),
            registered_at: self.registered_at,
        })
    }
}
