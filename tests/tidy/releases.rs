//! Which migrations each release shipped, by `charts/releases.toml`. What shipped stays as it was, and what comes later has higher
//! numbers: databases out there have it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::finding::Finding;
use crate::{SERVICES, tree};

const FILE: &str = "charts/releases.toml";
const PLATFORM: &str = "libs/postgres/migrations";

/// `major.minor.patch`.
pub(crate) type Version = (u64, u64, u64);

pub(crate) fn version(text: &str) -> Option<Version> {
    let parts: Vec<u64> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    <[u64; 3]>::try_from(parts).ok().map(|[major, minor, patch]| (major, minor, patch))
}

/// Made releases, oldest first, and the one that is being made.
pub(crate) struct Releases {
    made: Vec<(Version, BTreeMap<String, String>)>,
    /// The version of the workspace.
    pub(crate) current: Version,
}

impl Releases {
    pub(crate) fn of_the_checkout() -> Self {
        let root: Table = tree::read("Cargo.toml").parse().expect("the root manifest is TOML");
        let current = root["workspace"]["package"]["version"].as_str().expect("a version");
        Self::parse(&tree::read(FILE), current)
    }

    pub(crate) fn parse(text: &str, current: &str) -> Self {
        let table: Table = text.parse().unwrap_or_else(|error| panic!("{FILE} is not TOML: {error}"));
        let releases = table.get("release").and_then(Value::as_array).into_iter().flatten();
        let made = releases.map(|release| {
            let named = release["version"].as_str().and_then(version).expect("a release has a version");
            let files = release["migrations"].as_table().expect("a release lists its migrations").iter();
            (
                named,
                files.map(|(path, digest)| (path.clone(), digest.as_str().unwrap_or_default().to_owned())).collect(),
            )
        });
        Self { made: made.collect(), current: version(current).expect("a version of three numbers") }
    }

    pub(crate) fn has_shipped(&self, path: &str) -> bool {
        self.made.iter().any(|(_, files)| files.contains_key(path))
    }

    /// Whether a release of that version was made, and is not the one being made.
    pub(crate) fn is_past(&self, named: Version) -> bool {
        named < self.current && self.made.iter().any(|(made, _)| *made == named)
    }

    /// That the list fits the versions and the files.
    pub(crate) fn check(&self, files: &[(String, String)]) -> Vec<Finding> {
        let mut findings = vec![];
        let mut find = |path: &str, what: &str, instead: &str| findings.push(Finding::new(path, 0, what, instead));
        if !self.made.is_sorted_by(|(earlier, _), (later, _)| earlier < later) {
            find(FILE, "releases are not in the order of their versions", "add a release at the end");
        }
        if self.made.last().is_some_and(|(newest, _)| *newest > self.current) {
            find(FILE, "a release is newer than the workspace", "raise the workspace's version");
        }
        let is_made = self.made.last().is_some_and(|(newest, _)| *newest == self.current);
        for (path, digest) in self.made.iter().flat_map(|(_, files)| files) {
            let content = files.iter().find(|(file, _)| file == path).map(|(_, content)| content);
            if content.map(|content| hex::encode(Sha256::digest(content))).as_ref() != Some(digest) {
                find(
                    path,
                    "it shipped in a release, and is not as it was then",
                    "put it back, and add another migration",
                );
            }
        }
        for (path, _) in files.iter().filter(|(path, _)| !self.has_shipped(path)) {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let shipped = self.made.iter().flat_map(|(_, files)| files.keys());
            let newest =
                shipped.filter(|shipped| shipped.starts_with(&format!("{folder}/"))).map(|path| number(path)).max();
            if newest >= Some(number(path)) {
                find(
                    path,
                    "a release shipped a higher number",
                    "number it above: databases of that release would not miss it",
                );
            }
            if is_made {
                find(path, "the workspace's version was released without it", "raise the workspace's version");
            }
        }
        findings
    }
}

fn number(path: &str) -> u64 {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.split('_').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{path} has no number"))
}

/// The migrations of one database, with their text, in the order in which they run: the platform's, then the service's.
pub(crate) fn migrations(service: &str) -> Vec<(String, String)> {
    let folders = [PLATFORM.to_owned(), format!("services/{service}/migrations")];
    let paths = folders.iter().flat_map(|folder| tree::files_under(folder));
    paths.map(|path| (path.clone(), tree::read(&path))).collect()
}

pub(crate) fn check() -> Vec<Finding> {
    let files: BTreeMap<String, String> = SERVICES.iter().flat_map(|service| migrations(service)).collect();
    Releases::of_the_checkout().check(&files.into_iter().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: &str) -> (String, String) {
        (path.to_owned(), content.to_owned())
    }

    fn found(files: &[(String, String)], current: &str) -> Vec<String> {
        let list = format!(
            "[[release]]\nversion = \"0.1.0\"\n[release.migrations]\n\"m/0002_a.sql\" = \"{}\"\n",
            hex::encode(Sha256::digest("SELECT 1;"))
        );
        Releases::parse(&list, current).check(files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn g11_what_shipped_stays_as_it_was_and_what_comes_later_has_a_higher_number() {
        let shipped = file("m/0002_a.sql", "SELECT 1;");
        assert_eq!(found(&[shipped.clone(), file("m/0003_b.sql", ""), file("n/0001_c.sql", "")], "0.2.0"), [""; 0]);
        for (files, current, told) in [
            (vec![file("m/0002_a.sql", "SELECT 2;")], "0.2.0", "is not as it was then"),
            (vec![], "0.2.0", "is not as it was then"),
            (vec![shipped.clone(), file("m/0001_b.sql", "")], "0.2.0", "a release shipped a higher number"),
            (vec![shipped.clone(), file("m/0003_b.sql", "")], "0.1.0", "was released without it"),
            (vec![shipped.clone()], "0.0.9", "newer than the workspace"),
        ] {
            let found = found(&files, current);
            assert!(found.len() == 1 && found[0].contains(told), "{told}: {found:?}");
        }
    }

    #[test]
    fn g11_a_release_is_noted_by_its_tool_as_this_reads_it() {
        let tool = std::process::Command::new(tree::root().join("tools/release.sh")).output().expect("it runs");
        assert!(tool.status.success(), "{}", String::from_utf8_lossy(&tool.stderr));
        let said = String::from_utf8_lossy(&tool.stdout);
        let now = Releases::of_the_checkout();
        let (major, minor, patch) = now.current;
        let both = Releases::parse(&format!("{}\n{said}", tree::read(FILE)), &format!("{major}.{}.{patch}", minor + 1));
        for service in SERVICES {
            let files = migrations(service);
            assert!(files.len() > 20 && files.iter().all(|(path, _)| both.has_shipped(path)), "{said}");
        }
        assert!(both.is_past(now.current) && !now.is_past(now.current));
    }
}
