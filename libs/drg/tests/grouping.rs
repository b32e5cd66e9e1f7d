//! The rules of every kind, on the small tables of this crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use drg::{Files, Group, Record, Sex, Step, Tables};
use proptest::prelude::*;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tables/small"))
}

fn tables() -> Tables {
    Tables::load(folder()).unwrap()
}

fn record(dx: &[&str], procedures: &[&str]) -> Record {
    let owned = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
    Record { age_years: Some(50), diagnoses: owned(dx), procedures: owned(procedures), ..Record::default() }
}

fn newborn(weight_g: u32, dx: &[&str], procedures: &[&str]) -> Record {
    Record { age_years: Some(0), age_days: Some(28), weight_g: Some(weight_g), ..record(dx, procedures) }
}

fn assert_group(record: &Record, expected: &str) {
    assert_eq!(tables().group(record).code(), expected, "{record:?}");
}

#[test]
fn ad_07_categories_are_asked_in_order_and_passed_over_where_nothing_accepts() {
    // A transplant wins over the diagnosis; another procedure that groups enters the same category, which has no place for it.
    assert_group(&record(&["I63.900"], &["37.5100"]), "AA19");
    assert_group(&record(&["I63.900"], &["01.2400"]), "BB15");
    let tables = tables();
    let steps = tables.explain(&record(&["I63.900"], &["01.2400"])).steps;
    assert_eq!(steps[1], Step::MdcPassedOver { mdc: "A".to_owned() });
    // Not in the first year of life: the category of newborns does not take it, and no other knows the diagnosis.
    assert_group(&record(&["P59.900"], &[]), "0000");
    assert_group(&newborn(3000, &["P59.900"], &[]), "PV19");
}

#[test]
fn ad_07_age_and_weight_limits_are_exact() {
    for (weight, expected) in [(1499, "PS15"), (1500, "PS29"), (2499, "PS29"), (2500, "PV19")] {
        assert_group(&newborn(weight, &["P07.000"], &[]), expected);
        assert_group(&newborn(weight, &["P59.900", "P07.000"], &[]), expected);
    }
    assert_group(&Record { age_days: Some(29), ..newborn(1499, &["P07.000"], &[]) }, "PV19");
    assert_group(&Record { weight_g: None, ..newborn(0, &["P07.000"], &[]) }, "PV19");
    assert_group(&Record { age_years: None, age_days: Some(364), ..record(&["P22.000"], &[]) }, "PV19");
    assert_group(&Record { age_years: None, age_days: Some(365), ..record(&["P22.000"], &[]) }, "0000");
    assert_group(&newborn(3000, &["P59.900"], &["53.7000"]), "PB19");
}

#[test]
fn ad_07_injuries_of_two_regions_are_a_category_of_their_own() {
    assert_group(&record(&["S06.000", "S27.000"], &[]), "ZZ19");
    assert_group(&record(&["S06.000", "S27.000"], &["01.2400"]), "ZB15");
    assert_group(&record(&["S06.000", "S27.000", "A41.900"], &["01.2400"]), "ZB11");
    // One region twice is one region.
    assert_group(&record(&["S06.000", "S06.000"], &["01.2400"]), "BB15");
    assert_group(&record(&["S27.000"], &[]), "0000");
}

#[test]
fn ad_07_sex_decides_where_a_category_asks_for_it() {
    let of = |sex, dx: &[&str], procedures: &[&str]| Record { sex, ..record(dx, procedures) };
    assert_group(&of(Some(Sex::Male), &["C61.000"], &["60.5000"]), "MB15");
    assert_group(&of(Some(Sex::Male), &["C61.000"], &[]), "MR19");
    assert_group(&of(Some(Sex::Female), &["C61.000"], &["60.5000"]), "0000");
    assert_group(&of(None, &["C61.000"], &["60.5000"]), "0000");
    assert_group(&of(Some(Sex::Female), &["D25.900"], &[]), "NR19");
}

#[test]
fn ad_07_procedures_count_by_lists_and_by_groups() {
    let woman = |procedures: &[&str]| Record { sex: Some(Sex::Female), ..record(&["C53.000"], procedures) };
    assert_group(&woman(&["68.6000"]), "NA19");
    assert_group(&woman(&["68.4000"]), "NR19");
    assert_group(&woman(&["68.4000", "40.3000"]), "NA19");
    // A code of an expression is in the list of its first row only.
    assert_group(&woman(&["40.3000"]), "NR19");
    let breast = |procedures: &[&str]| record(&["C50.900"], procedures);
    assert_group(&breast(&["85.4300", "85.7000"]), "JA19");
    assert_group(&breast(&["85.4300", "40.2300"]), "JR19");
    assert_group(&breast(&["85.4300", "40.2300", "85.8500"]), "JA19");
    assert_group(&record(&["I63.900"], &["52.8000", "55.6900"]), "AC19");
    assert_group(&record(&["I63.900"], &["52.8000"]), "BR15");
    assert_group(&record(&["I63.900"], &["39.7200", "39.7400"]), "BE19");
    assert_group(&record(&["I61.900"], &["39.7200", "39.7400"]), "BR15");
    // Only the principal procedure is asked where the rule says so.
    assert_group(&record(&["I63.900"], &["39.7200", "01.2400"]), "BR15");
    assert_group(&record(&["Z51.100"], &["01.2400"]), "XJ19");
    assert_group(&record(&["Z51.100"], &["99.9900", "01.2400"]), "XR19");
    assert_group(&record(&["Z00.000"], &[]), "0000");
}

#[test]
fn ad_07_complications_split_groups_unless_the_principal_diagnosis_excludes_them() {
    assert_group(&record(&["I63.900"], &[]), "BR15");
    assert_group(&record(&["I63.900", "E11.900"], &[]), "BR13");
    assert_group(&record(&["I63.900", "E11.900", "J96.000"], &[]), "BR11");
    // The principal diagnosis is no complication of itself, and excludes those of its table.
    assert_group(&record(&["I63.900", "G40.900"], &[]), "BR15");
    let man = |dx: &[&str]| Record { sex: Some(Sex::Male), ..record(dx, &["60.5000"]) };
    assert_group(&man(&["C61.000", "I10.000"]), "MB15");
    assert_group(&man(&["C61.000", "J96.000"]), "MB13");
}

#[test]
fn ad_07_an_explanation_says_what_decided() {
    let tables = tables();
    let explained = tables.explain(&record(&["I63.900", "G40.900", "J96.000"], &["01.2400"]));
    assert_eq!(explained.group.code(), "BB11");
    let zh: Vec<String> = explained.steps.iter().map(Step::zh).collect();
    assert_eq!(
        zh,
        [
            "进入主要诊断大类MDCA（规则principal_procedure_valid，依据01.2400 开颅术）。",
            "MDCA内没有可入的核心组，继续下一大类。",
            "进入主要诊断大类MDCB（规则principal_dx，依据I63.900 脑梗死）。",
            "入核心组BB1（规则principal_procedure，依据01.2400 开颅术）。",
            "其他诊断G40.900 癫痫为一般并发症合并症（CC），因主要诊断I63.900 脑梗死同属排除表4，不计入。",
            "其他诊断J96.000 急性呼吸衰竭为严重并发症合并症（MCC），计入。",
            "分入DRG组BB11开颅手术伴严重并发症（伴严重并发症合并症）。",
        ]
    );
    let en: Vec<String> = explained.steps.iter().map(Step::en).collect();
    assert!(en[4].ends_with("it does not count (exclusion table 4)."), "{}", en[4]);
    let nothing = tables.explain(&Record::default());
    assert_eq!(nothing.group, Group::Ungroupable);
    assert_eq!(nothing.steps[0].en(), "Ungroupable, 0000: there is no diagnosis.");
    assert_eq!(tables.explain(&record(&["I63.900"], &[])).steps.len(), 3);
}

#[test]
fn ad_07_bad_tables_are_refused_with_file_and_line() {
    let refused = |file: &str, from: &str, to: &str| {
        let files = drg::REQUIRED.iter().map(|name| {
            let text = std::fs::read_to_string(folder().join(name)).unwrap();
            let text = if *name == file { text.replacen(from, to, 1) } else { text };
            ((*name).to_owned(), text.into_bytes())
        });
        Tables::read(&Files::new(files)).unwrap_err().to_string()
    };
    let cases = [
        ("mdc.csv", "order,mdc", "mdc,order", "mdc.csv:1: the header must be `order,mdc,rule`"),
        ("mdc.csv", "3,Z,", "2,Z,", "mdc.csv:4: order `2` stands twice"),
        ("mdc.csv", "3,Z,", "x,Z,", "mdc.csv:4: `order` must be a whole number, not `x`"),
        ("mdc.csv", "3,Z,", "3,A,", "mdc.csv:4: mdc `A` stands twice"),
        (
            "mdc.csv",
            "dx_male",
            "dx_old",
            "mdc.csv:5: `principal_dx_old` is not a rule; the README of this crate lists them",
        ),
        ("mdc_dx.csv", "P,P22.000", "Q,P22.000", "mdc_dx.csv:3: mdc `Q` stands in no earlier table"),
        ("mdc_dx.csv", "P,P22.000", "P,", "mdc_dx.csv:3: `dx` is empty"),
        (
            "adrg.csv",
            "1|2&3",
            "1|2&",
            "adrg.csv:12: `principal_dx_and_procedure_groups 1|2&` is not a rule; the README of this crate lists them",
        ),
        (
            "adrg.csv",
            "PS2,any_dx,28,1500",
            "PS2,any_dx,28,-1",
            "adrg.csv:6: `weight_g_min` must be a whole number, not `-1`",
        ),
        ("adrg_dx.csv", "PS2,", "PS3,", "adrg_dx.csv:3: adrg `PS3` stands in no earlier table"),
        ("adrg_procedure.csv", "AC1,2", "AC1,9", "adrg_procedure.csv:4: `list` must be one of 1 to 8, not `9`"),
        (
            "complication.csv",
            "A41.900,MCC",
            "A41.900,BAD",
            "complication.csv:3: `level` must be one of CC, MCC, not `BAD`",
        ),
        (
            "complication.csv",
            "A41.900",
            "J96.000",
            "complication.csv:3: says otherwise of `J96.000` than an earlier row",
        ),
        ("exclusion.csv", "I61.900,4", "I63.900,1", "exclusion.csv:3: says otherwise of `I63.900` than an earlier row"),
        (
            "drg.csv",
            "BR15,none",
            "BR15,mcc",
            "drg.csv:0: ADRG `BR1` has no row that takes whatever is left (`none`), or rows after it",
        ),
        ("drg.csv", "BR15,none", "BR11,none", "drg.csv:23: drg `BR11` stands twice"),
    ];
    for (file, from, to, expected) in cases {
        assert_eq!(refused(file, from, to), expected);
    }
    assert!(refused("drg.csv", "AC19,none,胰肾联合移植", "AC19,none").starts_with("drg.csv:3: is not CSV in UTF-8: "));
    let nowhere = Tables::load(&folder().join("nowhere")).unwrap_err();
    assert_eq!((nowhere.file.as_str(), nowhere.line), ("mdc.csv", 0));
}

#[test]
fn ad_07_versions_are_told_apart_by_digest() {
    let own = tables();
    assert_eq!(own.digest().len(), 64);
    let files = drg::REQUIRED.iter().map(|name| {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let more = if *name == "complication.csv" { b"Z99.900,CC,\n".as_slice() } else { b"" };
        ((*name).to_owned(), [bytes, more.to_vec()].concat())
    });
    let other = Tables::read(&Files::new(files)).unwrap();
    assert_ne!(own.digest(), other.digest());
    assert_eq!(other.group(&record(&["I63.900", "Z99.900"], &[])).code(), "BR13");
}

fn codes() -> impl Strategy<Value = Vec<String>> {
    let known = [
        "I63.900", "G40.900", "J96.000", "S06.000", "S27.000", "P07.000", "C61.000", "C53.000", "C50.900", "Z51.100",
        "01.2400", "37.5100", "52.8000", "55.6900", "68.4000", "40.3000", "85.4300", "", "I63", " I63.900", "心",
    ];
    let code = prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,12}"];
    prop::collection::vec(code, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn ad_07_whatever_a_record_says_there_is_one_answer_and_its_explanation_agrees(
        sex in prop::option::of(-1_i64..4), age in prop::option::of(any::<u32>()), days in prop::option::of(0_u32..60),
        weight in prop::option::of(any::<u32>()), diagnoses in codes(), procedures in codes(),
    ) {
        let record = Record {
            sex: sex.and_then(Sex::from_code), age_years: age.map(|age| age % 3), age_days: days, weight_g: weight, diagnoses, procedures,
        };
        let tables = tables();
        let group = tables.group(&record);
        let explained = tables.explain(&record);
        prop_assert_eq!(group, explained.group);
        prop_assert!(group.code() == "0000" || tables.has_drg(group.code()));
        let is_last = matches!(explained.steps.last(), Some(Step::DrgAssigned { .. } | Step::Ungroupable { .. }));
        prop_assert!(is_last);
        // What a table does not know decides nothing.
        let mut more = record.clone();
        more.diagnoses.push("no such code".to_owned());
        more.procedures.push("no such code".to_owned());
        if !record.diagnoses.is_empty() && !record.procedures.is_empty() {
            prop_assert_eq!(tables.group(&more), group);
        }
    }
}
