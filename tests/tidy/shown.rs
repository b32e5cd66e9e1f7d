//! README.md says which test shows which requirement: those tests there are, and no requirement that has tests is left out.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::rust_source::RustSource;

const FILE: &str = "README.md";
/// A name in backticks with so many words is a test's.
const WORDS_MIN: usize = 5;

pub(crate) fn check(readme: &str, sources: &[RustSource]) -> Vec<Finding> {
    let functions: BTreeSet<&str> = sources.iter().flat_map(functions).collect();
    let named: BTreeSet<&str> = readme.split('`').skip(1).step_by(2).filter(|text| is_test(text)).collect();
    let strangers = named
        .difference(&functions)
        .map(|name| Finding::new(FILE, 0, format!("there is no test {name}"), "name one that shows it"));
    let shown: BTreeSet<&str> = named.iter().filter_map(|name| requirement(name)).collect();
    let tested: BTreeSet<&str> = functions.iter().filter_map(|name| requirement(name)).collect();
    let untold = tested.difference(&shown).map(|requirement| {
        Finding::new(FILE, 0, format!("it names no test of {requirement}"), "add one to \"What shows what\"")
    });
    strangers.chain(untold).collect()
}

fn functions(source: &RustSource) -> impl Iterator<Item = &str> {
    let named = source.tokens.windows(2).filter(|pair| pair[0].text == "fn");
    named.map(|pair| pair[1].text.as_str())
}

fn is_test(text: &str) -> bool {
    let is_name = text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    is_name && text.split('_').count() >= WORDS_MIN
}

/// `sc_04` of a test that is named after it first.
fn requirement(name: &str) -> Option<&str> {
    let (area, number) = (name.get(..2)?, name.get(3..5)?);
    let is_one = area.bytes().all(|letter| letter.is_ascii_lowercase())
        && number.bytes().all(|digit| digit.is_ascii_digit())
        && name.as_bytes().get(2) == Some(&b'_')
        && name.as_bytes().get(5) == Some(&b'_');
    if is_one { name.get(..5) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(readme: &str) -> Vec<String> {
        let source = RustSource::parse("a.rs", "fn sc_04_a_place_is_given_once() {} fn f() {}");
        check(readme, &[source]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_test_that_is_not_there_and_a_requirement_that_is_not_told_are_found() {
        assert_eq!(found("| SC-04 | `sc_04_a_place_is_given_once` by `make test` |"), [""; 0]);
        let untold = found("| SC-04 | `make test` |");
        assert!(untold.len() == 1 && untold[0].contains("no test of sc_04"), "{untold:?}");
        let strange = found("`sc_04_a_place_is_given_once`, `sc_04_a_place_is_given_twice`");
        assert!(strange.len() == 1 && strange[0].contains("no test sc_04_a_place_is_given_twice"), "{strange:?}");
    }
}
