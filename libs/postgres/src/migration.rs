use std::{str::FromStr, sync::LazyLock};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use crate::{
    Error,
    personal::{self, PersonalTable},
};

/// The tables this crate needs in every service's database. Their versions are counted apart from the service's own.
static PLATFORM: LazyLock<Migrator> = LazyLock::new(|| {
    let mut platform = sqlx::migrate!("./migrations");
    platform.dangerous_set_table_name("platform_migrations");
    platform.set_ignore_missing(true);
    platform
});

/// Brings the database up to date, as its owner: platform tables first, then the service's, then what is said of those with data about
/// residents, `personal`. Repeatable, and harmless when a newer release has been there before.
pub async fn migrate(
    owner_url: &str,
    service: &'static Migrator,
    personal: &'static [PersonalTable],
) -> Result<(), Error> {
    let mut owner = PgConnectOptions::from_str(owner_url)?.connect().await?;
    PLATFORM.run_direct(None, &mut owner, false).await?;

    let mut service = Migrator::with_migrations(service.iter().cloned().collect());
    service.set_ignore_missing(true);
    service.run_direct(None, &mut owner, false).await?;
    // Default privileges made the bookkeeping writable by the service.
    sqlx::raw_sql("CALL read_only('_sqlx_migrations')").execute(&mut owner).await?;
    personal::declare(&mut owner, personal).await?;
    Ok(owner.close().await?)
}

/// Whether both sets are at least as new as this binary's.
pub(crate) async fn check(conn: &mut PgConnection, service: &Migrator) -> Result<(), Error> {
    let (platform_found, service_found): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT coalesce(max(version), 0) FROM platform_migrations WHERE success), \
                (SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success)",
    )
    .fetch_one(conn)
    .await?;
    at_least("platform_migrations", platform_found, &PLATFORM)?;
    at_least("_sqlx_migrations", service_found, service)
}

fn at_least(table: &'static str, found: i64, migrator: &Migrator) -> Result<(), Error> {
    let needed = migrator.iter().map(|migration| migration.version).max().unwrap_or_default();
    if found < needed { Err(Error::SchemaOutdated { table, found, needed }) } else { Ok(()) }
}
