//! Items that a booking expects and no catalogue knows: they are named beside whatever cover is found.

use types::{care::CareKind, tier::Tier};

use super::fixtures::*;
use crate::domain::{
    engine::{no_policy, not_designated, not_enrolled, waiting},
    explanation::Rule,
    input::Input,
};

fn expecting(unknown_items: Vec<String>) -> Input {
    Input { unknown_items, ..claim_with_lines(CareKind::Outpatient, Tier::Tertiary, vec![]) }
}

#[test]
fn sc_06_items_that_no_catalogue_knows_are_named_whatever_cover_was_found() {
    let input = expecting(vec!["T-1".to_owned(), "T-2".to_owned()]);
    let unreferred = Input { referred: false, ..input.clone() };
    let found = [
        (Rule::Covered, judged(&beijing(), &input).steps),
        (Rule::UnreferredNotPaid, judged(&resident(), &unreferred).steps),
        (Rule::NotEnrolled, not_enrolled(&input).unwrap().steps),
        (Rule::Waiting, waiting(&input, date("2026-05-31")).unwrap().steps),
        (Rule::NotDesignated, not_designated(&input).unwrap().steps),
        (Rule::NoPolicy, no_policy(&input)),
    ];
    for (rule, steps) in found {
        let [unknown, cover, open] = steps.as_slice() else { panic!("{steps:?}") };
        assert_eq!((unknown.rule, cover.rule, open.rule), (Rule::UnknownItems, rule, Rule::Result));
        assert!(unknown.text.zh.contains("没有“T-1”、“T-2”，"), "{unknown:?}");
        assert!(unknown.text.en.contains("does not know “T-1”, “T-2”:"), "{unknown:?}");
    }
}

#[test]
fn sc_06_of_many_items_that_no_catalogue_knows_five_are_named_and_the_rest_counted() {
    let said = |many: usize| {
        let codes = (1..=many).map(|number| format!("T-{number}")).collect();
        no_policy(&expecting(codes)).swap_remove(0).text
    };
    let (five, seven) = (said(5), said(7));
    assert!(five.zh.contains("“T-4”、“T-5”，") && five.en.contains("“T-4”, “T-5”:"), "{five:?}");
    assert!(seven.zh.contains("“T-4”、“T-5”等 7 项，") && seven.en.contains("“T-4”, “T-5” and 2 more:"), "{seven:?}");
    assert!(!seven.zh.contains("T-6") && !seven.en.contains("T-6"), "{seven:?}");
}
