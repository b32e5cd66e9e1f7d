//! Every way in which an example is read and compared.

use super::{Example, ExampleError, Outcome};

const BEIJING: &str = include_str!("../../../policies/beijing-employee.json");
const WE_001: &str = include_str!("../../../policies/examples/we-001.json");
const WE_004: &str = include_str!("../../../policies/examples/we-004.json");
const WE_013: &str = include_str!("../../../policies/examples/we-013.json");
const WE_018: &str = include_str!("../../../policies/examples/we-018.json");
const ID_003: &str = include_str!("../../../policies/examples/id-003.json");

fn replayed(text: &str) -> Outcome {
    Example::read(text).unwrap().replay(Some(BEIJING)).unwrap()
}

fn off(text: &str) -> Vec<String> {
    match replayed(text) {
        Outcome::Off(off) => off.into_iter().map(|off| off.figure).collect(),
        other => panic!("{other:?}"),
    }
}

fn edited(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

#[test]
fn ad_02_what_was_published_is_reproduced_or_named_as_off() {
    assert_eq!(replayed(WE_001), Outcome::Exact);
    assert_eq!(off(&edited(WE_001, "\"2641.50\"", "\"2641.51\"")), ["claims[0].band_own"]);
    assert_eq!(off(&edited(WE_001, "\"pooled_own\"", "\"pooled_self\"")), ["claims[0].pooled_self"]);
    assert_eq!(replayed(WE_013), Outcome::Exact);
    assert_eq!(off(&edited(WE_013, "\"expected_total\": \"718.23\"", "\"expected_total\": \"718.24\"")), ["total"]);
    assert_eq!(
        off(&edited(WE_013, "\"expected_fully_own\": \"26.73\"", "\"expected_fully_own\": \"26.72\"")),
        ["fully_own"]
    );
    assert_eq!(off(&edited(WE_018, "\"gap_months\": 1", "\"gap_months\": 4")), ["waiting_months"]);
    assert_eq!(off(&edited(ID_003, "false", "true")), ["valid"]);
}

#[test]
fn ad_02_published_figures_that_do_not_add_up_are_a_difference_and_only_that_one() {
    let outcome = replayed(WE_004);
    let (published, adds_up_to) = ("43694.67".parse().unwrap(), "43694.64".parse().unwrap());
    assert_eq!(outcome, Outcome::Difference { published, adds_up_to });
    assert_eq!(off(&edited(WE_004, "\"0.03\"", "\"0.02\"")).len(), 1);
    assert_eq!(off(&edited(WE_004, "\"43694.67\"", "\"43694.64\"")).len(), 1);
}

#[test]
fn ad_02_an_example_that_cannot_be_run_says_why() {
    let example = Example::read(WE_001).unwrap();
    assert_eq!(example.replay(None), Err(ExampleError::NoPolicy));
    assert!(matches!(example.replay(Some("{}")), Err(ExampleError::Policy(_))));
    assert!(matches!(replayed(&edited(WE_001, "\"2025-03-12\"", "\"2025-03-01\"")), Outcome::Refused(_)));
    let unknown = Example::read(&edited(WE_001, "\"expected\"", "\"expectd\"")).unwrap_err();
    assert!(unknown.to_string().starts_with("case.CLAIMS[0]"), "{unknown}");
    let in_words = Example::read("[]").unwrap_err().to_string();
    assert!(in_words.starts_with(".: invalid list of length 0, expected an object at line "), "{in_words}");
}
