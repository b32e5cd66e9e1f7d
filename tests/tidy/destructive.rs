//! Expand, then contract: the release before runs beside a new one, and after a rollback, on the new one's database. So a migration may
//! add; what takes something from that release waits until a release has shipped that does without, and says which:
//!
//! ```sql
//! -- contract: expanded in 0.2.0
//! ALTER TABLE visits DROP COLUMN tier;
//! ```
//!
//! Judged are migrations that no release shipped, in what they do to tables that one has. What would keep that release from writing
//! for as long as a table is long has another form, and no release makes it right.

mod judge;
mod schema;

use crate::finding::Finding;
use crate::releases::{self, Releases, version};
use crate::statements::{self, Statement};
use judge::Verdict;
use schema::Schema;

const MARK: &str = "contract: expanded in";

pub(crate) fn check_service(service: &str) -> Vec<Finding> {
    check(&releases::migrations(service), &Releases::of_the_checkout())
}

/// `files` in the order in which they run.
fn check(files: &[(String, String)], releases: &Releases) -> Vec<Finding> {
    if !files.iter().any(|(path, _)| releases.has_shipped(path)) {
        // Nobody has anything to lose yet.
        return vec![];
    }
    let mut schema = Schema::default();
    for (_, sql) in files.iter().filter(|(path, _)| releases.has_shipped(path)) {
        for statement in statements::read(sql) {
            schema.take(&statement);
        }
    }
    let mut findings = vec![];
    for (path, sql) in files.iter().filter(|(path, _)| !releases.has_shipped(path)) {
        let read = statements::read(sql);
        let is_alone = read.len() == 1 && sql.starts_with("-- no-transaction\n");
        for statement in &read {
            findings.extend(finding(path, statement, judge::judge(&statement.words, &schema, is_alone), releases));
            schema.take_checks(statement);
        }
    }
    findings
}

fn finding(path: &str, statement: &Statement, verdict: Verdict, releases: &Releases) -> Option<Finding> {
    let named = statement.comments.iter().find_map(|comment| comment.strip_prefix(MARK)).map(str::trim);
    let (what, instead) = match verdict {
        Verdict::Adds => return None,
        Verdict::Form { what, instead } => (what, instead),
        Verdict::Takes(what) => match named.map(|named| version(named).filter(|named| releases.is_past(*named))) {
            Some(Some(_)) => return None,
            Some(None) => (what, "the release it names has not shipped yet: contract in the next one".to_owned()),
            None => {
                let instead = format!("do without it first, and a release later name the one that did: `-- {MARK} …`");
                (what, instead)
            }
        },
    };
    Some(Finding::new(path, statement.line, what, instead))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str =
        "CREATE TABLE visits (id uuid PRIMARY KEY, tier text, note text CONSTRAINT visits_note_key UNIQUE);
        CREATE UNIQUE INDEX visits_tier_key ON visits (tier);
        CREATE INDEX visits_note ON visits (note);";

    fn found(sql: &str) -> Vec<String> {
        let list = "[[release]]\nversion = \"0.1.0\"\nmigrations = { \"1.sql\" = \"\" }\n[[release]]\nversion = \"0.2.0\"\nmigrations = {}";
        let files = [("1.sql".to_owned(), SHIPPED.to_owned()), ("2.sql".to_owned(), sql.to_owned())];
        check(&files, &Releases::parse(list, "0.3.0")).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn g11_what_the_release_before_needs_is_not_taken_from_it() {
        for sql in [
            "DROP TABLE visits",
            "DROP TABLE IF EXISTS wards, public.visits CASCADE",
            "ALTER TABLE visits DROP COLUMN tier",
            "ALTER TABLE ONLY visits ADD COLUMN a text, DROP tier",
            "ALTER TABLE visits RENAME COLUMN tier TO level",
            "ALTER TABLE visits RENAME TO stays",
            "ALTER TABLE visits ALTER COLUMN tier TYPE integer USING 1",
            "ALTER TABLE visits ALTER tier SET DATA TYPE varchar(3)",
            "ALTER TABLE visits ALTER COLUMN tier SET NOT NULL",
            "ALTER TABLE visits ALTER COLUMN tier DROP DEFAULT",
            "ALTER TABLE visits DROP CONSTRAINT visits_note_key",
            "ALTER TABLE visits ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE visits ADD CONSTRAINT t CHECK (tier IS NOT NULL) NOT VALID",
            "ALTER TABLE visits ADD CONSTRAINT visits_tier_check CHECK (tier IN ('A', 'B')) NOT VALID",
            "ALTER TABLE visits ADD CONSTRAINT t FOREIGN KEY (id) REFERENCES wards NOT VALID",
            "ALTER TABLE visits ADD CONSTRAINT k UNIQUE USING INDEX v",
            "ALTER TABLE visits ADD CONSTRAINT k PRIMARY KEY USING INDEX v",
            "CREATE TRIGGER t BEFORE INSERT ON visits FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE OR REPLACE TRIGGER t BEFORE UPDATE OF tier ON public.visits FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON visits FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE POLICY p ON visits AS RESTRICTIVE USING (tier IS NOT NULL)",
            "DO $$ BEGIN EXECUTE format('CREATE POLICY p ON %I AS RESTRICTIVE USING (true)', 'visits'); END $$",
            "DO $$ BEGIN CREATE TRIGGER t BEFORE DELETE ON visits FOR EACH ROW EXECUTE FUNCTION f(); END $$",
            "ALTER TYPE level RENAME VALUE 'A' TO 'B'",
            "DROP INDEX visits_tier_key",
            "DROP FUNCTION seal(uuid)",
            "DROP TYPE level",
            "TRUNCATE visits",
            "DELETE FROM visits WHERE tier IS NULL",
            "REVOKE UPDATE ON visits FROM PUBLIC",
            "CALL append_only('visits')",
            "DO $$ BEGIN EXECUTE format('REVOKE DELETE, TRUNCATE ON visits FROM %I', service_role()); END $$",
            "DO $$ BEGIN IF true THEN ALTER TABLE visits DROP COLUMN tier; END IF; END $$",
            "DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'visits'); END $$",
            "VACUUM FULL visits",
        ] {
            let told = found(sql);
            assert!(told.len() == 1 && told[0].contains("a release later"), "{sql}: {told:?}");
            assert_eq!(found(&format!("-- contract: expanded in 0.2.0\n{sql}")), [""; 0], "{sql}");
        }
    }

    #[test]
    fn g11_a_mark_names_a_release_that_has_shipped_and_stands_right_before() {
        for version in ["0.3.0", "0.4.0", "0.1.5", "soon", ""] {
            let told = found(&format!("-- contract: expanded in {version}\nDROP TABLE visits"));
            assert!(told.len() == 1 && told[0].contains("has not shipped yet"), "{version}: {told:?}");
        }
        let told = found("-- contract: expanded in 0.2.0\nSELECT 1;\nDROP TABLE visits;");
        assert!(told.len() == 1 && told[0].starts_with("2.sql:3: "), "{told:?}");
    }

    #[test]
    fn g11_what_keeps_a_release_from_writing_has_another_form() {
        const CONCURRENTLY: &str = "CREATE INDEX CONCURRENTLY IF NOT EXISTS v ON visits (tier);";
        for (sql, instead) in [
            ("CREATE INDEX v ON visits (tier)", "CONCURRENTLY IF NOT EXISTS"),
            ("-- contract: expanded in 0.2.0\nCREATE UNIQUE INDEX v ON visits (tier)", "CONCURRENTLY IF NOT EXISTS"),
            ("-- no-transaction\nCREATE INDEX CONCURRENTLY v ON visits (tier)", "CONCURRENTLY IF NOT EXISTS"),
            (CONCURRENTLY, "alone in a file"),
            ("DO $$ BEGIN CREATE INDEX v ON visits (tier); END $$", "CONCURRENTLY IF NOT EXISTS"),
            (
                "DO $$ BEGIN EXECUTE format('CREATE INDEX v ON %I (tier)', 'visits'); END $$",
                "CONCURRENTLY IF NOT EXISTS",
            ),
            ("DO $$ BEGIN EXECUTE 'CREATE INDEX ' || 'v ON visits (tier)'; END $$", "CONCURRENTLY IF NOT EXISTS"),
            ("ALTER TABLE visits ADD CONSTRAINT t CHECK (tier <> '')", "NOT VALID"),
            ("ALTER TABLE visits ADD CONSTRAINT t FOREIGN KEY (id) REFERENCES wards", "NOT VALID"),
            ("ALTER TABLE visits ADD UNIQUE (tier)", "USING INDEX"),
            ("ALTER TABLE visits ADD COLUMN a text NOT NULL", "DEFAULT"),
            ("ALTER TABLE visits ADD COLUMN a text CONSTRAINT a UNIQUE", "CONCURRENTLY"),
        ] {
            let told = found(sql);
            assert!(told.len() == 1 && told[0].contains(instead), "{sql}: {told:?}");
        }
        assert_eq!(found(&format!("-- no-transaction\n{CONCURRENTLY}")), [""; 0]);
        assert_eq!(found(&format!("-- no-transaction\n{CONCURRENTLY}\nSELECT 1;")).len(), 1);
    }

    #[test]
    fn g11_an_index_that_refuses_rows_takes_from_the_release_before_however_it_is_built() {
        const UNIQUE: &str = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS v ON visits (note)";
        let told = found(&format!("-- no-transaction\n{UNIQUE}"));
        assert!(told.len() == 1 && told[0].contains("a release later"), "{told:?}");
        assert_eq!(found(&format!("-- no-transaction\n-- contract: expanded in 0.2.0\n{UNIQUE}")), [""; 0]);
    }

    #[test]
    fn g11_what_only_adds_passes_and_so_does_all_that_is_done_to_new_tables() {
        for sql in [
            "CREATE TABLE wards (id uuid PRIMARY KEY); CREATE INDEX w ON wards (id); ALTER TABLE wards DROP COLUMN id; DROP TABLE wards",
            "ALTER TABLE visits ADD COLUMN a text, ADD b integer NOT NULL DEFAULT 0 CHECK (b >= 0), ADD COLUMN IF NOT EXISTS c uuid",
            "ALTER TABLE visits ALTER COLUMN tier DROP NOT NULL, ALTER tier SET DEFAULT 'x', DROP CONSTRAINT visits_tier_check",
            "ALTER TABLE visits VALIDATE CONSTRAINT visits_tier_check",
            "UPDATE visits SET tier = 'A' WHERE tier IS NULL; INSERT INTO visits VALUES (1)",
            "DROP INDEX visits_note; COMMENT ON TABLE visits IS 'DROP TABLE visits'",
            "CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM visits; END $$",
            "DO $$ BEGIN EXECUTE format('GRANT UPDATE (tier) ON visits TO %I', service_role()); END $$",
            "DO $$ BEGIN EXECUTE format('REVOKE DELETE, TRUNCATE ON wards FROM %I', service_role()); END $$",
            "CREATE TABLE wards (id uuid); CALL append_only('wards')",
            "CREATE TABLE wards (id uuid); CREATE UNIQUE INDEX w ON wards (id); ALTER TABLE wards ADD CHECK (id IS NOT NULL)",
            "CREATE TABLE wards (id uuid); CREATE TRIGGER t BEFORE DELETE ON wards FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE POLICY p ON visits USING (true); CREATE POLICY p ON wards AS RESTRICTIVE USING (true)",
            "DO $$ BEGIN CREATE TABLE wards (id uuid REFERENCES visits ON DELETE CASCADE); CREATE INDEX w ON wards (id); END $$",
            "DO $$ BEGIN EXECUTE format('CREATE POLICY all_regions ON visits TO %I USING (true)', worker_role()); END $$",
        ] {
            assert_eq!(found(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn g11_a_column_whose_check_was_validated_may_be_set_not_null() {
        let check =
            "-- contract: expanded in 0.2.0\nALTER TABLE visits ADD CONSTRAINT t CHECK (tier IS NOT NULL) NOT VALID;";
        let validate = "ALTER TABLE visits VALIDATE CONSTRAINT t;";
        let tighten = "ALTER TABLE visits ALTER COLUMN tier SET NOT NULL;";
        assert_eq!(found(&format!("{check}\n{validate}\n{tighten}")), [""; 0]);
        assert_eq!(found(&format!("{check}\n{tighten}")).len(), 1, "it was not validated");
    }

    #[test]
    fn before_the_first_release_nobody_has_anything_to_lose() {
        let files = [("1.sql".to_owned(), SHIPPED.to_owned()), ("2.sql".to_owned(), "DROP TABLE visits".to_owned())];
        assert_eq!(check(&files, &Releases::parse("", "0.1.0")), []);
    }
}
