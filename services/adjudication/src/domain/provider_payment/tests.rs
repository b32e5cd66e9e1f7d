//! Every method to the fen, and every way in which terms are not complete.

use std::sync::Arc;

use chrono::NaiveDate;
use drg::Tables;
use drg::payment::{Place, TermsError};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::care::CareKind;
use types::ids::OrganisationId;
use types::money::Money;
use types::tier::Tier;

use super::capitation::{Heads, of_month};
use super::expected::{Amounts, Expected, Origin, Undecided, expect};
use super::{Case, CaseRecord, Method, Pay, PaymentTerms, Shelf};

const DEMONSTRATION: &str = include_str!("../../../payment-terms/demonstration-city.json");
const HOSPITAL: &str = "018f0000-0000-7000-8000-000000000001";

fn document() -> Value {
    serde_json::from_str(DEMONSTRATION).unwrap()
}

fn terms() -> PaymentTerms {
    PaymentTerms::read(DEMONSTRATION).unwrap()
}

fn edited(edit: impl FnOnce(&mut Value)) -> Result<PaymentTerms, TermsError> {
    let mut document = document();
    edit(&mut document);
    PaymentTerms::read(&document.to_string())
}

fn shelf() -> Shelf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../libs/drg/tables/small");
    Shelf::from([("small".to_owned(), Arc::new(Tables::load(folder.as_ref()).unwrap()))])
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn case(kind: CareKind, tier: Tier, cost: &str, own: &str) -> Case {
    let provider: OrganisationId = HOSPITAL.parse().unwrap();
    Case {
        kind,
        place: Place { tier, provider: Some(provider) },
        from: day("2026-03-01"),
        until: day("2026-03-11"),
        birth_date: day("1956-05-01"),
        cost: money(cost),
        own: money(own),
        diagnoses: vec!["I63.900".to_owned(), "G40.900".to_owned(), "E11.900".to_owned()],
        registered_sex: None,
        record: CaseRecord::default(),
    }
}

fn paid(case: &Case) -> Expected {
    expect(&terms(), case, &shelf()).unwrap()
}

fn amounts(case: &Case) -> Amounts {
    paid(case).amounts.unwrap()
}

fn fund(case: &Case) -> String {
    amounts(case).fund.to_string()
}

#[test]
fn ad_07_the_registered_sex_goes_before_a_records_and_a_contradiction_is_told() {
    let stay = |registered_sex, sex| Case {
        registered_sex,
        record: CaseRecord { sex, ..CaseRecord::default() },
        ..case(CareKind::Inpatient, Tier::Tertiary, "14000.00", "3000.00")
    };
    let told = |case: &Case| {
        let texts = paid(case).steps.into_iter().map(|step| step.text.en);
        texts.filter(|text| text.starts_with("The record states")).collect::<Vec<_>>()
    };
    let (male, female) = (Some(drg::Sex::Male), Some(drg::Sex::Female));
    assert_eq!(stay(male, None).discharge().sex, male, "the hospital stated none");
    assert_eq!(stay(None, Some(2)).discharge().sex, female);
    assert_eq!((stay(female, Some(1)).discharge().sex, told(&stay(female, Some(2)))), (female, vec![]));
    let contradicted = told(&stay(female, Some(1)));
    assert_eq!(
        contradicted,
        ["The record states male, the identity document female: grouped by the identity document."]
    );
}

#[test]
fn ad_07_a_stay_is_paid_by_its_group_less_what_the_patient_pays() {
    let expected = paid(&case(CareKind::Inpatient, Tier::Tertiary, "14000.00", "3000.00"));
    let group = expected.group.unwrap();
    // The epilepsy is excluded beside the stroke; the diabetes counts: 1.24 × 10,000.00 × 1.05.
    assert_eq!((group.code.as_str(), group.origin), ("BR13", Origin::Grouper));
    let amounts = expected.amounts.unwrap();
    assert_eq!((amounts.gross, amounts.own, amounts.fund), (money("13020.00"), money("3000.00"), money("10020.00")));
    let texts: Vec<&str> = expected.steps.iter().map(|step| step.text.en.as_str()).collect();
    assert!(texts.iter().any(|text| text.contains("it does not count (exclusion table 4)")), "{texts:#?}");
    assert_eq!(
        texts[texts.len() - 3],
        "Standard of BR13: weight 1.24 × rate ¥10000.00 × coefficient 1.05 = ¥13020.00."
    );
    let standard = &expected.steps[expected.steps.len() - 3];
    assert_eq!((standard.path.as_str(), standard.sources.len()), ("methods[0].pay.drg.weights.BR13", 1));
}

#[test]
fn ad_07_the_group_of_the_claim_goes_before_the_grouper() {
    let mut stay = case(CareKind::Inpatient, Tier::Tertiary, "14000.00", "3000.00");
    stay.record.drg = Some("BR11".to_owned());
    let expected = paid(&stay);
    assert_eq!(expected.group.unwrap().origin, Origin::Claim);
    assert_eq!(expected.amounts.unwrap().gross, money("19425.00"));

    stay.record.drg = Some("QQ99".to_owned());
    let undecided = paid(&stay);
    assert_eq!(undecided.amounts, Err(Undecided::not_stated("methods[0].pay.drg.weights.QQ99")));
    assert_eq!(undecided.steps.last().unwrap().text.zh, "支付办法未载明methods[0].pay.drg.weights.QQ99，暂不能确定。");

    stay.record.drg = None;
    let without = expect(&terms(), &stay, &Shelf::new()).unwrap();
    assert_eq!(without.amounts, Err(Undecided::TablesNotAtHand("small".to_owned())));
    let no_grouper = edited(|document| document["methods"][0]["pay"]["drg"]["grouper"] = json!("none")).unwrap();
    assert_eq!(expect(&no_grouper, &stay, &shelf()).unwrap().amounts, Err(Undecided::NoGroup));
}

#[test]
fn ad_07_outliers_and_ungroupable_cases_are_paid_by_their_own_rules() {
    let stay = |cost, own| case(CareKind::Inpatient, Tier::Tertiary, cost, own);
    // 2.5 × 13,020.00 = 32,550.00; what lies above is added.
    assert_eq!(fund(&stay("32550.00", "0.00")), "13020.00");
    assert_eq!(fund(&stay("42550.00", "0.00")), "23020.00");
    // 0.4 × 13,020.00 = 5,208.00
    assert_eq!(fund(&stay("5208.00", "0.00")), "13020.00");
    assert_eq!(fund(&stay("5207.99", "207.99")), "5000.00");
    let mut unknown = stay("1000.00", "0.00");
    unknown.diagnoses = vec!["?".to_owned()];
    assert_eq!(fund(&unknown), "700.00");
    assert_eq!(paid(&unknown).group.unwrap().code, "0000");
}

#[test]
fn ad_07_a_payment_below_zero_is_as_the_terms_say() {
    let stay = case(CareKind::Inpatient, Tier::Tertiary, "20000.00", "15000.00");
    let kept = amounts(&stay);
    assert_eq!((kept.gross, kept.floor, kept.fund), (money("13020.00"), money("1980.00"), Money::ZERO));
    let taken = edited(|document| document["may_be_negative"] = json!(true)).unwrap();
    let taken = expect(&taken, &stay, &shelf()).unwrap().amounts.unwrap();
    assert_eq!((taken.floor, taken.fund), (Money::ZERO, money("-1980.00")));
}

#[test]
fn ad_07_dip_scores_by_the_formulae_of_what_costs_far_more_or_less() {
    let mut visit = case(CareKind::Emergency, Tier::Tertiary, "9800.00", "0.00");
    // 620 × 1 × 12.5
    assert_eq!(fund(&visit), "7750.00");
    // Exactly twice and exactly half of the average nothing deviates.
    visit.cost = money("19600.00");
    assert_eq!(fund(&visit), "7750.00");
    visit.cost = money("4900.00");
    assert_eq!(fund(&visit), "7750.00");
    // (29,400 ÷ 9,800 − 2 + 1) × 620 = 1,240
    visit.cost = money("29400.00");
    assert_eq!(fund(&visit), "15500.00");
    // 2,450 ÷ 9,800 × 620 = 155
    visit.cost = money("2450.00");
    assert_eq!(fund(&visit), "1937.50");
    // 20,000 ÷ 9,800 − 1 = 1.040816…; × 620 = 645.3061 to four places.
    visit.cost = money("20000.00");
    assert_eq!(fund(&visit), "8066.33");
    visit.cost = money("9800.00");
    visit.record.auxiliary = vec!["SEVERITY_3".to_owned(), "LOW_ADMISSION".to_owned()];
    // 620 × 1.15 × 0.6 = 427.8
    assert_eq!(fund(&visit), "5347.50");
    visit.record.auxiliary = vec!["AGE_75".to_owned()];
    assert_eq!(paid(&visit).amounts, Err(Undecided::not_stated("methods[3].pay.dip.auxiliary.AGE_75")));
}

#[test]
fn ad_07_a_dip_group_is_the_one_with_most_of_what_was_done() {
    let mut visit = case(CareKind::Emergency, Tier::Tertiary, "61000.00", "0.00");
    visit.record.procedures = vec!["39.7400".to_owned()];
    let expected = paid(&visit);
    assert_eq!(expected.group.unwrap().code, "I63.9:39.7400");
    assert_eq!(expected.amounts.unwrap().fund, money("51875.00"));
    visit.record.dip = Some("I63.9".to_owned());
    // 61,000 ÷ 9,800 − 1 = 5.224489…; × 620 = 3,239.1837
    assert_eq!(fund(&visit), "40489.80");
    visit.record.dip = Some("?".to_owned());
    assert_eq!(paid(&visit).amounts, Err(Undecided::not_stated("methods[3].pay.dip.groups.?")));
    visit.record.dip = None;
    visit.diagnoses = vec!["Z00.000".to_owned()];
    assert_eq!(fund(&visit), "42700.00");
}

#[test]
fn ad_07_days_are_paid_in_stages() {
    let mut stay = case(CareKind::Inpatient, Tier::Community, "5000.00", "400.00");
    // Ten days at 320.00.
    assert_eq!(fund(&stay), "2800.00");
    stay.until = day("2026-03-21");
    // Fifteen at 320.00 and five at 240.00.
    assert_eq!(amounts(&stay).gross, money("6000.00"));
    stay.until = stay.from;
    assert_eq!(amounts(&stay).gross, money("320.00"));
    let both =
        edited(|document| document["methods"][1]["pay"]["per_unit"]["counts"] = json!("FIRST_AND_LAST")).unwrap();
    stay.until = day("2026-03-11");
    assert_eq!(expect(&both, &stay, &shelf()).unwrap().amounts.unwrap().gross, money("3520.00"));
    let cases = edited(|document| document["methods"][1]["pay"]["per_unit"]["unit"] = json!("CASE")).unwrap();
    assert_eq!(expect(&cases, &stay, &shelf()).unwrap().amounts.unwrap().gross, money("320.00"));
}

#[test]
fn ad_07_heads_are_paid_by_their_risk_and_the_months_add_up() {
    let terms = terms();
    let Pay::Mixture(parts) = &terms.method(CareKind::Outpatient, Tier::Community).unwrap().pay else {
        panic!("a mixture")
    };
    let Pay::Capitation(heads) = &parts[0].pay else { panic!("capitation") };
    let cell = |age, conditions: &[&str], count| Heads {
        age,
        conditions: conditions.iter().map(|condition| (*condition).to_owned()).collect(),
        count,
    };
    // 420.00 × (100 × 1.2 + 1,000 × 0.8 + 300 × 1.7 × 1.3 × 1.5) = 420.00 × 1,914.5
    let town = [cell(5, &[], 100), cell(6, &[], 1000), cell(60, &["HYPERTENSION", "DIABETES"], 300)];
    let year = heads.due_for_year(&town, "").unwrap();
    assert_eq!(year, money("804090.00"));
    assert_eq!(
        heads.due_for_year(&[cell(60, &["GOUT"], 1)], "capitation"),
        Err(Undecided::not_stated("capitation.conditions.GOUT"))
    );
    let odd = money("100.03");
    assert_eq!((of_month(odd, 1), of_month(odd, 12)), (money("8.33"), money("8.40")));
    assert_eq!((1..=12).map(|month| of_month(odd, month)).sum::<Money>(), odd);
}

#[test]
fn ad_07_a_mixture_pays_its_shares_and_cases_of_capitation_nothing() {
    let visit = case(CareKind::Outpatient, Tier::Community, "200.01", "50.00");
    let expected = paid(&visit);
    assert_eq!(expected.method, Method::Mixture);
    // 0.4 × (200.01 − 50.00), rounded half up; nothing of the heads' share.
    let amounts = expected.amounts.unwrap();
    assert_eq!((amounts.fund, amounts.gross), (money("60.00"), money("110.00")));
    assert_eq!(fund(&case(CareKind::Outpatient, Tier::Tertiary, "200.01", "50.00")), "150.01");
    assert!(expect(&terms(), &case(CareKind::Vaccination, Tier::Community, "1.00", "0.00"), &shelf()).is_none());
}

#[test]
fn ad_07_quality_earns_a_bonus_or_a_malus() {
    let stay = case(CareKind::Inpatient, Tier::Tertiary, "14000.00", "3000.00");
    for (score, fund) in
        [("100", "10320.60"), ("90", "10320.60"), ("89.99", "10020.00"), ("60", "10020.00"), ("59.99", "9519.00")]
    {
        let scored = edited(|document| document["value_based"]["scores"] = json!({ HOSPITAL: score })).unwrap();
        let amounts = expect(&scored, &stay, &shelf()).unwrap().amounts.unwrap();
        assert_eq!((amounts.fund, amounts.fund - amounts.adjustment), (money(fund), money("10020.00")), "{score}");
    }
}

#[test]
fn ad_07_every_number_that_is_null_or_absent_is_refused_with_its_path() {
    let mut numbers = Vec::new();
    collect(&document(), "", "", &mut numbers);
    assert!(numbers.len() > 70, "{}", numbers.len());
    for (pointer, path) in numbers {
        let null = edited(|document| *document.pointer_mut(&pointer).unwrap() = Value::Null).unwrap_err();
        assert_eq!(null, TermsError::missing(&path));
        // What a map has under codes of its own, nobody can miss; the tables say which weights are needed.
        if ["weights.", ".auxiliary.", ".conditions."].iter().any(|map| path.contains(map)) {
            continue;
        }
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let absent = edited(|document| {
            document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        });
        let absent = absent.unwrap_err();
        // A choice without its number is no choice any more.
        let is_refused = if path.contains(".pays.") { path.starts_with(&absent.path) } else { absent == null };
        assert!(is_refused, "{path}: {absent}");
    }
}

/// Pointer and path of every number.
fn collect(value: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let escaped = name.replace('~', "~0").replace('/', "~1");
                collect(value, &format!("{pointer}/{escaped}"), &path, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, &format!("{pointer}/{index}"), &format!("{path}[{index}]"), found);
            }
        }
        Value::Number(_) => found.push((pointer.to_owned(), path.to_owned())),
        Value::String(text) if path.contains("methods") || path.contains("value_based") => {
            let is_code = path.ends_with(".diagnosis") || path.contains(".procedures[");
            if text.parse::<rust_decimal::Decimal>().is_ok() && !is_code {
                found.push((pointer.to_owned(), path.to_owned()));
            }
        }
        _ => {}
    }
}

#[test]
fn ad_07_terms_that_contradict_themselves_are_refused_with_the_path() {
    type Edit = fn(&mut Value);
    let cases: [(Edit, &str); 12] = [
        (|document| document["methods"][1]["tiers"] = json!(["TERTIARY"]), "methods[1]"),
        (|document| document["methods"][1]["tiers"] = json!([]), "methods[1].tiers"),
        (|document| document["methods"][1]["source"] = json!([]), "methods[1].source"),
        (|document| document["methods"][1]["source"] = json!(["NOBODY"]), "methods[1].source"),
        (|document| document["methods"][2]["pay"]["mixture"][0]["share"] = json!("0.5"), "methods[2].pay.mixture"),
        (
            |document| document["methods"][2]["pay"]["mixture"][1]["pay"] = json!({"mixture": []}),
            "methods[2].pay.mixture[1].pay",
        ),
        (|document| document["methods"][3]["pay"]["dip"]["over"] = json!("0.5"), "methods[3].pay.dip.over"),
        (|document| document["methods"][0]["pay"]["drg"]["base_rate"] = json!("1e4"), "methods[0].pay.drg.base_rate"),
        (
            |document| document["methods"][1]["pay"]["per_unit"]["stages"][1]["to_unit"] = json!("99"),
            "methods[1].pay.per_unit.stages[1].to_unit",
        ),
        (|document| document["value_based"]["bands"][1]["score_from"] = json!("0"), "value_based.bands[1].score_from"),
        (|document| document["value_based"]["bands"][1]["percent"] = json!("101"), "value_based.bands[1].percent"),
        (|document| document["effective"]["to"] = json!("2022-12-31"), "effective.to"),
    ];
    for (edit, path) in cases {
        assert_eq!(edited(edit).unwrap_err().path, path);
    }
    let in_words = edited(|document| document["name"] = json!([])).unwrap_err().to_string();
    assert!(in_words.starts_with("name: invalid list of length 0, expected an object at line "), "{in_words}");
    let unweighed = edited(|document| {
        document["methods"][0]["pay"]["drg"]["weights"].as_object_mut().unwrap().remove("XR19");
    });
    assert_eq!(unweighed.unwrap().check_against(&shelf()).unwrap_err().path, "methods[0].pay.drg.weights.XR19");
    terms().check_against(&shelf()).unwrap();
    assert_eq!(terms().groupers(), [("methods[0].pay.drg.grouper".to_owned(), "small")]);
}

proptest! {
    #[test]
    fn ad_07_the_parts_of_every_payment_add_up(
        cost in 0_i64..20_000_000, own in 0_i64..20_000_000, days in 0_i64..400, kind in 0_usize..4, tier in 0_usize..3,
        score in prop::option::of(0_u32..=100), negative in any::<bool>(),
    ) {
        let terms = edited(|document| {
            document["may_be_negative"] = json!(negative);
            if let Some(score) = score {
                document["value_based"]["scores"] = json!({ HOSPITAL: score.to_string() });
            }
        }).unwrap();
        let kind = [CareKind::Inpatient, CareKind::Outpatient, CareKind::Emergency, CareKind::Chronic][kind];
        let mut case = case(kind, Tier::ALL[tier], "0.00", "0.00");
        case.cost = Money::from_fen(cost);
        case.own = Money::from_fen(own.min(cost));
        case.until = case.from + chrono::TimeDelta::days(days);
        let amounts = expect(&terms, &case, &shelf()).unwrap().amounts.unwrap();
        prop_assert_eq!(amounts.fund, amounts.gross - amounts.own + amounts.floor + amounts.adjustment);
        prop_assert!(!amounts.floor.is_negative() && (negative || !amounts.fund.is_negative()));
    }
}
