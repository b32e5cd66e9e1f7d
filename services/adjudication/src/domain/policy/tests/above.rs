//! Documents with layers above basic insurance, areas and dues: complete, and every way in which one is not.

use types::money::Money;

use super::*;
use crate::domain::{circumstances::Group, input::Person, policy::CreditBase};

#[test]
fn ad_01_every_number_of_every_shipped_document_that_is_null_is_refused_with_its_path() {
    for text in [RESIDENT, STUDENT, DEMONSTRATION] {
        let mut found = Vec::new();
        numbers(&serde_json::from_str(text).unwrap(), "", "", &mut found);
        assert!(found.len() > 5, "{}", found.len());
        for (pointer, path) in found {
            let error = refused_of(text, |document| *document.pointer_mut(&pointer).unwrap() = Value::Null);
            assert_eq!(error, PolicyError { path, problem: Problem::Missing });
        }
    }
}

#[test]
fn ad_01_every_number_of_every_shipped_document_that_is_absent_is_refused_with_its_path() {
    for text in [RESIDENT, STUDENT, DEMONSTRATION] {
        let mut found = Vec::new();
        numbers(&serde_json::from_str(text).unwrap(), "", "", &mut found);
        for (pointer, path) in found {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let error = refused_of(text, |document| {
                document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            });
            assert_eq!(error, PolicyError { path, problem: Problem::Missing });
        }
    }
}

#[test]
fn ad_01_bands_of_critical_illness_insurance_have_no_gap_and_no_end() {
    let edit = |edit: fn(&mut Value)| {
        refused_of(RESIDENT, |document| edit(&mut document["critical_illness"]["everybody"]["bands"]))
    };
    let gap = edit(|bands| bands[1]["from"] = json!("50000.01"));
    assert_eq!(gap.path, "critical_illness.everybody.bands[1].from");
    assert!(matches!(gap.problem, Problem::NotContiguous { .. }));
    assert_eq!(edit(|bands| bands[1]["to"] = json!("90000.00")).path, "critical_illness.everybody.bands");
    assert_eq!(edit(|bands| *bands = json!([])).path, "critical_illness.everybody.bands");
    let ratio = edit(|bands| bands[0]["fund_ratio"] = json!("1.01"));
    assert_eq!(ratio.path, "critical_illness.everybody.bands[0].fund_ratio");
}

#[test]
fn ad_01_what_contradicts_itself_above_basic_insurance_is_refused_with_its_path() {
    let assisted = |groups: Value| {
        refused_of(RESIDENT, |document| document["critical_illness"]["assisted"]["groups"] = groups).path
    };
    assert_eq!(assisted(json!([])), "critical_illness.assisted.groups");
    let everybody =
        refused_of(RESIDENT, |document| document["critical_illness"]["everybody"]["groups"] = json!(["STUDENT"]));
    assert_eq!(everybody.path, "critical_illness.everybody.groups");
    let twice = refused_of(DEMONSTRATION, |document| {
        let rows = document["medical_assistance"]["rows"].as_array_mut().unwrap();
        rows.push(json!({ "groups": ["DESTITUTE"], "deductible": "0.00", "fund_ratio": "0.80" }));
    });
    assert_eq!(twice.path, "medical_assistance.rows[1].groups");
    let negative = refused_of(DEMONSTRATION, |document| document["voucher"]["per_year"] = json!("-1.00"));
    assert_eq!(negative.path, "voucher.per_year");
    assert_eq!(refused_of(STUDENT, |document| document["premium"]["own"] = json!("91.00")).path, "premium.total");
    let relief = refused_of(STUDENT, |document| document["premium"]["relief"][1]["own"] = json!("90.01"));
    assert_eq!(relief.path, "premium.relief[1].own");
    assert_eq!(refused(|document| document["contribution"]["base_cap"] = json!("0.5")).path, "contribution.base_cap");
    assert_eq!(
        refused(|document| document["account_credit"]["rows"][1]["age_from"] = json!(34)).path,
        "account_credit.rows"
    );
}

#[test]
fn ad_01_a_document_has_a_word_for_every_area_or_for_none() {
    let all = json!({
        "RESETTLED_RETIRED": { "multiply": "1" }, "LONG_TERM_RESIDENT": { "multiply": "1" },
        "TEMPORARY_REFERRAL": { "minus_points": "10" }, "EMERGENCY": { "minus_points": "10" }, "UNFILED": { "multiply": "0.8" },
    });
    let with = |edit: &dyn Fn(&mut Value)| {
        let mut document = document();
        document["inpatient"]["out_of_area"] = json!({ "by_filing": all, "source": ["PROJECT"] });
        edit(&mut document["inpatient"]["out_of_area"]["by_filing"]);
        Policy::read(&document.to_string())
    };
    assert!(with(&|_| {}).is_ok());
    let path = |edit: &dyn Fn(&mut Value)| with(edit).unwrap_err().path;
    assert_eq!(
        path(&|by_filing| {
            by_filing.as_object_mut().unwrap().remove("UNFILED");
        }),
        "inpatient.out_of_area.by_filing.UNFILED"
    );
    assert_eq!(path(&|by_filing| by_filing["UNFILED"] = json!({})), "inpatient.out_of_area.by_filing.UNFILED");
    assert_eq!(
        path(&|by_filing| by_filing["HOME"] = json!({ "multiply": "1" })),
        "inpatient.out_of_area.by_filing.HOME"
    );
    let both = json!({ "multiply": "1", "minus_points": "0" });
    assert_eq!(path(&|by_filing| by_filing["EMERGENCY"] = both.clone()), "inpatient.out_of_area.by_filing.EMERGENCY");
}

#[test]
fn ad_01_deductibles_are_of_one_kind_and_for_every_tier() {
    let edit =
        |edit: fn(&mut Value)| refused_of(STUDENT, |document| edit(&mut document["inpatient"]["deductible"])).path;
    assert_eq!(
        edit(|deductible| deductible["per_year"] = json!({ "active": "1.00", "retired": "1.00" })),
        "inpatient.deductible"
    );
    assert_eq!(
        edit(|deductible| {
            deductible["per_year_by_tier"].as_object_mut().unwrap().remove("DISTRICT");
        }),
        "inpatient.deductible.per_year_by_tier.DISTRICT"
    );
    assert_eq!(edit(|deductible| deductible["waived_at"] = json!(["ELSEWHERE"])), "inpatient.deductible.waived_at");
    let kinds = refused(|document| document["outpatient"]["kinds"] = json!(["OUTPATIENT", "INPATIENT"]));
    assert_eq!(kinds.path, "inpatient.kinds");
}

#[test]
fn ad_01_the_own_clinic_has_exactly_one_ratio_too() {
    let error = refused_of(STUDENT, |document| {
        document["outpatient"]["bands"][0]["fund_ratio"].as_array_mut().unwrap().remove(0);
    });
    assert_eq!(error.path, "outpatient.bands[0].fund_ratio");
    assert!(error.to_string().contains("at their own clinic"), "{error}");
}

#[test]
fn id_03_dues_are_as_published() {
    let student = Policy::read(STUDENT).unwrap().dues.premium.unwrap().value;
    let own = |groups: &[Group]| student.own(&groups.iter().copied().collect()).to_string();
    assert_eq!(own(&[]), "90.00");
    assert_eq!(own(&[Group::Borderline]), "45.00");
    assert_eq!(own(&[Group::Borderline, Group::LowIncome]), "0.00");

    let beijing = Policy::read(BEIJING).unwrap().dues;
    let contribution = beijing.contribution.unwrap().value;
    let base = |wage: &str| contribution.base(wage.parse().unwrap(), Money::from_fen(1_000_000)).to_string();
    assert_eq!(
        [base("5000"), base("6000"), base("8000"), base("40000")],
        ["6000.00", "6000.00", "8000.00", "30000.00"]
    );
    let credits = beijing.account_credit.unwrap().value;
    let credit = |retired, age| {
        let row = credits.iter().find(|row| row.applies_to(Person { retired, age })).unwrap();
        (row.ratio.percent(), row.of)
    };
    assert_eq!(credit(false, 34), ("0.8%".to_owned(), CreditBase::OwnBase));
    assert_eq!(credit(false, 45), ("2%".to_owned(), CreditBase::OwnBase));
    assert_eq!(credit(true, 70), ("4.8%".to_owned(), CreditBase::CityWage));
}
