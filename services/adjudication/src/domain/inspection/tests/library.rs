//! The library is whole, and the table in its README says the same.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::domain::inspection::library::DOCUMENTS;
use crate::domain::inspection::{Kind, Library, RuleBook, Standing, standings};

use super::fixtures::DEMONSTRATION;

const README: &str = include_str!("../../../../rules/README.md");

#[test]
fn ad_08_all_88_national_rules_have_a_kind_of_check_or_a_reason_why_not() {
    let library = Library::read(DOCUMENTS.0, DOCUMENTS.1).unwrap();
    let national: Vec<_> = library.rules().iter().filter(|rule| rule.id.starts_with("N25-")).collect();
    let ids: Vec<String> = national.iter().map(|rule| rule.id.clone()).collect();
    assert_eq!(ids, (1..=88).map(|number| format!("N25-{number:03}")).collect::<Vec<_>>());
    assert_eq!(national.iter().filter(|rule| rule.code.is_none()).count(), 10, "new in 2025, published without a code");
    let codes: BTreeSet<_> = national.iter().filter_map(|rule| rule.code.as_ref()).collect();
    assert_eq!(codes.len(), 78, "each its own");
    for rule in library.rules() {
        assert_eq!(rule.kind.is_some(), rule.undecidable.is_none(), "{}", rule.id);
        assert!(!rule.name.zh.is_empty() && !rule.name.en.is_empty(), "{}", rule.id);
    }
    assert!(library.rule("X-01").is_some_and(|rule| rule.kind == Some(Kind::HangBed) && rule.source.is_some()));
    assert_eq!(library.rules(), Library::national().rules(), "the embedded one is this one");
}

#[test]
fn ad_08_the_published_points_read_and_what_lacks_a_number_is_listed_as_such() {
    let library = Library::national();
    let count = |rule: &str| library.points(rule).and_then(|points| points.as_array()).map_or(0, Vec::len);
    assert_eq!((count("N25-027"), count("N25-031"), count("N25-023"), count("N25-025")), (67, 10, 11, 20));
    assert_eq!(library.incomplete("N25-031").count(), 4, "HbA1c and fructosamine have no ordered interval");
    assert_eq!(library.incomplete("N25-067").count() + library.incomplete("N25-081").count(), 10, "the sex is missing");
}

#[test]
fn ad_08_a_rule_that_a_region_did_not_configure_says_so() {
    let book = RuleBook::read(DEMONSTRATION).unwrap();
    let all = standings(Some(&book));
    let count = |wanted: fn(&Standing<'_>) -> bool| all.iter().filter(|(_, standing)| wanted(standing)).count();
    let checked = count(|standing| matches!(standing, Standing::Checked(_)));
    let not_configured = count(|standing| matches!(standing, Standing::NotConfigured));
    let not_decidable = count(|standing| matches!(standing, Standing::NotDecidable));
    assert_eq!((checked, not_configured + not_decidable), (book.rules().len(), 91 - checked));
    assert!(not_configured > 0 && not_decidable > 0);
    assert!(standings(None).iter().all(|(_, standing)| !matches!(standing, Standing::Checked(_))));
}

#[test]
fn ad_08_the_table_of_the_readme_says_what_the_library_says() {
    let mut table = String::from("| rule | national code | name | checked as |\n|---|---|---|---|\n");
    for rule in Library::national().rules() {
        let code = rule.code.as_deref().unwrap_or("—");
        let checked = match (rule.kind, &rule.undecidable) {
            (Some(kind), _) => format!("`{kind:?}`"),
            (None, Some(why)) => format!("not decidable: {}", why.en),
            (None, None) => String::new(),
        };
        writeln!(table, "| {} | {code} | {} {} | {checked} |", rule.id, rule.name.zh, rule.name.en).unwrap();
    }
    assert!(README.contains(&table), "the table should read:\n{table}");
}
