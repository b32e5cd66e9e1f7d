//! The documents that ship, and what changes in them, in words.

mod complete;

use adjudication::domain::policy::Policy;

use super::Differences;

const DEMONSTRATION: &str = include_str!("../../../../adjudication/policies/demonstration-city.json");
const RESIDENT: &str = include_str!("../../../../adjudication/policies/beijing-resident.json");
const BEIJING: &str = include_str!("../../../../adjudication/policies/beijing-employee.json");

fn differences(old: &str, changes: &[(&str, &str)]) -> Differences {
    let new = changes.iter().fold(old.to_owned(), |document, (from, to)| {
        assert!(document.contains(from), "{from}");
        document.replace(from, to)
    });
    let read = |text: &str| (Policy::read(text).unwrap(), serde_json::from_str(text).unwrap());
    Differences::between(&read(old), &read(&new))
}

fn sentences(differences: &Differences) -> Vec<[String; 2]> {
    differences.changes.iter().map(super::Change::words).collect()
}

#[test]
fn ad_01_a_document_does_not_differ_from_itself() {
    for document in [DEMONSTRATION, BEIJING] {
        let same = differences(document, &[]);
        assert!(same.changes.is_empty() && same.examples.is_empty());
        assert_eq!(same.json()["same"], true);
    }
}

#[test]
fn ad_01_a_ratio_that_changes_is_said_with_tier_and_amount_and_what_it_comes_to() {
    let found = differences(DEMONSTRATION, &[(r#""COMMUNITY": "0.85""#, r#""COMMUNITY": "0.90""#)]);
    let [[zh, en]] = &sentences(&found)[..] else { panic!("{:?}", found.changes) };
    assert_eq!(zh, "门诊 · 一级（社区） · 所有参保人 · 范围内0元以上部分 · 基金支付比例：由85%改为90%（对个人有利）");
    assert_eq!(
        en,
        "outpatient care · community tier · everybody · in-scope expenses above ¥0 · fund ratio: from 85% to 90% (better for people)"
    );
    let [zh, en] = found.examples[0].words();
    assert_eq!(zh, "40岁、一级（社区）、门诊，范围内费用500.00元：个人负担由75.00元变为50.00元，少付25.00元");
    assert_eq!(
        en,
        "aged 40, community tier, outpatient care, a bill of ¥500.00 in scope: own share from ¥75.00 to ¥50.00, ¥25.00 less"
    );
    assert_eq!(found.json()["changes"][0]["for_people"], "BETTER");
}

#[test]
fn ad_01_a_change_for_some_ages_names_them() {
    let changed = (
        r#""age_from": 70, "by_tier": { "COMMUNITY": "0.90", "DISTRICT": "0.90""#,
        r#""age_from": 70, "by_tier": { "COMMUNITY": "0.90", "DISTRICT": "0.80""#,
    );
    let found = sentences(&differences(BEIJING, &[changed]));
    let [[zh, en]] = &found[..] else { panic!("{found:?}") };
    assert!(
        zh.contains("二级 · 退休、70岁及以上 · 范围内0至20000元部分") && zh.contains("由90%改为80%（对个人不利）"),
        "{zh}"
    );
    assert!(en.contains("district tier · retired, aged 70 or more · in-scope expenses from ¥0 to ¥20000"), "{en}");
}

#[test]
fn ad_01_bands_that_are_cut_otherwise_and_say_the_same_are_no_change() {
    let whole = r#"{ "from": "30000.00", "to": "40000.00", "fund_ratio": [{ "by_tier": { "TERTIARY": "0.90" } }], "source": ["A1"] }"#;
    let halves = [whole.replace("40000.00", "35000.00"), whole.replace("30000.00", "35000.00")].join(", ");
    assert!(differences(BEIJING, &[(whole, &halves)]).changes.is_empty());
}

#[test]
fn ad_01_deductibles_ceilings_and_points_are_said_for_whom_they_change() {
    let found = differences(
        BEIJING,
        &[
            (r#""active": "1800.00""#, r#""active": "2000.00""#),
            (r#""pooled_ceiling": { "value": "100000.00""#, r#""pooled_ceiling": { "value": "none""#),
            (r#""settlement_cycle_days": 90,"#, ""),
            (r#""from": "2023-01-01""#, r#""from": "2027-01-01""#),
        ],
    );
    let english: Vec<String> = sentences(&found).into_iter().map(|[_, en]| en).collect();
    assert_eq!(
        english,
        [
            "days in force · from: from 2023-01-01 to 2027-01-01",
            "inpatient care · deductible · days of a settlement cycle: no longer, it was 90",
            "inpatient care · yearly ceiling of the pooled fund: from ¥100000.00 to no limit (better for people)",
            "outpatient care · deductible · per year · not retired: from ¥1800.00 to ¥2000.00 (worse for people)",
        ]
    );
    let [zh, _] = &sentences(&found)[3];
    assert_eq!(zh, "门诊 · 起付线 · 每年 · 在职（未退休）：由1800.00元改为2000.00元（对个人不利）");
    assert!(found.examples.iter().any(|example| example.words()[1].contains("own share from ¥2120.00 to ¥2300.00")));
}

#[test]
fn ad_01_points_are_said_as_points() {
    let found = differences(DEMONSTRATION, &[(r#""points": "20""#, r#""points": "10""#)]);
    let [[zh, en]] = &sentences(&found)[..] else { panic!("{:?}", found.changes) };
    assert_eq!(zh, "门诊 · 未经转诊降低 · 百分点：由20个百分点改为10个百分点（对个人有利）");
    assert!(en.ends_with("from 20 points to 10 points (better for people)"), "{en}");
}

#[test]
fn ad_01_what_is_stated_without_a_number_is_told_apart_by_what_it_says() {
    let stated = "急诊及特定专科门诊不受首诊、转诊限制。";
    let found = differences(RESIDENT, &[(stated, "急诊不受首诊、转诊限制。")]);
    let [[new, _], [old, _]] = &sentences(&found)[..] else { panic!("{:?}", found.changes) };
    assert_eq!(old, &format!("另有规定 · {stated} · 依据：取消，原为A1_2018"));
    assert_eq!(new, "另有规定 · 急诊不受首诊、转诊限制。 · 依据：新增，A1_2018");
}

#[test]
fn ad_01_bands_that_cite_another_text_say_where() {
    let cited = r#""fund_ratio": [{ "by_tier": { "COMMUNITY": "0.55", "DISTRICT": "0.50", "TERTIARY": "0.50" } }],
        "source": ["A1_2018"]"#;
    let found = differences(RESIDENT, &[(cited, &cited.replace("A1_2018", "PROJECT"))]);
    let [[_, en]] = &sentences(&found)[..] else { panic!("{:?}", found.changes) };
    assert_eq!(en, "outpatient care · in-scope expenses above ¥0 · legal source: from A1_2018 to PROJECT");
}
