//! What groups are paid, to the fen.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use drg::payment::{self, Case, Paid, Place, Rule, Terms, Unpriced};
use drg::{Tables, UNGROUPABLE};
use serde_json::{Value, json};
use types::money::Money;
use types::tier::Tier;

fn document() -> Value {
    json!({
        "grouper": "small",
        "base_rate": "12000.00",
        "weights": {"BR11": "2.5", "BR13": "1.2", "BR15": "0.85"},
        "coefficients": {
            "by_tier": {"TERTIARY": "1.05", "DISTRICT": "0.95"},
            "by_provider": {"018f0000-0000-7000-8000-000000000001": "1.1"},
        },
        "high_outlier": {
            "bands": [{"weight_to": "1", "multiple": "3"}, {"weight_to": "2", "multiple": "2.5"}, {"weight_to": "none", "multiple": "2"}],
            "pays": {"standard_plus_excess": "0.8"},
        },
        "low_outlier": {"multiple": "0.4", "cost_ratio": "1"},
        "ungroupable": {"cost_ratio": "0.7"},
    })
}

fn terms() -> Terms {
    payment::read(&document().to_string()).unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn paid(group: &str, cost: &str) -> Paid {
    let place = Place { tier: Tier::Tertiary, provider: None };
    terms().pay(Case { group, cost: Some(money(cost)), place }).unwrap()
}

#[test]
fn ad_07_a_group_is_paid_weight_times_rate_times_coefficient() {
    // 1.2 × 12,000.00 × 1.05
    assert_eq!(paid("BR13", "14000.00").amount, money("15120.00"));
    let own = Place { tier: Tier::Tertiary, provider: Some("018f0000-0000-7000-8000-000000000001".parse().unwrap()) };
    let case = Case { group: "BR13", cost: Some(money("14000.00")), place: own };
    assert_eq!(terms().pay(case).unwrap().amount, money("15840.00"));
    let district = Place { tier: Tier::District, provider: None };
    // 0.85 × 12,000.00 × 0.95 = 9,690.00
    assert_eq!(terms().pay(Case { group: "BR15", cost: None, place: district }).unwrap().amount, money("9690.00"));
}

#[test]
fn ad_07_outliers_are_told_by_the_multiple_of_their_weight_and_not_at_it() {
    // 2.5 × 15,120.00 = 37,800.00; a weight of 1.2 is in the second band.
    assert_eq!(paid("BR13", "37800.00").amount, money("15120.00"));
    let high = paid("BR13", "37800.01");
    assert!(matches!(high.by, Rule::High { .. }));
    assert_eq!(high.amount, money("15120.01"));
    assert_eq!(paid("BR13", "47800.00").amount, money("23120.00"));
    // 2.5 × 12,000.00 × 1.05 = 31,500.00; two times that is 63,000.00.
    assert_eq!(paid("BR11", "63000.00").amount, money("31500.00"));
    assert_eq!(paid("BR11", "73000.00").amount, money("39500.00"));
    // 0.85 × 12,000.00 × 1.05 = 10,710.00; three times that is 32,130.00.
    assert_eq!(paid("BR15", "32130.00").amount, money("10710.00"));
    assert_eq!(paid("BR15", "32131.00").amount, money("10710.80"));
    // 0.4 × 15,120.00 = 6,048.00
    assert_eq!(paid("BR13", "6048.00").amount, money("15120.00"));
    let low = paid("BR13", "6047.99");
    assert!(matches!(low.by, Rule::Low { .. }));
    assert_eq!(low.amount, money("6047.99"));
}

#[test]
fn ad_07_what_is_lost_by_upcoding_is_the_difference_of_two_groups() {
    // 基金损失 = 所报组支付 − 正确组支付（《医疗保障基金使用监督管理条例实施细则》，国家医保局令第7号）。
    let lost = paid("BR11", "16000.00").amount - paid("BR15", "16000.00").amount;
    assert_eq!(lost, money("31500.00") - money("10710.00"));
}

#[test]
fn ad_07_ungroupable_cases_and_unknown_costs() {
    let place = Place { tier: Tier::Tertiary, provider: None };
    assert_eq!(paid(UNGROUPABLE, "10000.05").amount, money("7000.04"));
    let unknown = terms().pay(Case { group: UNGROUPABLE, cost: None, place });
    assert_eq!(unknown, Err(Unpriced::CostUnknown));
    let unweighed = terms().pay(Case { group: "AA19", cost: None, place });
    assert_eq!(unweighed, Err(Unpriced::NotStated("weights.AA19".to_owned())));
    let nowhere = Place { tier: Tier::Community, provider: None };
    let refused = terms().pay(Case { group: "BR11", cost: None, place: nowhere });
    assert_eq!(refused, Err(Unpriced::NotStated("coefficients.by_tier.COMMUNITY".to_owned())));
}

#[test]
fn ad_07_terms_with_a_number_missing_are_refused_with_its_path() {
    let paths = [
        ("/grouper", "grouper"),
        ("/base_rate", "base_rate"),
        ("/weights", "weights"),
        ("/coefficients", "coefficients"),
        ("/high_outlier", "high_outlier"),
        ("/high_outlier/bands", "high_outlier.bands"),
        ("/high_outlier/bands/0/weight_to", "high_outlier.bands[0].weight_to"),
        ("/high_outlier/bands/1/multiple", "high_outlier.bands[1].multiple"),
        ("/high_outlier/pays", "high_outlier.pays"),
        ("/low_outlier", "low_outlier"),
        ("/low_outlier/multiple", "low_outlier.multiple"),
        ("/low_outlier/cost_ratio", "low_outlier.cost_ratio"),
        ("/ungroupable", "ungroupable"),
        ("/ungroupable/cost_ratio", "ungroupable.cost_ratio"),
    ];
    for (pointer, path) in paths {
        let mut null = document();
        *null.pointer_mut(pointer).unwrap() = Value::Null;
        assert_eq!(payment::read(&null.to_string()).unwrap_err().path, path);
        let mut absent = document();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        absent.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        assert_eq!(payment::read(&absent.to_string()).unwrap_err().path, path);
    }
    let bad = [
        ("/base_rate", json!("0.00"), "base_rate"),
        ("/weights/BR11", json!(2.5), "weights.BR11"),
        ("/high_outlier/bands/0/weight_to", json!("none"), "high_outlier.bands[0].weight_to"),
        ("/high_outlier/bands/2/weight_to", json!("9"), "high_outlier.bands[2].weight_to"),
        ("/high_outlier/bands/1/weight_to", json!("0.5"), "high_outlier.bands[1].weight_to"),
        ("/high_outlier/bands/2/multiple", json!("0.4"), "high_outlier.bands[2].multiple"),
        ("/high_outlier/bands", json!([]), "high_outlier.bands"),
    ];
    for (pointer, value, path) in bad {
        let mut document = document();
        *document.pointer_mut(pointer).unwrap() = value;
        assert_eq!(payment::read(&document.to_string()).unwrap_err().path, path);
    }
}

#[test]
fn ad_07_every_group_of_the_tables_needs_its_weight() {
    let tables = Tables::load(concat!(env!("CARGO_MANIFEST_DIR"), "/tables/small").as_ref()).unwrap();
    assert_eq!(terms().check_against(&tables, "pay.drg").unwrap_err().path, "pay.drg.weights.AA19");
    let mut document = document();
    document["weights"] = tables.drg_codes().map(|code| (code.to_owned(), json!("1"))).collect();
    payment::read(&document.to_string()).unwrap().check_against(&tables, "").unwrap();
    document["weights"]["XX99"] = json!("1");
    let error = payment::read(&document.to_string()).unwrap().check_against(&tables, "").unwrap_err();
    assert_eq!(error.to_string(), "weights.XX99: is no group of the tables");
}
