//! Which tables are audited, as `CALL audited(…)` said in migrations, and the statement that writes an entry about their rows.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::{FromRow, PgConnection};

use crate::Error;

/// One version of what is digested of a table's rows.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Audited {
    pub(super) name: String,
    version: i32,
    key: Vec<String>,
    key_types: Vec<String>,
    columns: Vec<String>,
    pub(super) sealed: Vec<String>,
}

impl Audited {
    pub(super) fn version(&self) -> u32 {
        u32::try_from(self.version).unwrap_or_default()
    }

    /// The text that is digested of a row in the open. `alias` stands for the row.
    pub(super) fn body(&self, alias: &str) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("{alias}.{}", quoted(column))).collect();
        format!("ROW({})::text", columns.join(", "))
    }

    /// The id of a row.
    pub(super) fn id(&self, alias: &str) -> String {
        let text = |column: &String| format!("{alias}.{}::text", quoted(column));
        match self.key.as_slice() {
            [column] => text(column),
            columns => {
                let escaped = |column| format!("replace(replace({}, '%', '%25'), '/', '%2F')", text(column));
                columns.iter().map(escaped).collect::<Vec<_>>().join(" || '/' || ")
            }
        }
    }

    /// Whether a table with these columns has all that are digested.
    pub(super) fn is_in(&self, columns: &[String]) -> bool {
        self.key.iter().chain(&self.columns).chain(&self.sealed).all(|column| columns.contains(column))
    }

    /// Whether a row has the id in `id`, by the index of its key.
    pub(super) fn has_id(&self, alias: &str, id: &str) -> String {
        let part = |place: usize| match self.key.len() {
            1 => id.to_owned(),
            _ => format!("replace(replace(split_part({id}, '/', {}), '%2F', '/'), '%25', '%')", place + 1),
        };
        let key = self.key.iter().zip(&self.key_types).enumerate();
        let parts: Vec<String> = key
            .map(|(place, (column, kind))| format!("{alias}.{} = {}::{kind}", quoted(column), part(place)))
            .collect();
        parts.join(" AND ")
    }
}

/// A name from the catalogue, where it may be a keyword.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The highest version of every table, read once and again when a table is not there.
#[derive(Debug, Default)]
pub(crate) struct Tables(RwLock<HashMap<String, Arc<Audited>>>);

impl Tables {
    pub(crate) async fn get(&self, conn: &mut PgConnection, table: &'static str) -> Result<Arc<Audited>, Error> {
        if let Some(known) = self.known(table) {
            return Ok(known);
        }
        let found = newest(conn).await?.into_iter().map(|table| (table.name.clone(), Arc::new(table))).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
        self.known(table).ok_or(Error::TableNotAudited { table })
    }

    fn known(&self, table: &str) -> Option<Arc<Audited>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(table).map(Arc::clone)
    }
}

/// A version of a table's list of columns; `None` if there is none.
pub(super) async fn version(conn: &mut PgConnection, table: &str, version: u32) -> Result<Option<Audited>, Error> {
    let list =
        "SELECT name, version, key, key_types, columns, sealed FROM audited_tables WHERE name = $1 AND version = $2";
    Ok(sqlx::query_as(list).bind(table).bind(i64::from(version)).fetch_optional(conn).await?)
}

/// Every version of every list.
pub(super) async fn all(conn: &mut PgConnection) -> Result<Vec<Audited>, Error> {
    let lists = "SELECT name, version, key, key_types, columns, sealed FROM audited_tables";
    Ok(sqlx::query_as(lists).fetch_all(conn).await?)
}

/// The newest version of every list.
pub(super) async fn newest(conn: &mut PgConnection) -> Result<Vec<Audited>, Error> {
    let tables = "SELECT DISTINCT ON (name) name, version, key, key_types, columns, sealed FROM audited_tables ORDER BY name, version DESC";
    Ok(sqlx::query_as(tables).fetch_all(conn).await?)
}

/// An entry of a batch names so many rows at most: more than any claim has lines and findings.
pub(super) const ROWS_MAX: i32 = 100_000;

/// Parameters of an entry before those of its rows.
const ENTRY_PARAMETERS: usize = 8;
/// Parameters of the rows of one table: their places in the entry, ids, heads of digests, whether they were removed, whether they are
/// digested anew; how many they are.
const TABLE_PARAMETERS: usize = 6;

/// Inserts an entry. What is said of each row, the database finds: whether this transaction wrote it, and what stands in it now. Row by
/// row, by the index of the key: a plan that was made while the table was small and joins it whole would be kept while it grows. Their
/// number is a limit, of which the planner expects a single row: so the plan for any number costs as little as that for one, and is kept;
/// else each entry would be planned anew, which takes twice as long as writing it.
/// Answers the rows if one of them is not as it was said to be, and the state of the erasure of the person, whose row is locked.
pub(super) fn insert(tables: &[Arc<Audited>]) -> String {
    let mut sql = "INSERT INTO audit_entries AS entry (region, actor, subject, organisation_id, delegation_id, resident_id, action, salt, rows) \
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, coalesce(jsonb_agg(note ORDER BY place), '[]') FROM ("
        .to_owned();
    push_notes(&mut sql, tables, "0::bigint");
    sql.push_str(") AS notes RETURNING ");
    sql.push_str(WRONG);
    sql.push_str(", (SELECT state FROM erasures WHERE erasures.region = $1 AND erasures.resident_id = $6 FOR SHARE)");
    sql
}

/// As [`insert`], for many entries in their order: each parameter of an entry is a list of theirs, and each list about rows has the
/// numbers of the entries, from 1, in its place: `place` is [`ROWS_MAX`] times the number of the entry and the place of the row in it.
/// Answers also the person of each entry.
pub(super) fn insert_all(tables: &[Arc<Audited>]) -> String {
    let mut sql = "INSERT INTO audit_entries AS entry (region, actor, subject, organisation_id, delegation_id, resident_id, action, salt, rows) \
        SELECT $1, given.actor, given.subject, given.organisation_id, given.delegation_id, given.resident_id, given.action, given.salt, \
            coalesce(named.rows, '[]') \
        FROM unnest($2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::bytea[]) WITH ORDINALITY \
            AS given (actor, subject, organisation_id, delegation_id, resident_id, action, salt, number) \
        LEFT JOIN (SELECT number, jsonb_agg(note ORDER BY place) AS rows FROM ("
        .to_owned();
    push_notes(&mut sql, tables, &format!("asked.place / {ROWS_MAX}"));
    sql.push_str(
        ") AS notes GROUP BY number) AS named ON named.number = given.number ORDER BY given.number RETURNING ",
    );
    sql.push_str(WRONG);
    sql.push_str(
        " AS wrong, \
         (SELECT state FROM erasures WHERE erasures.region = $1 AND erasures.resident_id = entry.resident_id FOR SHARE) AS erasure, \
         entry.resident_id",
    );
    sql
}

/// The rows of an entry if one of them is not as it was said to be.
const WRONG: &str = "CASE WHEN entry.rows @> '[{\"digest\": null}]' OR entry.rows @> '[{\"read\": false}]' \
    OR entry.rows @> '[{\"removed\": false}]' THEN entry.rows END";

/// What is to be said of every row, table by table.
fn push_notes(sql: &mut String, tables: &[Arc<Audited>], number: &str) {
    for (count, table) in tables.iter().enumerate() {
        let first = ENTRY_PARAMETERS + count * TABLE_PARAMETERS + 1;
        if count > 0 {
            sql.push_str(" UNION ALL ");
        }
        // Cannot fail: it writes into memory.
        let _ = write!(
            sql,
            "SELECT {number} AS number, asked.place, jsonb_build_object('table', '{name}', 'id', asked.id) || CASE \
                 WHEN asked.removed THEN jsonb_build_object('removed', stored.ctid IS NULL) \
                 WHEN stored.xmin = pg_current_xact_id()::xid OR asked.anew THEN jsonb_build_object('columns', {version}, \
                     'digest', encode(sha256(asked.head || convert_to({body}, 'UTF8')), 'hex')) \
                 ELSE jsonb_build_object('read', stored.ctid IS NOT NULL) END AS note \
             FROM (SELECT * FROM unnest(${place}::integer[], ${id}::text[], ${head}::bytea[], ${removed}::boolean[], ${anew}::boolean[]) \
                 AS given (place, id, head, removed, anew) LIMIT ${rows}) AS asked \
                 LEFT JOIN LATERAL (SELECT found.ctid, found.xmin, found.* FROM {table} AS found WHERE {has_id} LIMIT 1) AS stored ON true",
            name = table.name.replace('\'', "''"),
            version = table.version,
            body = table.body("stored"),
            place = first,
            id = first + 1,
            head = first + 2,
            removed = first + 3,
            anew = first + 4,
            rows = first + 5,
            table = quoted(&table.name),
            has_id = table.has_id("found", "asked.id"),
        );
    }
    if tables.is_empty() {
        sql.push_str("SELECT 0::bigint AS number, 0 AS place, NULL::jsonb AS note WHERE false");
    }
}
