//! What a service's README says of requirements: that the code it names is there, and that each requirement has a test named after it.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::tree;

const README: &str = "services/adjudication/README.md";
/// Where what the README names may lie, from the root of the checkout.
const ROOTS: [&str; 3] = ["services/adjudication/src", "services/adjudication", "."];
/// Where tests of adjudication's requirements are.
const TESTED: [&str; 3] = ["services/adjudication", "services/anjia", "libs/drg"];
/// AD-01 to AD-12.
const REQUIREMENTS: std::ops::RangeInclusive<u32> = 1..=12;

pub(crate) fn check() -> Vec<Finding> {
    let readme = tree::read(README);
    let rows = readme.lines().filter(|line| line.starts_with("| "));
    let named = rows.clone().flat_map(paths).filter(|path| !is_there(path));
    let missing = named.map(|path| Finding::new(README, 0, format!("names {path}"), "there is no such file or folder"));
    let mapped: String = rows.filter(|row| row.starts_with("| AD-")).collect();
    let tests = tests();
    missing.chain(untold(&mapped, &tests)).collect()
}

/// Requirements that no row maps, or that no test is named after.
fn untold(mapped: &str, tests: &BTreeSet<String>) -> Vec<Finding> {
    REQUIREMENTS
        .flat_map(|number| {
            let (name, word) = (format!("AD-{number:02}"), format!("ad_{number:02}_"));
            let is_mapped = mapped.contains(&name);
            let is_tested = tests.iter().any(|test| test.contains(&word));
            let unmapped =
                (!is_mapped).then(|| Finding::new(README, 0, format!("{name} is in no row"), "say where it is"));
            let untested =
                (!is_tested).then(|| Finding::new(README, 0, format!("no test is named {word}…"), "write one"));
            [unmapped, untested].into_iter().flatten()
        })
        .collect()
}

/// What stands in backticks and is a path; `a/{b,c}.rs` is two.
fn paths(row: &str) -> Vec<String> {
    let quoted = row.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.contains('/') && !text.contains(' ')).flat_map(spread).collect()
}

fn spread(text: &str) -> Vec<String> {
    match text.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?))) {
        Some((head, (words, tail))) => words.split(',').map(|word| format!("{head}{word}{tail}")).collect(),
        None => vec![text.to_owned()],
    }
}

fn is_there(path: &str) -> bool {
    ROOTS.iter().any(|root| tree::root().join(root).join(path).exists())
}

fn tests() -> BTreeSet<String> {
    let files = TESTED.into_iter().flat_map(tree::files_under).filter(|path| tree::ending(path) == Some("rs"));
    let named = files.flat_map(|path| {
        let text = tree::read(&path);
        let names = text.lines().filter_map(|line| line.trim().trim_start_matches("async ").strip_prefix("fn "));
        names.filter_map(|rest| rest.split('(').next()).map(str::to_owned).collect::<Vec<_>>()
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_without_a_row_or_a_test_is_found() {
        let tests = REQUIREMENTS.map(|number| format!("ad_{number:02}_it_is_so")).collect::<BTreeSet<_>>();
        let rows = REQUIREMENTS.map(|number| format!("| AD-{number:02} |")).collect::<Vec<_>>().join("\n");
        assert!(untold(&rows, &tests).is_empty());
        assert_eq!(untold("", &tests).len(), 12);
        let fewer = tests.into_iter().filter(|test| !test.starts_with("ad_07")).collect();
        let found: Vec<String> = untold(&rows, &fewer).iter().map(ToString::to_string).collect();
        assert!(found.len() == 1 && found[0].contains("ad_07_"), "{found:?}");
    }

    #[test]
    fn paths_of_a_row_are_those_in_backticks() {
        let row = "| AD-06 | `domain/{remote_care,clearing}.rs`, `rules/` and `layers`, [`x`](y/z) |";
        assert_eq!(paths(row), ["domain/remote_care.rs", "domain/clearing.rs", "rules/"]);
        assert!(is_there("domain/clearing.rs") && is_there("rules/") && !is_there("domain/nothing.rs"));
    }
}
