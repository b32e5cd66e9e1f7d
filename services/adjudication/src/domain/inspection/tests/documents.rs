//! What is no rule book.

use serde_json::{Value, json};

use super::fixtures::{DEMONSTRATION, document, read};
use crate::domain::inspection::RuleBook;

fn refused(rules: &[(&str, Value)]) -> (String, String) {
    let error = read(rules).unwrap_err();
    (error.path, error.problem)
}

#[test]
fn ad_08_a_threshold_that_is_not_stated_is_refused_and_never_assumed() {
    let missing = [
        ("N25-049", json!({"kind": "SPLIT_ADMISSION", "planned": []})),
        ("N25-050", json!({"kind": "VISITS", "kinds": ["OUTPATIENT"], "items": [], "window_days": 30})),
        ("N25-015", json!({"kind": "REPEAT_OPERATION", "points": [{"items": ["PCI"]}]})),
        ("N25-065", json!({"kind": "AGE", "points": [{"items": ["XCHILD"]}]})),
        ("N25-046", json!({"kind": "ITEM_KINDS", "items": ["X*"]})),
        ("N25-031", json!({"kind": "PERIOD_FREQUENCY", "points": [{"items": ["HBA1C"]}]})),
        ("N25-023", json!({"kind": "COURSE", "national_points": true})),
    ];
    for (rule, settings) in missing {
        assert_eq!(refused(&[(rule, settings)]).0, format!("rules.{rule}"));
    }
}

#[test]
fn ad_08_a_rule_is_configured_as_what_it_is() {
    let sex = json!({"kind": "SEX", "points": []});
    assert_eq!(refused(&[("N25-049", sex.clone())]).0, "rules.N25-049.kind");
    assert_eq!(refused(&[("N25-099", sex.clone())]).1, "is no rule of the library");
    assert!(refused(&[("N25-053", sex.clone())]).1.contains("cannot be decided"));
    let misspelt = json!({"kind": "LATE_CLAIM", "max_days": 30, "max_day": 3});
    assert_eq!(refused(&[("N25-041", misspelt)]).0, "rules.N25-041");
    let everything = json!({"kind": "UNIT_PRICE", "points": [{"items": ["*"], "max_unit_price": "1"}]});
    assert!(refused(&[("N25-014", everything)]).1.contains("matches everything"));
    let none_national = json!({"kind": "SEX", "national_points": true, "points": []});
    assert_eq!(refused(&[("N25-054", none_national)]).0, "rules.N25-054.national_points");
    let forever = json!({"kind": "VISITS", "kinds": ["OUTPATIENT"], "items": [], "most": 1, "window_days": 9999});
    assert_eq!(refused(&[("N25-050", forever)]).0, "rules");
}

#[test]
fn ad_08_sources_are_named_and_supervision_is_whole() {
    let mut unsourced = document(&[("N25-041", json!({"kind": "LATE_CLAIM", "max_days": 30}))]);
    unsourced["rules"]["N25-041"]["source"] = json!(["nowhere"]);
    assert_eq!(RuleBook::read(&unsourced.to_string()).unwrap_err().path, "rules.N25-041.source");
    let mut uneven = document(&[]);
    uneven["supervision"]["assessment"][0]["points"] = json!("41");
    assert_eq!(RuleBook::read(&uneven.to_string()).unwrap_err().path, "supervision.assessment");
    let mut without = document(&[]);
    without["supervision"].as_object_mut().unwrap().remove("reward_ratio");
    assert!(RuleBook::read(&without.to_string()).is_err());
    // 医保办发〔2022〕22号: from 200 to 200 000.
    for (bound, wrong) in [("reward_min", "199.99"), ("reward_min", "200000.01"), ("reward_max", "200000.01")] {
        let mut beyond = document(&[]);
        beyond["supervision"][bound] = json!(wrong);
        assert_eq!(RuleBook::read(&beyond.to_string()).unwrap_err().path, format!("supervision.{bound}"), "{wrong}");
    }
    let book = RuleBook::read(DEMONSTRATION).unwrap();
    assert!(book.demonstration && book.window_days() == 365);
}

#[test]
fn ad_08_what_is_wrong_is_said_in_the_words_of_documents() {
    let said = |edit: fn(&mut Value)| {
        let mut wrong = document(&[("N25-041", json!({"kind": "LATE_CLAIM", "max_days": 30}))]);
        edit(&mut wrong);
        let refused = RuleBook::read(&wrong.to_string()).unwrap_err();
        format!("{}: {}", refused.path, refused.problem)
    };
    let name = said(|document| document["name"] = json!([]));
    assert!(name.starts_with("name: invalid list of length 0, expected an object at line "), "{name}");
    let rule = said(|document| document["rules"]["N25-041"] = json!([]));
    assert_eq!(rule, "rules.N25-041: invalid list of length 0, expected an object");
}
