//! Rows from before their table was audited: each gets an entry of its own, and is covered from then on.
//!
//! Only rows that were last written before the table's first `CALL audited(…)`, by the transactions of the database: whoever slips one in
//! afterwards is found, and stays found.

use std::collections::BTreeMap;
use std::io::Write as _;

use sqlx::{AssertSqlSafe, Connection as _, FromRow, PgConnection, Row as _};
use types::{ids::ResidentId, redacted::Redacted, region::RegionCode};
use uuid::Uuid;

use super::{
    Entry, SealedText, record,
    tables::{self, Audited, quoted},
};
use crate::{Database, Error, MigrateConfig, PostgresConfig, Scope, Transaction, personal::PersonalTable, vault::Cell};

/// An entry names as many rows at most.
const PAGE: i64 = 200;

/// What is done about the audit by hand.
#[derive(Debug, clap::Subcommand)]
pub enum AuditCommand {
    /// Gives every row from before its table was audited an entry, so that it is covered from then on. Once after the upgrade that
    /// audits the table, before keys are rotated; repeatable, while the service goes on.
    Adopt(AdoptConfig),
}

#[derive(Debug, clap::Args)]
pub struct AdoptConfig {
    #[command(flatten)]
    owner: MigrateConfig,
    #[command(flatten)]
    postgres: PostgresConfig,
    /// In whose name (GB/T 2260) rows are recorded that are of no region.
    #[arg(long, env)]
    region: RegionCode,
}

/// Runs the command for a service with these tables about residents, and prints how many rows got an entry.
pub async fn run(command: AuditCommand, service: &str, tables: &[PersonalTable]) -> Result<(), Error> {
    let AuditCommand::Adopt(config) = command;
    let mut owner = PgConnection::connect(&config.owner.owner_database_url).await?;
    let db = Database::connect(&config.postgres).await?;
    let adopted = adopt(&db, &mut owner, service, tables, config.region).await?;
    db.close().await;
    for (table, rows) in adopted {
        // Nobody may be listening any more; the work is done.
        let _ = writeln!(std::io::stdout(), "{table}: {rows} rows got an entry");
    }
    Ok(())
}

/// A row without an entry.
#[derive(FromRow)]
struct Orphan {
    id: String,
    region: Option<String>,
    resident: Option<Uuid>,
}

/// Finds as the owner, who sees all regions, and records as the service, who has the keys. Answers how many rows got an entry, by table.
pub async fn adopt(
    db: &Database,
    owner: &mut PgConnection,
    service: &str,
    personal: &[PersonalTable],
    home: RegionCode,
) -> Result<BTreeMap<String, u64>, Error> {
    sqlx::raw_sql(
        "DROP TABLE IF EXISTS pg_temp.named; CREATE TEMPORARY TABLE named AS \
         SELECT DISTINCT note->>'table' AS name, note->>'id' AS id FROM audit_entries, jsonb_array_elements(rows) AS note \
         WHERE jsonb_typeof(rows) = 'array' AND jsonb_typeof(note) = 'object' AND NOT note ? 'read'; ANALYZE named",
    )
    .execute(&mut *owner)
    .await?;
    let mut adopted = BTreeMap::new();
    for table in tables::newest(&mut *owner).await? {
        let found = find(&mut *owner, &table, personal).await?;
        let mut first = 0;
        while first < found {
            let orphans: Vec<Orphan> = sqlx::query_as(
                "SELECT id, region, resident FROM orphans WHERE place > $1 AND place <= $2 ORDER BY place",
            )
            .bind(first)
            .bind(first + PAGE)
            .fetch_all(&mut *owner)
            .await?;
            for alike in orphans.chunk_by(|one, other| one.region == other.region && one.resident == other.resident) {
                baseline(db, service, &table, alike, home).await?;
            }
            first += PAGE;
        }
        if found > 0 {
            adopted.insert(table.name.clone(), found.unsigned_abs());
        }
    }
    Ok(adopted)
}

/// Gathers the rows of a table that no entry names and that are older than the table's list, person by person. Answers how many.
async fn find(owner: &mut PgConnection, table: &Audited, personal: &[PersonalTable]) -> Result<i64, Error> {
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
    )
    .bind(quoted(&table.name))
    .fetch_all(&mut *owner)
    .await?;
    let has = |name: &str| columns.iter().any(|column| column == name);
    let listed = personal.iter().find(|listed| listed.table.name == table.name);
    let resident = match listed {
        Some(listed) => listed.person,
        None if has("resident_id") => "t.resident_id",
        None => "NULL",
    };
    let region = if has("region") { "t.region" } else { "NULL" };
    // Names and expressions are those of migrations and constants of the services.
    let gather = format!(
        "DROP TABLE IF EXISTS pg_temp.orphans; CREATE TEMPORARY TABLE orphans AS \
         SELECT row_number() OVER (ORDER BY region, resident, id) AS place, id, region, resident FROM ( \
             SELECT {id} AS id, {region}::text AS region, ({resident})::uuid AS resident FROM {table} AS t \
             WHERE age(t.xmin) >= (SELECT age(list.xmin) FROM audited_tables AS list WHERE name = {name} AND version = 1)) AS old \
         WHERE NOT EXISTS (SELECT FROM named WHERE named.name = {name} AND named.id = old.id); \
         CREATE INDEX ON orphans (place)",
        id = table.id("t"),
        table = quoted(&table.name),
        name = format_args!("'{}'", table.name.replace('\'', "''")),
    );
    sqlx::raw_sql(AssertSqlSafe(gather)).execute(&mut *owner).await?;
    Ok(sqlx::query_scalar("SELECT count(*) FROM orphans").fetch_one(owner).await?)
}

/// Records rows of one region and about one person, or about none, as they stand.
async fn baseline(
    db: &Database,
    service: &str,
    table: &Audited,
    alike: &[Orphan],
    home: RegionCode,
) -> Result<(), Error> {
    let Some(first) = alike.first() else { return Ok(()) };
    let region = match &first.region {
        Some(region) => region.parse().map_err(|_| Error::row_invalid("audited_tables", "name", &table.name))?,
        None => home,
    };
    // An entry names tables and columns by static texts; there are as many as lists of columns.
    let name: &'static str = Box::leak(table.name.clone().into_boxed_str());
    let mut tx = db.begin(Scope::Region(region)).await?;
    let mut entry = Entry::by_platform(service, "row.adopt");
    if let Some(resident) = first.resident {
        entry = entry.resident(ResidentId::from_uuid(resident));
    }
    for orphan in alike {
        let sealed = open(&mut tx, table, name, &orphan.id).await?;
        entry = entry.anew(name, &orphan.id, sealed);
    }
    record(&mut tx, entry).await?;
    tx.commit().await
}

/// The plain text of what is sealed in a row.
async fn open(tx: &mut Transaction, table: &Audited, name: &'static str, id: &str) -> Result<Vec<SealedText>, Error> {
    if table.sealed.is_empty() {
        return Ok(vec![]);
    }
    let columns: Vec<String> = table.sealed.iter().map(|column| format!("t.{}", quoted(column))).collect();
    let select = format!(
        "SELECT t.key_version, {} FROM {} AS t WHERE {}",
        columns.join(", "),
        quoted(name),
        table.has_id("t", "$1")
    );
    let row = sqlx::query(AssertSqlSafe(select)).bind(id).fetch_one(&mut **tx).await?;
    let keys = tx.keys()?;
    let uuid: Uuid = id.parse().map_err(|_| Error::row_invalid("audited_tables", "sealed", name))?;
    let mut texts = vec![];
    for (place, column) in table.sealed.iter().enumerate() {
        let column: &'static str = Box::leak(column.clone().into_boxed_str());
        let text = match row.try_get::<Option<Vec<u8>>, _>(place + 1)? {
            Some(sealed) => {
                let cell = Cell { table: name, column, row: uuid };
                Some(Redacted::new(keys.open(cell, row.try_get(0)?, &sealed)?))
            }
            None => None,
        };
        texts.push((column, text));
    }
    Ok(texts)
}
