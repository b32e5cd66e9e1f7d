//! Isolation (I10): regions are kept apart by the database itself, and nothing in it names a person or opens a door.

use std::collections::BTreeSet;

use anyhow::Result;
use sqlx::{AssertSqlSafe, PgConnection};
use types::national_id::NationalId;

use super::check::{Check, Invariant::I10, Look, Violation};
use super::databases::Databases;

pub(super) const CHECKS: &[Check] = &[
    Check::everywhere(
        I10,
        "a table with a region shows only that region",
        // What every region may read is named: policies and catalogues are public rules, organisations, their designations and
        // alliances public knowledge, and a client is looked up before anybody knows its region. Reading is all they may.
        "SELECT relname::text, CASE WHEN relrowsecurity THEN 'row security lets the service reach every region' \
                ELSE 'has a region, but no row security' END \
         FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace AND nspname = 'public' \
         WHERE relkind IN ('r', 'p') \
             AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'region' AND NOT attisdropped) \
             AND NOT (relrowsecurity AND NOT EXISTS (SELECT FROM pg_policy \
                 WHERE polrelid = pg_class.oid AND polpermissive AND pg_get_expr(polqual, polrelid) NOT LIKE '%anjia.region%' \
                     AND NOT polroles <@ ARRAY(SELECT oid FROM pg_roles WHERE rolname LIKE '%\\_worker') \
                     AND NOT (polcmd = 'r' AND relname IN ('policies', 'catalogue_items', 'organisations', 'designations', 'alliances', \
                         'alliance_members', 'clients')) \
                     AND NOT (relname = 'policies' AND polname = 'demonstrations')))",
    ),
    Check::everywhere(
        I10,
        "a table about a resident has a region",
        // Staging is filled and emptied in one transaction: COPY does not work under row security.
        "SELECT table_name::text, 'has a resident, but no region' FROM information_schema.columns resident \
         JOIN information_schema.tables USING (table_schema, table_name) \
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'resident_id' \
             AND table_name <> 'enrolment_staging' AND NOT EXISTS (SELECT FROM information_schema.columns region WHERE region.table_schema = 'public' \
                 AND region.table_name = resident.table_name AND region.column_name = 'region')",
    ),
    Check::everywhere(
        I10,
        "a view shows no more than its reader may see",
        "SELECT relname::text, 'shows every region to whoever reads it' FROM pg_class \
         JOIN pg_namespace ON pg_namespace.oid = relnamespace AND nspname = 'public' \
         CROSS JOIN LATERAL aclexplode(relacl) AS granted \
         WHERE relkind IN ('v', 'm') AND granted.grantee <> relowner AND granted.privilege_type = 'SELECT' \
             AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)",
    ),
    Check::everywhere(
        I10,
        "no role of a service stands above row security",
        "SELECT rolname::text, 'is a superuser, bypasses row security or may make roles and databases' FROM pg_roles \
         WHERE (rolname = regexp_replace(current_user, '_owner$', '') \
                 OR rolname IN (current_user, regexp_replace(current_user, '_owner$', '_worker'))) \
             AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb) \
         UNION ALL \
         SELECT relname::text, 'is owned by ' || rolname || ', whom row security does not bind' FROM pg_class \
         JOIN pg_namespace ON pg_namespace.oid = relnamespace AND nspname = 'public' \
         JOIN pg_roles ON pg_roles.oid = relowner \
         WHERE relkind IN ('r', 'p') AND rolname <> current_user",
    ),
    Check { invariant: I10, name: "no identification number, token or key can be read", look: Look::Plaintext },
];

/// Eighteen characters of the form of an identification number, standing alone.
const NATIONAL_ID: &str = r"(?<![0-9A-Za-z])[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx](?![0-9A-Za-z])";
/// The first two parts of a JWT, or a PEM private key.
const SECRET: &str = r"eyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.|-----BEGIN [A-Z ]*PRIVATE KEY";

/// Columns of all databases in which an identification number, a token or a private key can be read.
pub(super) async fn plaintext(databases: &mut Databases) -> Result<Vec<Violation>> {
    let mut violations = vec![];
    for (service, connection) in databases.each() {
        for (table, column, is_binary) in columns(connection).await? {
            let found = readable(connection, &table, &column, is_binary).await?;
            violations.extend(found.into_iter().map(|(id, what)| Violation {
                service: service.clone(),
                id: format!("{table}.{column} of {id}"),
                what,
            }));
        }
    }
    Ok(violations)
}

/// Columns that can hold text, and whether they hold it as bytes.
async fn columns(connection: &mut PgConnection) -> Result<Vec<(String, String, bool)>> {
    let columns = sqlx::query_as(
        "SELECT format('%I', relname), format('%I', attname), atttypid = 'bytea'::regtype \
         FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid \
         JOIN pg_namespace ON pg_namespace.oid = relnamespace AND nspname = 'public' \
         WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped \
             AND atttypid = ANY (ARRAY['text', 'varchar', 'bpchar', 'json', 'jsonb', 'text[]', 'varchar[]', 'bytea']::regtype[]) \
         ORDER BY relname, attnum",
    );
    Ok(columns.fetch_all(connection).await?)
}

/// Rows of a column with something to read in it. The answer never repeats what was found.
async fn readable(
    connection: &mut PgConnection,
    table: &str,
    column: &str,
    is_binary: bool,
) -> Result<Vec<(String, String)>> {
    let text = if is_binary { format!("encode({column}, 'escape')") } else { format!("{column}::text") };
    // Names come from the catalogue, quoted by it.
    let sql = format!(
        "SELECT coalesce(to_jsonb({table})->>'id', {table}.ctid::text), \
                ARRAY(SELECT found[1] FROM regexp_matches({text}, $1, 'g') AS found), {text} ~ $2 \
         FROM {table} WHERE {text} ~ $1 OR {text} ~ $2"
    );
    let rows: Vec<(String, Vec<String>, bool)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(NATIONAL_ID).bind(SECRET).fetch_all(connection).await?;
    let mut found = vec![];
    for (id, numbers, is_secret) in rows {
        // Other long numbers have the same form; the check digit tells.
        let persons: BTreeSet<String> =
            numbers.iter().filter_map(|number| NationalId::parse(number).ok()).map(|number| number.masked()).collect();
        if !persons.is_empty() {
            found.push((
                id.clone(),
                format!("an identification number ({})", persons.into_iter().collect::<Vec<_>>().join(", ")),
            ));
        }
        if is_secret {
            found.push((id, "a token or private key".to_owned()));
        }
    }
    Ok(found)
}
