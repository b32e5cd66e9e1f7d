//! The files of the checkout, and the rules about a file as a whole.

use std::fs;
use std::path::{Path, PathBuf};

use crate::finding::Finding;

const LINES_MAX: usize = 400;
/// What people write here. `proto/google` is vendored, the lock file is cargo's.
const FOLDERS: [&str; 7] = ["libs", "services", "tests", "tools", "proto/anjia", "charts", ".ci"];
const ENDINGS: [&str; 9] = ["rs", "sql", "proto", "toml", "sh", "py", "md", "yaml", "tpl"];
const NAMELESS: [&str; 8] = ["utils", "util", "helpers", "helper", "common", "misc", "shared", "lib_common"];

pub(crate) struct Text {
    /// From the root of the checkout.
    pub(crate) path: String,
    pub(crate) content: String,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace").to_owned()
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("reading {path}: {error}"))
}

/// Every file under a folder of the checkout, from the root of the checkout.
pub(crate) fn files_under(folder: &str) -> Vec<String> {
    let mut found = vec![];
    walk(&root().join(folder), folder, &mut found);
    found.sort();
    found
}

/// Every text that people write.
pub(crate) fn texts() -> Vec<Text> {
    let paths = FOLDERS.into_iter().flat_map(files_under);
    let texts = paths.filter(|path| ending(path).is_some_and(|ending| ENDINGS.contains(&ending)));
    texts.map(|path| Text { content: read(&path), path }).collect()
}

pub(crate) fn too_long(texts: &[Text]) -> Vec<Finding> {
    // An access file is a table with an entry a method: as long as the contract is.
    let prose = texts.iter().filter(|text| !text.path.ends_with("/access.toml"));
    let long = prose.filter(|text| text.content.lines().count() > LINES_MAX);
    long.map(|text| {
        let lines = text.content.lines().count();
        Finding::new(&text.path, LINES_MAX + 1, format!("{lines} lines"), format!("split it, {LINES_MAX} is the most"))
    })
    .collect()
}

/// Modules, files and folders whose names say nothing. The package `anjia.common` is the contract's own.
pub(crate) fn nameless(texts: &[Text]) -> Vec<Finding> {
    let code = texts.iter().filter(|text| !text.path.starts_with("proto/anjia/common/"));
    code.filter_map(|text| {
        let name = text.path.split(['/', '.']).find(|part| NAMELESS.contains(part))?;
        Some(Finding::new(&text.path, 0, format!("`{name}` says nothing"), "name it after what it holds"))
    })
    .collect()
}

pub(crate) fn ending(path: &str) -> Option<&str> {
    path.rsplit_once('.').map(|(_, ending)| ending)
}

fn walk(folder: &Path, name: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            walk(&entry.path(), &path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn a_long_file_and_a_nameless_module_are_found() {
    let text = |path: &str, lines: usize| Text { path: path.to_owned(), content: "x\n".repeat(lines) };
    assert_eq!(too_long(&[text("libs/a/src/a.rs", 400)]), []);
    let found = too_long(&[text("libs/a/src/a.rs", 401)]);
    assert_eq!(found[0].to_string(), "libs/a/src/a.rs:401: 401 lines; split it, 400 is the most");

    assert_eq!(nameless(&[text("proto/anjia/common/v1/words.proto", 1), text("libs/a/src/commonly.rs", 1)]), []);
    for path in ["services/x/src/utils.rs", "services/x/src/helpers/mod.rs", "libs/common/src/lib.rs"] {
        assert_eq!(nameless(&[text(path, 1)]).len(), 1, "{path}");
    }
}
