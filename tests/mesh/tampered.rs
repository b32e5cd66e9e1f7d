//! G10 over the five services themselves: an insider who is superuser, whom no trigger, grant, constraint or row security binds, edits
//! what the referral journey left behind. Every tampering is found and located.

use std::sync::Arc;

use devstack::{MeshRecord, SERVICES};
use postgres::audit::{self, Against, Anchor, NoteSigner, NoteVerifier, Opener, Place, Verified};
use postgres::vault::{FileKeys, KeyProvider, Vault};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use crate::audited::city_at_work;

const TAMPERINGS: usize = 200;
/// The seed of a run to see again; a new one each time where there is none.
const REPLAYED: Option<u64> = None;
/// Of those that the database itself refuses, such as a second row of what there is one of.
const TRIES_MAX: usize = 10 * TAMPERINGS;

/// The database of a service, and what its audit is held against.
struct Victim {
    insider: PgConnection,
    anchor: Anchor,
    verifier: NoteVerifier,
    tables: Vec<Table>,
    entries: i64,
}

/// An audited table with rows, as its newest list of columns says.
#[derive(Debug, FromRow)]
struct Table {
    name: String,
    key: Vec<String>,
    /// What is digested, with the type of each.
    columns: Vec<String>,
    types: Vec<String>,
}

/// What an insider does, and where it must be found.
struct Tampering {
    sql: String,
    place: Place,
}

impl Victim {
    async fn new(city: &mesh_tests::City, record: &MeshRecord, service: &'static str) -> Self {
        let mut insider = city.mesh.cluster().admin(service).await.expect("an insider with the database");
        let lists: Vec<Table> = sqlx::query_as(
            "SELECT name, key, columns || sealed AS columns, \
                 ARRAY(SELECT format_type(atttypid, NULL) FROM unnest(columns || sealed) WITH ORDINALITY AS of (col, place) \
                     JOIN pg_attribute ON attrelid = name::regclass AND attname = col ORDER BY place) AS types \
             FROM (SELECT DISTINCT ON (name) * FROM audited_tables ORDER BY name, version DESC) newest ORDER BY name",
        )
        .fetch_all(&mut insider)
        .await
        .expect("lists of columns");
        let mut tables = vec![];
        for table in lists {
            let sql = format!("SELECT EXISTS (SELECT FROM {})", table.name);
            if sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut insider).await.expect("a table") {
                tables.push(table);
            }
        }
        let entries = "SELECT count(position) FROM audit_entries";
        let entries = sqlx::query_scalar(entries).fetch_one(&mut insider).await.expect("counted");
        let signer = NoteSigner::load(format!("anjia/{service}"), &record.audit_key(service)).expect("a key");
        let anchor = Anchor::in_folder(record.anchor(service));
        Self { insider, anchor, verifier: signer.verifier(), tables, entries }
    }

    async fn free(&mut self) {
        let free = "SET session_replication_role = replica; \
            DO $$ DECLARE held record; BEGIN \
                FOR held IN SELECT conname, conrelid::regclass AS owner FROM pg_constraint \
                    WHERE contype = 'c' AND connamespace = 'public'::regnamespace LOOP \
                    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', held.owner, held.conname); \
                END LOOP; \
            END $$";
        sqlx::raw_sql(free).execute(&mut self.insider).await.expect("a superuser");
    }

    async fn draw(&mut self, rng: &mut StdRng) -> Tampering {
        if rng.random_bool(0.2) {
            let position = rng.random_range(1..=self.entries);
            let edits = ["actor = actor || 'x'", "occurred_at = occurred_at - interval '1 second'", "rows = '[]'"];
            let edit = edits.choose(rng).expect("one of three");
            let sql = if rng.random_bool(0.3) {
                format!("DELETE FROM audit_entries WHERE position = {position}")
            } else {
                format!("UPDATE audit_entries SET {edit} WHERE position = {position}")
            };
            return Tampering { sql, place: Place::Entry(position.unsigned_abs()) };
        }
        let table = self.tables.choose(rng).expect("audited tables");
        let name = &table.name;
        let (id, row): (String, String) = {
            let sql = format!("SELECT {}, ctid::text FROM {name} AS t ORDER BY random() LIMIT 1", table.id());
            sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut self.insider).await.expect("a row")
        };
        let place = Place::Row { table: name.clone(), id };
        let sql = match rng.random_range(0..10) {
            0 => format!("DELETE FROM {name} WHERE ctid = '{row}'"),
            1 => return table.slipped_in(&row),
            _ => {
                let free: Vec<usize> =
                    (0..table.columns.len()).filter(|at| !table.key.contains(&table.columns[*at])).collect();
                let Some(&at) = free.choose(rng) else { return table.slipped_in(&row) };
                let column = &table.columns[at];
                let other = other(&table.types[at], column);
                format!("UPDATE {name} SET \"{column}\" = {other} WHERE ctid = '{row}'")
            }
        };
        Tampering { sql, place }
    }

    async fn verify(&mut self, opener: &Opener<'_>) -> Verified {
        let anchor = Some((&self.anchor, &self.verifier));
        let against = Against { anchor, opener: Some(opener), ..Against::default() };
        audit::verify_in(&mut self.insider, against).await.expect("verified")
    }

    async fn run(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.insider).await?;
        Ok(done.rows_affected())
    }
}

impl Table {
    /// The id of a row `t`, as entries name it.
    fn id(&self) -> String {
        let text = |column: &String| format!("t.\"{column}\"::text");
        match self.key.as_slice() {
            [column] => text(column),
            columns => {
                let escaped = |column| format!("replace(replace({}, '%', '%25'), '/', '%2F')", text(column));
                columns.iter().map(escaped).collect::<Vec<_>>().join(" || '/' || ")
            }
        }
    }

    /// A copy of a row under a key of its own.
    fn slipped_in(&self, row: &str) -> Tampering {
        let at = self.columns.iter().position(|column| *column == self.key[0]).expect("keys are digested");
        let (key, id) = match self.types[at].as_str() {
            "uuid" => ("'00000000-0000-7000-8000-00000000dead'::uuid", "00000000-0000-7000-8000-00000000dead"),
            _ => ("'slipped-in'", "slipped-in"),
        };
        let rest: Vec<String> = self.key[1..].iter().map(|column| format!("'/' || \"{column}\"::text")).collect();
        let rest = if rest.is_empty() { "''".to_owned() } else { rest.join(" || ") };
        let name = &self.name;
        // What the rest of its key is, the row says itself; it stands in the id behind the first part.
        let sql = format!(
            "CREATE TEMPORARY TABLE slipped ON COMMIT DROP AS SELECT * FROM {name} WHERE ctid = '{row}'; \
             UPDATE slipped SET \"{0}\" = {key}; INSERT INTO {name} SELECT * FROM slipped; \
             DO $$ BEGIN PERFORM set_config('tampered.id', '{id}' || (SELECT {rest} FROM slipped), false); END $$; DROP TABLE slipped",
            self.key[0]
        );
        Tampering { sql, place: Place::Row { table: name.clone(), id: String::new() } }
    }
}

/// Another value of a type.
fn other(kind: &str, column: &str) -> String {
    let column = format!("\"{column}\"");
    match kind {
        "uuid" => "gen_random_uuid()".to_owned(),
        "boolean" => format!("NOT coalesce({column}, false)"),
        "timestamp with time zone" => format!("coalesce({column} + interval '1 second', now())"),
        "date" => format!("coalesce({column} + 1, current_date)"),
        "smallint" | "integer" | "bigint" | "numeric" | "double precision" => format!("coalesce({column} + 1, 1)"),
        "bytea" => format!("coalesce({column} || '\\x00', '\\x00')"),
        "jsonb" => format!("jsonb_build_array({column}, 'more')"),
        "uuid[]" => format!("coalesce({column}, '{{}}') || gen_random_uuid()"),
        "text[]" => format!("coalesce({column}, '{{}}') || 'more'::text"),
        "xid8" => "'1'::xid8".to_owned(),
        "text" => format!("coalesce({column} || '!', '!')"),
        other => panic!("how is a column of type {other} edited?"),
    }
}

#[tokio::test]
async fn g10_id_09_two_hundred_tamperings_of_the_five_services_are_all_found_and_located() {
    let seed = REPLAYED.unwrap_or_else(rand::random::<u64>);
    println!("SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut city = city_at_work().await;
    let record = city.mesh.record(true).expect("a record of the mesh");
    // Nobody works on: what is looked at does not move.
    for service in SERVICES {
        city.mesh.fleet_mut().stop(service).await.expect("it leaves");
    }
    let provider: Arc<dyn KeyProvider> =
        Arc::new(FileKeys::load(&record.keys.join("wrapping.key")).expect("a wrapping key"));
    let (mut done, mut tried, mut covered) = (0, 0, std::collections::BTreeSet::new());
    for service in SERVICES {
        let mut victim = Victim::new(&city, &record, service).await;
        let vault = Vault::new(Arc::clone(&provider));
        let opener = audit::unlock(&mut victim.insider, &vault).await.expect("its keys");
        victim.run("BEGIN ISOLATION LEVEL REPEATABLE READ").await.expect("begun");
        let clean = victim.verify(&*opener).await;
        assert!(clean.is_whole() && clean.unopened == 0 && clean.anchored > 0, "{service}: {clean:#?}");
        victim.free().await;
        let until = done + TAMPERINGS / SERVICES.len();
        while done < until {
            tried += 1;
            assert!(tried < TRIES_MAX, "the databases refuse most of it: {done} of {tried}");
            let Tampering { sql, mut place } = victim.draw(&mut rng).await;
            victim.run("SAVEPOINT before").await.expect("a savepoint");
            if victim.run(&sql).await.is_ok() {
                if let Place::Row { id, .. } = &mut place
                    && id.is_empty()
                {
                    let told = sqlx::query_scalar("SELECT current_setting('tampered.id')");
                    *id = told.fetch_one(&mut victim.insider).await.expect("an id");
                }
                let verified = victim.verify(&*opener).await;
                // Where the lists are wrong about themselves, no row of theirs can be read: the table is what is pointed at.
                let lists = Place::Row { table: "audited_tables".to_owned(), id: String::new() };
                let of_lists = matches!(&place, Place::Row { table, .. } if table == "audited_tables");
                let is_at = |found: &Place| *found == place || (of_lists && *found == lists);
                let is_located = verified.findings.iter().any(|finding| is_at(&finding.place));
                assert!(is_located, "SEED={seed}, {service}: {sql}\nnot at {place}: {verified:#?}");
                if let Place::Row { table, .. } = place {
                    covered.insert((service, table));
                }
                done += 1;
            }
            victim.run("ROLLBACK TO SAVEPOINT before").await.expect("rolled back");
        }
        victim.run("ROLLBACK").await.expect("rolled back");
        victim.run("BEGIN ISOLATION LEVEL REPEATABLE READ").await.expect("begun");
        assert_eq!(victim.verify(&*opener).await, clean, "{service}");
    }
    assert_eq!(done, TAMPERINGS);
    assert!(covered.len() >= 30, "only {} tables were tampered with: {covered:?}", covered.len());
}
