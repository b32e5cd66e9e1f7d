//! Re-digests the rows themselves: each must be as its last entry says, and each must have one.

use std::str::FromStr as _;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use types::region::RegionCode;
use uuid::Uuid;

use super::{
    digest::{self, Salt},
    tables::{self, Audited, quoted},
    verify::{Finding, Place, Tally},
};
use crate::{
    Error,
    vault::{Cell, PersonKey, Vault},
};

/// A sealed value where it stands.
#[derive(Debug, Clone, Copy)]
pub struct SealedCell<'a> {
    pub table: &'a str,
    pub column: &'a str,
    pub row: &'a str,
    pub region: &'a str,
    pub key_version: i32,
    pub sealed: &'a [u8],
}

/// Opens sealed values: whoever verifies rows with such columns, or entries about a person, needs the keys. `None` if it does not open.
pub type Opener<'a> = dyn Fn(SealedCell<'_>) -> Option<Vec<u8>> + Send + Sync + 'a;

/// Opens with the keys of a service's vault, of all regions that have any by now. `conn` is the owner's.
pub async fn unlock<'a>(conn: &mut PgConnection, vault: &'a Vault) -> Result<Box<Opener<'a>>, Error> {
    vault.ready(&mut *conn).await?;
    // A cell is named by static texts. There are as many as sealed columns, once for each verification.
    let mut cells = vec![PERSON_KEY];
    for table in tables::all(conn).await? {
        let name: &'static str = Box::leak(table.name.into_boxed_str());
        cells.extend(table.sealed.into_iter().map(|column| (name, &*Box::leak(column.into_boxed_str()))));
    }
    Ok(Box::new(move |cell| {
        let (table, column) = *cells.iter().find(|(table, column)| *table == cell.table && *column == cell.column)?;
        let keys = vault.keys(RegionCode::from_str(cell.region).ok()?).ok()?;
        let place = Cell { table, column, row: Uuid::from_str(cell.row).ok()? };
        keys.open_bytes(place, cell.key_version, cell.sealed).ok()
    }))
}

/// Where the key of a person is wrapped, under which the salts of entries about them are sealed.
const PERSON_KEY: (&str, &str) = ("person_keys", "wrapped");

/// The last entry of every row that was written or removed, in the order of their ids. Postgres sorts on disk, however many there are.
const LATEST: &str = "CREATE TEMPORARY TABLE audit_latest ON COMMIT DROP AS \
    SELECT DISTINCT ON (note->>'table', note->>'id') note->>'table' AS name, note->>'id' AS id, \
        coalesce(note->>'columns', '0')::bigint AS version, note->>'digest' AS digest, salt, region, resident_id, sequence, occurred_at \
    FROM audit_entries, jsonb_array_elements(rows) AS note \
    WHERE jsonb_typeof(rows) = 'array' AND jsonb_typeof(note) = 'object' AND NOT note ? 'read' \
    ORDER BY note->>'table', note->>'id', sequence DESC";

/// Persons whose key was destroyed by a chained entry that says so, after an erasure that was carried out here.
const DESTROYED: &str = "CREATE TEMPORARY TABLE audit_destroyed ON COMMIT DROP AS \
    SELECT region, resident_id, max(sequence) AS sequence, max(occurred_at) AS occurred_at FROM audit_entries \
    JOIN erasures USING (region, resident_id) \
    WHERE position IS NOT NULL AND action ~ '\\.person_key\\.destroy$' AND erasures.state = 'ERASED' GROUP BY region, resident_id";

#[derive(FromRow)]
struct Checked {
    id: String,
    version: Option<i64>,
    digest: Option<String>,
    salt: Option<Vec<u8>>,
    entry_region: Option<String>,
    entry_resident: Option<Uuid>,
    person_key: Option<Vec<u8>>,
    person_key_version: Option<i32>,
    /// Its entry is from before its person's key was destroyed, or of a replica that had not heard of it.
    is_erased: bool,
    /// So it is, and law orders the row of that person kept: it should have been digested anew, or the key kept.
    is_owed: bool,
    is_there: bool,
    body: Option<String>,
    region: Option<String>,
    key_version: Option<i32>,
    sealed: Option<Vec<Option<Vec<u8>>>>,
}

/// Re-digests every row of every audited table. `conn` sees all regions and is in a transaction of its own.
pub(super) async fn verify(
    conn: &mut PgConnection,
    opener: Option<&Opener<'_>>,
    tally: &mut Tally<'_>,
) -> Result<(), Error> {
    // What is written and read below must not depend on how the session was set up.
    sqlx::raw_sql("SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, MDY'; SET LOCAL extra_float_digits = 1; \
        SET LOCAL IntervalStyle = 'postgres'; SET LOCAL bytea_output = 'hex'; DROP TABLE IF EXISTS pg_temp.audit_latest, pg_temp.audit_destroyed")
        .execute(&mut *conn)
        .await?;
    sqlx::query(LATEST).execute(&mut *conn).await?;
    sqlx::query(DESTROYED).execute(&mut *conn).await?;
    let strangers: Vec<(String, String)> = sqlx::query_as(
        // Of the list of audited tables itself, its own line is what is gone.
        "SELECT latest.name, coalesce(min(latest.id) FILTER (WHERE split_part(latest.id, '/', 1) = latest.name), min(latest.id)) \
         FROM audit_latest AS latest WHERE NOT EXISTS (SELECT FROM audited_tables AS audited WHERE audited.name = latest.name) GROUP BY latest.name",
    )
    .fetch_all(&mut *conn)
    .await?;
    for (table, id) in strangers {
        tally.found(Finding { place: Place::Row { table, id }, what: "its table is not audited any more" });
    }
    let mut tables = tables::all(&mut *conn).await?;
    tables.sort_by(|one, other| one.name.cmp(&other.name).then(one.version().cmp(&other.version())));
    let (laws, others): (Vec<_>, Vec<_>) =
        tables.chunk_by(|one, other| one.name == other.name).partition(|versions| versions[0].name == LAWS);
    // What stands in there is asked of the rows of others, word for word: not before it is known to be as it was declared.
    let wrong_before = tally.verified.wrong;
    for versions in laws {
        verify_table(&mut *conn, versions, opener, false, tally).await?;
    }
    let are_laws_whole = tally.verified.wrong == wrong_before;
    for versions in others {
        verify_table(&mut *conn, versions, opener, are_laws_whole, tally).await?;
    }
    Ok(())
}

/// Which rows are kept by law.
const LAWS: &str = "personal_tables";

async fn verify_table(
    conn: &mut PgConnection,
    versions: &[Audited],
    opener: Option<&Opener<'_>>,
    are_laws_whole: bool,
    tally: &mut Tally<'_>,
) -> Result<(), Error> {
    let Some(newest) = versions.last() else { return Ok(()) };
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
    )
    .bind(quoted(&newest.name))
    .fetch_all(&mut *conn)
    .await?;
    if !newest.is_in(&columns) {
        let place = Place::Row { table: newest.name.clone(), id: String::new() };
        tally.found(Finding { place, what: "the table lacks columns that are digested" });
        return Ok(());
    }
    let sealed = sealed_columns(versions, &columns);
    let laws = "SELECT whose FROM personal_tables WHERE $2 AND name = $1 AND NOT on_request";
    let laws: Vec<String> =
        sqlx::query_scalar(laws).bind(&newest.name).bind(are_laws_whole).fetch_all(&mut *conn).await?;
    let mut rows = sqlx::query_as::<_, Checked>(AssertSqlSafe(statement(newest, versions, &columns, &laws)))
        .bind(&newest.name)
        .fetch(conn);
    while let Some(row) = rows.try_next().await? {
        tally.row();
        if let Some(what) = judge(&row, versions, &sealed, opener, tally) {
            tally.found(Finding { place: Place::Row { table: newest.name.clone(), id: row.id }, what });
        }
    }
    Ok(())
}

/// Every row beside its last entry. `laws` say which rows of a person are kept by law.
fn statement(newest: &Audited, versions: &[Audited], columns: &[String], laws: &[String]) -> String {
    let owed = laws.iter().map(|whose| format!("({})", whose.replace("$1", "latest.resident_id")));
    let owed = owed.chain(["false".to_owned()]).collect::<Vec<_>>().join(" OR ");
    let cases: Vec<String> = versions
        .iter()
        .filter(|version| version.is_in(columns))
        .map(|version| format!("WHEN {} THEN {}", version.version(), version.body("stored")))
        .collect();
    let sealed = sealed_columns(versions, columns);
    let sealed = if sealed.is_empty() {
        "NULL::text AS region, NULL::integer AS key_version, NULL::bytea[] AS sealed".to_owned()
    } else {
        let sealed: Vec<String> = sealed.iter().map(|column| format!("stored.{}", quoted(column))).collect();
        format!("stored.region, stored.key_version, ARRAY[{}]::bytea[] AS sealed", sealed.join(", "))
    };
    format!(
        "SELECT coalesce({id}, latest.id) AS id, latest.version, latest.digest, latest.salt, \
             latest.region AS entry_region, latest.resident_id AS entry_resident, \
             person.wrapped AS person_key, person.key_version AS person_key_version, \
             fate.is_erased, CASE WHEN fate.is_erased THEN EXISTS (SELECT FROM (SELECT stored.*) AS t WHERE {owed}) ELSE false END AS is_owed, \
             stored.ctid IS NOT NULL AS is_there, CASE latest.version {cases} END AS body, {sealed} \
         FROM (SELECT * FROM audit_latest WHERE name = $1) AS latest FULL JOIN {table} AS stored ON latest.id = {id} \
         LEFT JOIN audit_destroyed AS destroyed ON destroyed.region = latest.region AND destroyed.resident_id = latest.resident_id \
         LEFT JOIN person_keys AS person ON person.region = latest.region AND person.resident_id = latest.resident_id \
         CROSS JOIN LATERAL (SELECT coalesce(latest.sequence < destroyed.sequence OR latest.occurred_at <> destroyed.occurred_at \
             AND latest.occurred_at <= destroyed.occurred_at + interval '10 minutes', false) AS is_erased) AS fate",
        id = newest.id("stored"),
        cases = cases.join(" "),
        table = quoted(&newest.name),
    )
}

/// The columns that are sealed by any version, in an order of their own: what an older one seals, a later one may not know.
fn sealed_columns<'a>(versions: &'a [Audited], columns: &[String]) -> Vec<&'a String> {
    let mut sealed: Vec<&String> = versions.iter().flat_map(|version| &version.sealed).collect();
    sealed.retain(|column| columns.contains(column));
    sealed.sort_unstable();
    sealed.dedup();
    sealed
}

/// What is wrong with a row.
fn judge(
    row: &Checked,
    versions: &[Audited],
    sealed_columns: &[&String],
    opener: Option<&Opener<'_>>,
    tally: &mut Tally<'_>,
) -> Option<&'static str> {
    let (Some(version), Some(sealed)) = (row.version, &row.salt) else { return Some("the row has no entry") };
    let Some(digest) = &row.digest else {
        return row.is_there.then_some("the row was removed, and is there");
    };
    if !row.is_there {
        return Some("the row was deleted without an entry");
    }
    let Some(audited) = versions.iter().find(|audited| i64::from(audited.version()) == version) else {
        return Some("its last entry names columns that nobody knows");
    };
    let Some(body) = &row.body else { return Some("columns that its last entry digests are gone") };
    let salt = match (row.entry_resident, opener) {
        (None, _) => Salt::open(sealed, None),
        (Some(_), None) => {
            tally.unopened();
            return None;
        }
        (Some(_), Some(opener)) => person_key(row, opener).and_then(|key| Salt::open(sealed, Some(&key))),
    };
    let Some(salt) = salt else {
        if row.is_erased {
            tally.erased();
            return row
                .is_owed
                .then_some("law orders the row kept, and nobody can say whether it is as its last entry says");
        }
        if row.person_key.is_some() {
            return Some("the key of its person does not open its entry");
        }
        tally.erased();
        return Some("the key of its person is gone: nobody can say whether it is as its last entry says");
    };
    let plain = match (audited.sealed.is_empty(), opener) {
        (true, _) => Some(vec![]),
        (false, None) => {
            tally.unopened();
            return None;
        }
        (false, Some(opener)) => open(row, audited, sealed_columns, opener),
    };
    let Some(plain) = plain else { return Some("what is sealed in it does not open") };
    let plain: Vec<Option<&str>> = plain.iter().map(Option::as_deref).collect();
    let salt = salt.of_row(&audited.name, &row.id);
    let head = digest::head(&salt, &audited.name, &row.id, audited.version(), &plain);
    (hex::encode(digest::digest(&head, body)) != *digest).then_some("the row is not as its last entry says")
}

/// The key of the person whom the entry concerns; none once it was destroyed.
fn person_key(row: &Checked, opener: &Opener<'_>) -> Option<PersonKey> {
    let (table, column) = PERSON_KEY;
    let cell = SealedCell {
        table,
        column,
        row: &row.entry_resident?.to_string(),
        region: row.entry_region.as_deref()?,
        key_version: row.person_key_version?,
        sealed: row.person_key.as_deref()?,
    };
    PersonKey::from_bytes(&opener(cell)?)
}

fn open(row: &Checked, audited: &Audited, columns: &[&String], opener: &Opener<'_>) -> Option<Vec<Option<String>>> {
    let (region, key_version) = (row.region.as_deref()?, row.key_version?);
    let cells = row.sealed.as_deref()?;
    let stored = |column: &String| cells.get(columns.iter().position(|name| *name == column)?);
    audited
        .sealed
        .iter()
        .map(|column| match stored(column)? {
            None => Some(None),
            Some(sealed) => {
                let table = audited.name.as_str();
                let plain = opener(SealedCell { table, column, row: &row.id, region, key_version, sealed })?;
                String::from_utf8(plain).ok().map(Some)
            }
        })
        .collect()
}
