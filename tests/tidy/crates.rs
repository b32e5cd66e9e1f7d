//! Which crate may know which, read from the manifests: libs know no service, services know each other by contract only.

use toml::{Table, Value};

use crate::finding::Finding;
use crate::tree;

/// From the bottom up: a lib depends on those before it only.
const LIBS: [&str; 7] = ["types", "drg", "proto", "postgres", "chassis", "devstack", "testkit"];
/// Shared words do no I/O, and grouping knows no transport.
const PURE: [&str; 2] = ["types", "drg"];
const NOT_IN_PURE: [&str; 8] = ["sqlx", "tonic", "tokio", "prost", "redis", "http", "hyper", "axum"];
/// Only for tests, and for the command line that starts a mesh.
const FOR_TESTS: [&str; 2] = ["testkit", "devstack"];
/// The one crate that uses a service's crate: the command line's policy tools check, replay and measure on the engine that settles, not on
/// a copy of it. Of that service they name the domain only; `layers` sees to it.
const JUDGES_WITH: (&str, &str) = ("anjia", "adjudication");
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

struct Manifest {
    path: String,
    text: String,
    table: Table,
}

pub(crate) fn check_all() -> Vec<Finding> {
    let root: Table = tree::read("Cargo.toml").parse().expect("the root manifest is TOML");
    let members = root["workspace"]["members"].as_array().expect("members are a list").clone();
    let manifests = members.iter().filter_map(Value::as_str).map(|member| {
        let path = format!("{member}/Cargo.toml");
        Manifest::parse(&path, tree::read(&path))
    });
    manifests.flat_map(|manifest| manifest.check()).collect()
}

impl Manifest {
    fn parse(path: &str, text: String) -> Self {
        let table = text.parse().unwrap_or_else(|error| panic!("{path} is not TOML: {error}"));
        Self { path: path.to_owned(), text, table }
    }

    fn check(&self) -> Vec<Finding> {
        let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
        let known = tables.iter().flat_map(|table| self.dependencies(table));
        let mut findings: Vec<Finding> = known.filter_map(|(name, value)| self.own_version(name, value)).collect();
        findings.extend(self.own_package());
        let runtime = self.dependencies("dependencies").filter_map(|(name, _)| self.refused(name));
        findings.extend(runtime);
        // Tests may use test support, but still know no other service.
        let dev = self.dependencies("dev-dependencies").filter(|(name, _)| !FOR_TESTS.contains(name));
        findings.extend(dev.filter_map(|(name, _)| self.refused(name)));
        findings
    }

    fn dependencies(&self, table: &str) -> impl Iterator<Item = (&str, &Value)> {
        let table = self.table.get(table).and_then(Value::as_table);
        table.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }

    /// `services/payment/Cargo.toml` is `payment` of `services`.
    fn place(&self) -> (&str, &str) {
        let folder = self.path.strip_suffix("/Cargo.toml").unwrap_or_default();
        folder.split_once('/').unwrap_or((folder, folder))
    }

    /// Why this crate may not know that one, if it may not.
    fn refused(&self, name: &str) -> Option<Finding> {
        let (kind, own) = self.place();
        let rank = |name: &str| LIBS.iter().position(|lib| *lib == name);
        let instead = match (kind, rank(name)) {
            ("libs", _) if crate::SERVICES.contains(&name) => "libs know no service",
            ("libs", Some(theirs)) if rank(own).is_none_or(|own| theirs >= own) => {
                "a lib depends on those below it only: types, drg, proto, postgres, chassis, devstack, testkit"
            }
            ("libs", None) if PURE.contains(&own) && NOT_IN_PURE.contains(&name) => {
                "types and drg know no database and no transport"
            }
            ("services", _) if (own, name) == JUDGES_WITH => return None,
            ("services", _) if crate::SERVICES.contains(&name) => {
                "talk to a service by its contract in proto/, never its crate"
            }
            ("services", _) if name == "testkit" => "make it a dev-dependency",
            ("services", _) if name == "devstack" && crate::SERVICES.contains(&own) => "make it a dev-dependency",
            _ => return None,
        };
        Some(self.finding(name, format!("{own} depends on {name}"), instead))
    }

    fn own_version(&self, name: &str, value: &Value) -> Option<Finding> {
        let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
        let more = value
            .as_table()
            .into_iter()
            .flatten()
            .any(|(key, _)| !["workspace", "features", "optional"].contains(&key.as_str()));
        (!inherits || more).then(|| {
            self.finding(
                name,
                format!("{name} has a version of its own"),
                "write `workspace = true`; versions stand in the root",
            )
        })
    }

    fn own_package(&self) -> Vec<Finding> {
        let package = self.table.get("package");
        let inherits = |value: Option<&Value>| value.and_then(|value| value.get("workspace")?.as_bool()) == Some(true);
        let own = INHERITED.iter().filter(|key| !inherits(package.and_then(|package| package.get(**key))));
        let mut findings: Vec<Finding> = own
            .map(|key| self.finding(key, format!("{key} is its own"), format!("write `{key}.workspace = true`")))
            .collect();
        // Generated code is not ours to lint.
        if self.place() != ("libs", "proto") && !inherits(self.table.get("lints")) {
            findings.push(self.finding("[lints]", "the workspace's lints do not bind", "add [lints] workspace = true"));
        }
        findings
    }

    fn finding(&self, name: &str, what: impl Into<String>, instead: impl Into<String>) -> Finding {
        let line = self.text.lines().position(|line| line.starts_with(name)).map_or(0, |line| line + 1);
        Finding::new(&self.path, line, what, instead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: &str = "[package]\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                           license.workspace = true\npublish.workspace = true\n[lints]\nworkspace = true\n";

    fn found(folder: &str, dependencies: &str) -> Vec<String> {
        let manifest = Manifest::parse(&format!("{folder}/Cargo.toml"), format!("{PACKAGE}{dependencies}"));
        manifest.check().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nobody_knows_what_lies_above_or_beside() {
        let bad = [
            ("libs/types", "[dependencies]\ntokio.workspace = true"),
            ("libs/drg", "[dependencies]\ntonic.workspace = true"),
            ("libs/proto", "[dependencies]\npostgres.workspace = true"),
            ("libs/chassis", "[dependencies]\nidentity.workspace = true"),
            ("libs/postgres", "[dependencies]\ntestkit.workspace = true"),
            ("services/payment", "[dependencies]\nidentity.workspace = true"),
            ("services/payment", "[dev-dependencies]\nidentity.workspace = true"),
            ("services/payment", "[dependencies]\ndevstack.workspace = true"),
            ("services/anjia", "[dependencies]\ntestkit.workspace = true"),
            ("services/anjia", "[dependencies]\npayment.workspace = true"),
        ];
        for (folder, dependencies) in bad {
            assert_eq!(found(folder, dependencies).len(), 1, "{folder}: {dependencies}");
        }
        let good = [
            ("libs/chassis", "[dependencies]\npostgres.workspace = true\n[dev-dependencies]\ntestkit.workspace = true"),
            (
                "services/payment",
                "[dependencies]\nchassis.workspace = true\n[dev-dependencies]\ntestkit.workspace = true",
            ),
            ("services/anjia", "[dependencies]\ndevstack.workspace = true\nadjudication.workspace = true"),
            ("tests", "[dependencies]\ntestkit.workspace = true"),
        ];
        for (folder, dependencies) in good {
            assert_eq!(found(folder, dependencies), [""; 0], "{folder}: {dependencies}");
        }
    }

    #[test]
    fn versions_stand_in_the_root_only() {
        let own = found("services/payment", "[dependencies]\nserde = \"1\"");
        assert_eq!(
            own,
            [
                "services/payment/Cargo.toml:10: serde has a version of its own; write `workspace = true`; versions stand in the root"
            ]
        );
        assert_eq!(found("services/payment", "[dependencies]\nx = { workspace = true, path = \"../x\" }").len(), 1);
        assert_eq!(found("services/payment", "[dependencies]\nx = { workspace = true, features = [\"y\"] }"), [""; 0]);
    }

    #[test]
    fn a_package_inherits_what_all_share() {
        let bare = Manifest::parse("services/payment/Cargo.toml", "[package]\nversion = \"2.0.0\"".to_owned());
        assert_eq!(bare.check().len(), INHERITED.len() + 1);
    }
}
