//! Who knows one service knows all: the same folders and files in each.

use crate::finding::Finding;
use crate::tree;

/// What every service has.
const FILES: [&str; 11] = [
    "Cargo.toml",
    "README.md",
    "access.toml",
    "src/main.rs",
    "src/lib.rs",
    "src/config.rs",
    "src/domain/mod.rs",
    "src/domain/error.rs",
    "src/grpc/convert.rs",
    "src/grpc/status.rs",
    "tests/it/main.rs",
];
/// What has something in it.
const FOLDERS: [&str; 5] = ["migrations", "src/domain", "src/app", "src/store", "src/grpc"];
/// What may lie in `src`; `peers` and `work` only where there is something in them.
const LAYERS: [&str; 6] = ["domain", "app", "store", "grpc", "peers", "work"];
const ROOTS: [&str; 3] = ["main.rs", "lib.rs", "config.rs"];
const README_LINES_MAX: usize = 120;

pub(crate) fn check_service(service: &str) -> Vec<Finding> {
    let folder = format!("services/{service}");
    let files = tree::files_under(&folder);
    let readme = format!("{folder}/README.md");
    let readme = files.contains(&readme).then(|| too_long(&readme, &tree::read(&readme))).flatten();
    check(&folder, &files).into_iter().chain(readme).collect()
}

/// `files` are those of one service, from the root of the checkout.
fn check(service: &str, files: &[String]) -> Vec<Finding> {
    let within: Vec<&str> = files.iter().filter_map(|file| file.strip_prefix(service)?.strip_prefix('/')).collect();
    let missing_files = FILES.iter().filter(|file| !within.contains(file)).map(|file| {
        Finding::new(&format!("{service}/{file}"), 0, "is missing", "every service has one (shared skeleton)")
    });
    let missing_folders = FOLDERS
        .iter()
        .filter(|folder| !within.iter().any(|file| file.starts_with(&format!("{folder}/"))))
        .map(|folder| {
            Finding::new(
                &format!("{service}/{folder}/"),
                0,
                "is missing or empty",
                "every service has one (shared skeleton)",
            )
        });
    let strangers = within.iter().filter(|file| is_stranger(file)).map(|file| {
        Finding::new(
            &format!("{service}/{file}"),
            0,
            "has no place in the skeleton",
            "put it into domain, app, store, grpc, peers or work",
        )
    });
    missing_files.chain(missing_folders).chain(strangers).chain(misnumbered(service, &within)).collect()
}

fn too_long(readme: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > README_LINES_MAX)
        .then(|| Finding::new(readme, README_LINES_MAX, format!("{lines} lines"), "one page is enough"))
}

fn is_stranger(file: &str) -> bool {
    let Some(source) = file.strip_prefix("src/") else {
        return false;
    };
    match source.split_once('/') {
        Some((folder, _)) => !LAYERS.contains(&folder),
        None => !ROOTS.contains(&source),
    }
}

/// Migrations run in the order of their numbers, so a twin is a mistake of two people working at once. They leave room for each other.
fn misnumbered(service: &str, within: &[&str]) -> Vec<Finding> {
    let migrations: Vec<&str> = within.iter().filter_map(|file| file.strip_prefix("migrations/")).collect();
    let number = |name: &str| name.split_once('_').and_then(|(number, _)| number.parse::<u32>().ok());
    let mut before = None;
    let mut wrong = vec![];
    for name in migrations {
        let current = number(name);
        if current.is_none() || current == before {
            let path = format!("{service}/migrations/{name}");
            wrong.push(Finding::new(&path, 0, "is out of order", "give it a number of its own"));
        }
        before = current;
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(more: &[&str], without: &str) -> Vec<String> {
        let whole = FILES.iter().chain(&["migrations/0001_a.sql", "src/app/a.rs", "src/store/a.rs", "src/grpc/a.rs"]);
        let files = whole.chain(more).filter(|file| **file != without).map(|file| format!("services/x/{file}"));
        let mut files: Vec<String> = files.collect();
        files.sort();
        check("services/x", &files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_skeleton_passes_with_or_without_peers() {
        assert_eq!(found(&[], ""), [""; 0]);
        assert_eq!(found(&["src/peers/identity.rs", "src/work/mod.rs", "continuations.toml"], ""), [""; 0]);
    }

    #[test]
    fn what_is_missing_strange_or_misnumbered_is_found() {
        assert_eq!(
            found(&[], "README.md"),
            ["services/x/README.md: is missing; every service has one (shared skeleton)"]
        );
        assert_eq!(found(&[], "src/app/a.rs").len(), 1);
        assert_eq!(found(&["src/model/a.rs"], "").len(), 1);
        assert_eq!(found(&["src/server.rs"], "").len(), 1);
        assert_eq!(found(&["migrations/0003_c.sql"], ""), [""; 0]);
        assert_eq!(found(&["migrations/c.sql"], "").len(), 1);
        assert_eq!(found(&["migrations/0001_b.sql"], "").len(), 1);
        assert!(too_long("services/x/README.md", &"x\n".repeat(121)).is_some());
    }
}
