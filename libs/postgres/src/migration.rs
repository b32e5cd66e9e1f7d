use std::{str::FromStr, sync::LazyLock, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use types::setting::OfSetting as _;

use crate::{
    Error,
    personal::{self, PersonalTable},
};

/// The tables this crate needs in every service's database. Their versions are counted apart from the service's own.
static PLATFORM: LazyLock<Migrator> = LazyLock::new(|| {
    let mut platform = sqlx::migrate!("./migrations");
    platform.dangerous_set_table_name("platform_migrations");
    platform.set_ignore_missing(true);
    platform.set_locking(false);
    platform
});
/// How often a migrator that is not alone looks whether the other one has ended.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Brings the database up to date, as its owner: platform tables first, then the service's, then what is said of those with data about
/// residents, `personal`. Repeatable, and harmless when a newer release has been there before; several at once take turns; one that
/// was killed is gone on from by the next.
pub async fn migrate(
    owner_url: &str,
    service: &'static Migrator,
    personal: &'static [PersonalTable],
) -> Result<(), Error> {
    let mut owner = PgConnectOptions::from_str(owner_url).of_setting("OWNER_DATABASE_URL")?.connect().await?;
    take_turn(&mut owner).await?;
    clear_away(&mut owner).await?;
    PLATFORM.run_direct(None, &mut owner, false).await?;

    let mut service = Migrator::with_migrations(service.iter().cloned().collect());
    service.set_ignore_missing(true);
    service.set_locking(false);
    service.run_direct(None, &mut owner, false).await?;
    // Default privileges made the bookkeeping writable by the service.
    sqlx::raw_sql("CALL read_only('_sqlx_migrations')").execute(&mut owner).await?;
    personal::declare(&mut owner, personal).await?;
    Ok(owner.close().await?)
}

/// One migrator of a database at a time, until its connection ends. It is asked for rather than waited for: a statement that waits is
/// one that `CREATE INDEX CONCURRENTLY` waits for.
async fn take_turn(owner: &mut PgConnection) -> Result<(), Error> {
    const ASK: &str = "SELECT pg_try_advisory_lock(hashtextextended('anjia migrate', 0))";
    while !sqlx::query_scalar::<_, bool>(ASK).fetch_one(&mut *owner).await? {
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
    Ok(())
}

/// Removes what a `CREATE INDEX CONCURRENTLY` left that did not come to its end; its migration is about to run again.
async fn clear_away(owner: &mut PgConnection) -> Result<(), Error> {
    const CLEAR: &str = "DO $$
        DECLARE broken regclass;
        BEGIN
            -- One that somebody builds by hand right now is theirs.
            PERFORM set_config('lock_timeout', '1s', true);
            FOR broken IN
                SELECT indexrelid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
                WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace AND relkind = 'i'
                    AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE index_relid = indexrelid)
            LOOP
                EXECUTE format('DROP INDEX %s', broken);
            END LOOP;
        END $$";
    sqlx::raw_sql(CLEAR).execute(owner).await?;
    Ok(())
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
