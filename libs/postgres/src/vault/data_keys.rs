//! The table of wrapped data keys. A region's first key is made when it is first needed.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{FromRow, PgConnection};
use types::region::RegionCode;

use super::{
    keys::{IndexKeys, Keys},
    provider::{KeyProvider, Secret, Wrapped},
};
use crate::Error;

/// The keys of the blind indexes stand under no region: they are those of the installation.
pub(super) const INDEX: &str = "";

#[derive(FromRow)]
pub(super) struct Row {
    pub(super) region: String,
    pub(super) version: i32,
    wrapped: Vec<u8>,
    provider_key: String,
    state: String,
    generation: i64,
}

/// What this process has unwrapped before.
pub(super) struct Known {
    pub(super) keys: Option<Arc<Keys>>,
    pub(super) index: Option<Arc<IndexKeys>>,
}

/// Named in what the provider binds a wrapped key to.
pub(super) fn context(region: &str, version: i32) -> String {
    format!("data_keys|{region}|{version}")
}

/// The keys of a region and of the indexes, both made if there are none.
pub(super) async fn load(
    conn: &mut PgConnection,
    provider: &dyn KeyProvider,
    region: RegionCode,
    known: &Known,
) -> Result<(Keys, IndexKeys), Error> {
    let mut rows = read(conn, region).await?;
    let missing = [INDEX, region.as_str()].into_iter().filter(|region| rows.iter().all(|row| row.region != *region));
    let missing: Vec<&str> = missing.collect();
    if !missing.is_empty() {
        for region in missing {
            insert(conn, provider, region, 1, "ACTIVE").await?;
        }
        // Another replica may have been first: what counts is what stands there.
        rows = read(conn, region).await?;
    }

    // Of retired ones, too: their end is a change that others notice by it.
    let generation = rows.iter().map(|row| row.generation).max().unwrap_or_default();
    let (mut keys, mut index) = (BTreeMap::new(), BTreeMap::new());
    let (mut sealing, mut newest) = (0, 0);
    for row in rows.into_iter().filter(|row| row.state != "RETIRED") {
        if row.region == INDEX {
            let known = known.index.as_ref().and_then(|index| index.secret(row.version)).cloned();
            index.insert(row.version, unwrap(provider, &row, known).await?);
            newest = if row.state == "ACTIVE" { row.version } else { newest };
        } else {
            let known = known.keys.as_ref().and_then(|keys| keys.secret(row.version)).cloned();
            keys.insert(row.version, unwrap(provider, &row, known).await?);
            sealing = if row.state == "ACTIVE" { row.version } else { sealing };
        }
    }
    Ok((Keys::new(generation, sealing, keys), IndexKeys::new(newest, index)))
}

async fn read(conn: &mut PgConnection, region: RegionCode) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as(
        "SELECT region_code AS region, version, wrapped, provider_key, state, generation FROM data_keys \
         WHERE region_code IN ($1, '') ORDER BY version",
    )
    .bind(region.as_str())
    .fetch_all(conn)
    .await?)
}

async fn unwrap(provider: &dyn KeyProvider, row: &Row, known: Option<Secret>) -> Result<Secret, Error> {
    if let Some(known) = known {
        return Ok(known);
    }
    let wrapped = Wrapped { bytes: row.wrapped.clone(), provider_key: row.provider_key.clone() };
    Ok(provider.open(&context(&row.region, row.version), &wrapped).await?)
}

/// Makes a key, unless that version is there already.
pub(super) async fn insert(
    conn: &mut PgConnection,
    provider: &dyn KeyProvider,
    region: &str,
    version: i32,
    state: &str,
) -> Result<(), Error> {
    let wrapped = provider.wrap(&context(region, version), &Secret::generate()).await?;
    sqlx::query(
        "INSERT INTO data_keys (region_code, version, wrapped, provider_key, state) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT DO NOTHING",
    )
    .bind(region)
    .bind(version)
    .bind(wrapped.bytes)
    .bind(wrapped.provider_key)
    .bind(state)
    .execute(conn)
    .await?;
    Ok(())
}

/// Every region that has keys, with the generation that `require_newest_keys` wants of whoever begins in it.
pub(super) async fn generations(conn: &mut PgConnection) -> Result<Vec<(RegionCode, i64)>, Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT region_code, greatest(max(generation), (SELECT max(generation) FROM data_keys WHERE region_code = '')) \
         FROM data_keys WHERE region_code <> '' GROUP BY region_code",
    )
    .fetch_all(conn)
    .await?;
    let parse = |(region, generation): (String, i64)| match region.parse() {
        Ok(code) => Ok((code, generation)),
        Err(_) => Err(Error::row_invalid("data_keys", "region", region)),
    };
    rows.into_iter().map(parse).collect()
}

/// Every key there is, by region and version.
pub(super) async fn all(conn: &mut PgConnection) -> Result<Vec<(String, i32)>, Error> {
    Ok(sqlx::query_as("SELECT region_code, version FROM data_keys ORDER BY region_code, version")
        .fetch_all(conn)
        .await?)
}

/// Wraps a key anew and answers under which of the provider's keys.
pub(super) async fn rewrap(
    conn: &mut PgConnection,
    provider: &dyn KeyProvider,
    region: &str,
    version: i32,
) -> Result<String, Error> {
    let (bytes, provider_key): (Vec<u8>, String) =
        sqlx::query_as("SELECT wrapped, provider_key FROM data_keys WHERE region_code = $1 AND version = $2")
            .bind(region)
            .bind(version)
            .fetch_one(&mut *conn)
            .await?;
    let context = context(region, version);
    let key = provider.open(&context, &Wrapped { bytes, provider_key }).await?;
    let wrapped = provider.wrap(&context, &key).await?;
    sqlx::query("UPDATE data_keys SET wrapped = $3, provider_key = $4 WHERE region_code = $1 AND version = $2")
        .bind(region)
        .bind(version)
        .bind(wrapped.bytes)
        .bind(&wrapped.provider_key)
        .execute(conn)
        .await?;
    Ok(wrapped.provider_key)
}

/// The version that an interrupted rotation was bringing in, if there was one.
pub(super) async fn unfinished(conn: &mut PgConnection, region: RegionCode) -> Result<Option<i32>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT version FROM data_keys key WHERE region_code = $1 AND (state = 'PENDING' OR state = 'ACTIVE' AND EXISTS ( \
             SELECT FROM data_keys older WHERE older.region_code = key.region_code AND older.state = 'RETIRING'))",
    )
    .bind(region.as_str())
    .fetch_optional(conn)
    .await?)
}

/// Makes the next version, which opens and does not seal yet.
pub(super) async fn add(conn: &mut PgConnection, provider: &dyn KeyProvider, region: RegionCode) -> Result<i32, Error> {
    let newest: i32 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM data_keys WHERE region_code = $1")
        .bind(region.as_str())
        .fetch_one(&mut *conn)
        .await?;
    insert(conn, provider, region.as_str(), newest + 1, "PENDING").await?;
    Ok(newest + 1)
}

/// From now on this version seals, and those before it open only.
pub(super) async fn activate(conn: &mut PgConnection, region: RegionCode, version: i32) -> Result<(), Error> {
    for (state, matching) in [
        (
            "RETIRING",
            "UPDATE data_keys SET state = $3, generation = nextval('data_keys_generation') \
                      WHERE region_code = $1 AND version <> $2 AND state = 'ACTIVE'",
        ),
        (
            "ACTIVE",
            "UPDATE data_keys SET state = $3, generation = nextval('data_keys_generation') \
                    WHERE region_code = $1 AND version = $2 AND state = 'PENDING'",
        ),
    ] {
        sqlx::query(matching).bind(region.as_str()).bind(version).bind(state).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Nothing uses the versions before this one any more.
pub(super) async fn retire(conn: &mut PgConnection, region: RegionCode, version: i32) -> Result<(), Error> {
    sqlx::query(
        "UPDATE data_keys SET state = 'RETIRED', generation = nextval('data_keys_generation') \
         WHERE region_code = $1 AND version < $2 AND state = 'RETIRING'",
    )
    .bind(region.as_str())
    .bind(version)
    .execute(conn)
    .await?;
    Ok(())
}
