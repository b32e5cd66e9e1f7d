//! The architecture as a test: what may name what, which crate may know which, and that every service looks alike. Every finding
//! says where it is and what to do instead; every rule is shown to bite by a snippet that breaks it.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod contracts;
mod crates;
mod destructive;
mod finding;
mod layers;
mod migrations;
mod peers;
mod releases;
mod requirements;
mod rust_source;
mod shown;
mod skeleton;
mod statements;
mod tree;

use finding::Finding;
use rust_source::RustSource;

/// The five services: one skeleton, one set of rules.
const SERVICES: [&str; 5] = ["identity", "scheduling", "referral", "adjudication", "payment"];

fn assert_tidy(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} untidy:\n{}", findings.len(), lines.join("\n"));
}

#[test]
fn every_file_fits_in_a_head() {
    assert_tidy(&tree::too_long(&tree::texts()));
}

#[test]
fn modules_are_named_after_what_they_hold() {
    assert_tidy(&tree::nameless(&tree::texts()));
}

#[test]
fn each_layer_names_only_what_it_may() {
    assert_tidy(&rust_sources().iter().flat_map(layers::check).collect::<Vec<_>>());
}

#[test]
fn crates_know_only_what_lies_below_them() {
    assert_tidy(&crates::check_all());
}

#[test]
fn every_service_has_the_same_skeleton() {
    assert_tidy(&SERVICES.iter().flat_map(|service| skeleton::check_service(service)).collect::<Vec<_>>());
}

#[test]
fn every_method_has_its_access_entry_and_the_reverse() {
    assert_tidy(&SERVICES.iter().flat_map(|service| contracts::access(service)).collect::<Vec<_>>());
}

#[test]
fn a_service_may_call_what_it_calls_and_nothing_else() {
    assert_tidy(&peers::check_all(&SERVICES));
}

#[test]
fn every_contract_says_what_it_means() {
    assert_tidy(&contracts::comments(proto::FILE_DESCRIPTOR_SET));
}

#[test]
fn every_reason_a_service_gives_stands_in_its_contract() {
    assert_tidy(&SERVICES.iter().flat_map(|service| contracts::reasons(service)).collect::<Vec<_>>());
}

#[test]
fn rows_with_a_region_are_protected_by_it() {
    assert_tidy(&SERVICES.iter().flat_map(|service| migrations::check_service(service)).collect::<Vec<_>>());
}

#[test]
fn what_adjudication_says_of_its_requirements_is_so() {
    assert_tidy(&requirements::check());
}

#[test]
fn g11_migrations_that_shipped_stay_as_they_were() {
    assert_tidy(&releases::check());
}

#[test]
fn g11_a_migration_takes_nothing_that_the_release_before_needs() {
    assert_tidy(&SERVICES.iter().flat_map(|service| destructive::check_service(service)).collect::<Vec<_>>());
}

#[test]
fn readme_names_tests_that_there_are_and_every_requirement_that_has_some() {
    assert_tidy(&shown::check(&tree::read("README.md"), &rust_sources()));
}

/// Every Rust file, with its tests marked.
fn rust_sources() -> Vec<RustSource> {
    let texts = tree::texts().into_iter().filter(|text| tree::ending(&text.path) == Some("rs"));
    rust_source::read_all(texts.map(|text| (text.path, text.content)))
}
