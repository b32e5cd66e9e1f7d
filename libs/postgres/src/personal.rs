//! Which tables hold data about residents: what of them is sealed, what a person is shown of their own data, and why it is kept.
//!
#![doc = include_str!("../PERSONAL.md")]

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, postgres::PgRow};
use types::{ids::ResidentId, redacted::Redacted};
use uuid::Uuid;

use crate::{
    Error, Transaction,
    audit::{self, SealedText},
    retention,
    vault::{Cell, Keys, SealedTable},
};

/// A table with data about residents. A service lists all of its own; a table with a resident that is not listed is found by
/// [`unlisted`], and by `data-keys rotate` if a column of it is sealed.
#[derive(Debug, Clone, Copy)]
pub struct PersonalTable {
    pub table: SealedTable,
    /// What it holds, in the words of the person concerned: Chinese and English.
    pub title: [&'static str; 2],
    /// SQL: whether a row `t` is about the resident `$1`, by whichever id of theirs.
    pub of: &'static str,
    /// SQL: a text that names a row `t` among those of one resident.
    pub key: &'static str,
    /// The rule in `retention.toml` by which it is kept.
    pub rule: &'static str,
    /// SQL: the instant from which on a row `t` is kept for the period of the rule; null while its time has not begun.
    pub over: &'static str,
    /// SQL: an instant or a day of a row `t` that is never later than `over`, by which rows whose time may be over are found: there is an
    /// index on it, with the region before it where rows are removed. None where they are appraised with those of another table.
    pub dated: Option<&'static str>,
    /// SQL: whether a row `t` may go before others do that refer to it.
    pub unreferred: &'static str,
    /// SQL: the resident whom a row `t` is about; null for none.
    pub person: &'static str,
}

impl PersonalTable {
    /// A table with the columns `id` and `resident_id`.
    pub const fn new(
        name: &'static str,
        sealed: &'static [&'static str],
        title: [&'static str; 2],
        rule: &'static str,
    ) -> Self {
        let table = SealedTable { name, id: "id", columns: sealed };
        let (of, key) = ("t.resident_id = ANY ((SELECT one_person($1))::uuid[])", "t.id::text");
        let (over, person) = ("NULL::timestamptz", "t.resident_id");
        Self { table, title, of, key, rule, over, dated: None, unreferred: "true", person }
    }

    /// Kept for the period of its rule from this instant on.
    #[must_use]
    pub const fn over(self, over: &'static str) -> Self {
        Self { over, ..self }
    }

    /// Found by this instant or day when its time may be over.
    #[must_use]
    pub const fn dated(self, dated: &'static str) -> Self {
        Self { dated: Some(dated), ..self }
    }
}

/// Who looked at the person's data and who changed it: kept by every service alike.
pub const AUDIT: PersonalTable = PersonalTable {
    table: SealedTable { name: "audit_entries", id: "resident_id", columns: &[] },
    title: ["谁看过、改过您的数据", "Who looked at your data and who changed it"],
    of: "t.resident_id = ANY ((SELECT one_person($1))::uuid[])",
    key: "lpad(t.sequence::text, 20, '0')",
    rule: "audit",
    over: "t.occurred_at",
    dated: None,
    person: "t.resident_id",
    // The chain holds only while it is whole.
    unreferred: "false",
};

/// Tables with a resident that hold nothing a person could be shown: keys, copies of answers, bookkeeping of a list and of erasures, and
/// which ids are one person's, of which identity tells with its reasons.
const NOT_SHOWN: [&str; 4] = ["person_keys", "parked_events", "resident_aliases", "erasures"];

/// Columns that say nothing about the person: keys, digests, what is derived from others.
const HIDDEN: [&str; 8] =
    ["key_version", "salt", "rows", "hash", "previous_hash", "lease_owner", "lease_until", "fence"];

/// Writes down which tables these are, as their owner and in the audit: what may be forgotten is decided by that. Repeatable.
pub(crate) async fn declare(owner: &mut PgConnection, tables: &[PersonalTable]) -> Result<(), Error> {
    let mut tx = owner.begin().await?;
    sqlx::query("LOCK TABLE personal_tables IN SHARE ROW EXCLUSIVE MODE").execute(&mut *tx).await?;
    let mut declared = vec![];
    for table in tables {
        let Some(rule) = retention::rule(table.rule) else {
            return Err(Error::row_invalid("personal_tables", "rule", table.rule));
        };
        let period = rule.years.or(rule.days).and(table.dated);
        let changed = sqlx::query(
            "INSERT INTO personal_tables AS before (name, rule, whose, key, since, dated, unreferred, years, days, on_request, appraised) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (name, rule) DO UPDATE \
             SET whose = excluded.whose, key = excluded.key, since = excluded.since, dated = excluded.dated, \
                 unreferred = excluded.unreferred, years = excluded.years, days = excluded.days, \
                 on_request = excluded.on_request, appraised = excluded.appraised \
             WHERE before.* IS DISTINCT FROM excluded.*",
        )
        .bind(table.table.name)
        .bind(table.rule)
        .bind(table.of)
        .bind(table.key)
        .bind(period.map(|_| rule.begins(table.over)))
        .bind(period)
        .bind(table.unreferred)
        .bind(rule.years.unwrap_or(0))
        .bind(rule.days.unwrap_or(0))
        .bind(rule.on_request)
        .bind(rule.appraised)
        .execute(&mut *tx)
        .await?;
        let id = audit::id(&[&table.table.name, &table.rule]);
        if changed.rows_affected() > 0 {
            record(&mut tx, &id, true).await?;
        }
        declared.push(id);
    }
    let gone: Vec<String> = sqlx::query_scalar(
        "DELETE FROM personal_tables WHERE name || '/' || rule <> ALL ($1) RETURNING name || '/' || rule",
    )
    .bind(&declared)
    .fetch_all(&mut *tx)
    .await?;
    for id in gone {
        record(&mut tx, &id, false).await?;
    }
    Ok(tx.commit().await?)
}

async fn record(owner: &mut PgConnection, id: &str, is_there: bool) -> Result<(), Error> {
    sqlx::query("CALL record_by_owner('platform.personal_table.declare', 'personal_tables', $1, $2)")
        .bind(id)
        .bind(is_there)
        .execute(owner)
        .await?;
    Ok(())
}

/// The sealed tables among these.
pub fn sealed(tables: &[PersonalTable]) -> Vec<SealedTable> {
    tables.iter().map(|table| table.table).filter(|table| !table.columns.is_empty()).collect()
}

/// A row about a person, as they are shown it.
#[derive(Debug, Clone)]
pub struct ExportedRow {
    pub table: PersonalTable,
    pub key: String,
    /// An object by column; what was sealed is open.
    pub row: Redacted<Value>,
}

/// Where a page of an export ends: a table by its place in the list, and a row of it.
pub type ExportKey = (usize, String);

/// The next rows about a resident, table by table in the order of the list.
pub async fn export(
    tx: &mut Transaction,
    tables: &[PersonalTable],
    resident: ResidentId,
    after: Option<&ExportKey>,
    limit: i64,
) -> Result<Vec<(usize, ExportedRow)>, Error> {
    let (first, mut after_key) = after.map_or((0, ""), |(table, key)| (*table, key.as_str()));
    let mut found = vec![];
    for (place, table) in tables.iter().enumerate().skip(first) {
        let left = limit - i64::try_from(found.len()).unwrap_or(i64::MAX);
        if left <= 0 {
            break;
        }
        let rows = sqlx::query(AssertSqlSafe(table.select()))
            .bind(resident.uuid())
            .bind(after_key)
            .bind(left)
            .fetch_all(&mut **tx)
            .await?;
        for row in &rows {
            found.push((place, table.exported(tx, row)?));
        }
        after_key = "";
    }
    Ok(found)
}

impl PersonalTable {
    // Names and conditions are constants of the services.
    fn select(&self) -> String {
        let Self { table, of, key, .. } = self;
        let versioned = if table.columns.is_empty() { "NULL::uuid, NULL::integer" } else { "t.id, t.key_version" };
        let versioned = versioned.replace("t.id", &format!("t.{}", table.id));
        let sealed = table.columns.iter().map(|column| format!(", t.{column}")).collect::<Vec<_>>().concat();
        format!(
            "SELECT {key}, to_jsonb(t), {versioned}{sealed} FROM {} t WHERE {of} AND {key} > $2 ORDER BY {key} LIMIT $3",
            table.name
        )
    }

    /// The rows about a person by key, each with the plain text of what is sealed in it.
    pub(crate) async fn opened(
        &self,
        tx: &mut Transaction,
        resident: ResidentId,
    ) -> Result<Vec<(String, Vec<SealedText>)>, Error> {
        let all = sqlx::query(AssertSqlSafe(self.select())).bind(resident.uuid()).bind("").bind(i64::MAX);
        let rows = all.fetch_all(&mut **tx).await?;
        let keys = tx.keys()?;
        let opened = |row: &PgRow| {
            let columns = self.table.columns.iter().enumerate();
            let texts =
                columns.map(|(place, column)| Ok((*column, self.open(&keys, row, place, column)?.map(Redacted::new))));
            Ok((row.try_get(0)?, texts.collect::<Result<_, Error>>()?))
        };
        rows.iter().map(opened).collect()
    }

    /// What is sealed in a column of a selected row.
    fn open(&self, keys: &Keys, row: &PgRow, place: usize, column: &'static str) -> Result<Option<String>, Error> {
        let Some(sealed) = row.try_get::<Option<Vec<u8>>, _>(place + 4)? else { return Ok(None) };
        let cell = Cell { table: self.table.name, column, row: row.try_get::<Uuid, _>(2)? };
        keys.open(cell, row.try_get(3)?, &sealed).map(Some)
    }

    fn exported(&self, tx: &Transaction, row: &PgRow) -> Result<ExportedRow, Error> {
        let keys = tx.keys()?;
        let key: String = row.try_get(0)?;
        let mut value: Value = row.try_get(1)?;
        let shown = value.as_object_mut().ok_or_else(|| Error::row_invalid(self.table.name, "row", &key))?;
        shown.retain(|column, _| !HIDDEN.contains(&column.as_str()) && !column.ends_with("_index"));
        for (place, column) in self.table.columns.iter().enumerate() {
            // What was sealed as JSON is shown as such.
            let shown_as =
                |text: String| serde_json::from_str(&text).ok().filter(Value::is_array).unwrap_or(Value::String(text));
            let opened = self.open(&keys, row, place, column)?.map_or(Value::Null, shown_as);
            shown.remove(*column);
            shown.insert(column.trim_end_matches("_sealed").to_owned(), opened);
        }
        Ok(ExportedRow { table: *self, key, row: value.into() })
    }
}

/// Tables with a resident that are not listed, of which a person would therefore not be told. Unlogged ones are never seen filled.
/// `conn` is any role's.
pub async fn unlisted(conn: &mut sqlx::PgConnection, tables: &[PersonalTable]) -> Result<Vec<String>, Error> {
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT class.relname::text FROM pg_attribute JOIN pg_class class ON class.oid = attrelid \
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relpersistence = 'p' AND NOT attisdropped \
             AND (attname = 'resident_id' OR attname LIKE '%\\_resident\\_id') ORDER BY 1",
    )
    .fetch_all(conn)
    .await?;
    let is_listed = |name: &String| {
        NOT_SHOWN.contains(&name.as_str()) || tables.iter().chain([&AUDIT]).any(|table| table.table.name == name)
    };
    Ok(found.into_iter().filter(|name| !is_listed(name)).collect())
}
