//! Where care is had: elsewhere, at one's own clinic, by referral or without.

use types::{care::CareKind, tier::Tier};

use super::fixtures::*;
use crate::domain::{
    circumstances::{Area, Circumstances, Group, OwnClinic},
    explanation::Rule,
    input::{Input, counts_as_referred},
};

fn at(area: Area) -> Circumstances {
    Circumstances { area, ..Circumstances::default() }
}

#[test]
fn id_03_elsewhere_the_ratio_is_multiplied_or_loses_points_as_the_document_says() {
    // The district hospital's 70 %.
    let cases = [
        (Area::Home, "70.00"),
        (Area::ResettledRetired, "70.00"),
        (Area::LongTermResident, "70.00"),
        (Area::TemporaryReferral, "60.00"),
        (Area::Emergency, "60.00"),
        (Area::Unfiled, "56.00"),
    ];
    for (area, fund) in cases {
        let input = Input { circumstances: at(area), ..visit(Tier::District, "100.00") };
        assert_eq!(judged(&with_every_layer(), &input).shares.fund(), money(fund), "{area:?}");
    }
    let unfiled = Input { circumstances: at(Area::Unfiled), ..visit(Tier::District, "100.00") };
    let answer = judged(&with_every_layer(), &unfiled);
    assert!(steps(&answer, Rule::Band)[0].text.en.contains("outside of your insured region: 80% of the usual ratio"));
    // A document that says nothing of it pays as at home.
    assert_eq!(judged(&demonstration(), &unfiled).shares.fund(), money("70.00"));
}

#[test]
fn id_03_without_a_referral_elsewhere_both_rules_apply_points_first() {
    // 60 % less 20 points, and 80 % of that.
    let input = Input { referred: false, circumstances: at(Area::Unfiled), ..visit(Tier::Tertiary, "100.00") };
    assert_eq!(judged(&with_every_layer(), &input).shares.fund(), money("32.00"));
}

#[test]
fn ad_05_a_resident_who_comes_unreferred_pays_all_unless_a_student_or_an_emergency() {
    let judge = |referred, group: Option<Group>| {
        let circumstances = Circumstances { groups: group.into_iter().collect(), ..Circumstances::default() };
        judged(&resident(), &Input { referred, circumstances, ..visit(Tier::Tertiary, "1550.00") })
    };
    assert_eq!(judge(true, None).shares.fund(), money("500.00"));
    assert_eq!(judge(false, Some(Group::Student)).shares.fund(), money("500.00"));
    let unpaid = judge(false, None);
    assert_eq!(fund_and_own(&unpaid), pair("0.00", "1550.00"));
    assert_eq!(unpaid.shares.beyond_cover, money("1550.00"));
    assert_eq!(unpaid.year_after.own_in_scope, money("0"), "what was not due does not count for critical illness");
    // It is in scope, and bears no deductible.
    assert_eq!((unpaid.after.in_scope, unpaid.after.deductible), (money("1550.00"), money("0")));
    assert_eq!(
        steps(&unpaid, Rule::UnreferredNotPaid)[0].clause.as_ref().unwrap().path,
        "outpatient.unreferred_not_paid"
    );
    // An emergency counts as referred, and is judged by the rules of outpatient care.
    let emergency = Input { kind: CareKind::Emergency, ..visit(Tier::Tertiary, "1550.00") };
    let emergency = Input { referred: counts_as_referred(false, emergency.kind), ..emergency };
    assert_eq!(judged(&resident(), &emergency).shares.fund(), money("500.00"));
    assert!(!counts_as_referred(false, CareKind::Outpatient) && counts_as_referred(true, CareKind::Outpatient));
    // In the community nobody needs a referral.
    let community = Input { referred: false, ..visit(Tier::Community, "200.00") };
    assert_eq!(judged(&resident(), &community).shares.fund(), money("55.00"));
}

#[test]
fn rf_09_a_referral_is_good_for_180_days() {
    for (referred_on, fund) in [("2025-09-03", "500.00"), ("2025-09-02", "0.00")] {
        let circumstances = Circumstances { referred_on: Some(date(referred_on)), ..Circumstances::default() };
        let input = Input { circumstances, ..visit(Tier::Tertiary, "1550.00") };
        assert_eq!(judged(&resident(), &input).shares.fund(), money(fund), "{referred_on}");
    }
    let lapsing = edited(DEMONSTRATION, |json| {
        json["outpatient"]["referral_valid_days"] = serde_json::json!({ "value": 30, "source": ["DEMONSTRATION"] });
    });
    let circumstances = Circumstances { referred_on: Some(date("2026-01-01")), ..Circumstances::default() };
    let answer = judged(&lapsing, &Input { circumstances, ..visit(Tier::Tertiary, "100.00") });
    assert_eq!(answer.shares.fund(), money("40.00"));
    assert!(steps(&answer, Rule::Band)[0].text.en.contains("the referral has lapsed: minus 20 points"));
}

#[test]
fn ad_01_the_own_clinic_waives_the_deductible_and_pays_more() {
    let judge = |own_clinic, tier, amount: &str| {
        let circumstances = Circumstances { own_clinic, ..Circumstances::default() };
        judged(&student(), &Input { circumstances, ..visit(tier, amount) })
    };
    assert_eq!(judge(OwnClinic::Here, Tier::Community, "100.00").shares.fund(), money("73.00"));
    let referred = judge(OwnClinic::ReferredBy, Tier::Tertiary, "1000.00");
    assert_eq!(referred.shares.fund(), money("400.00"));
    assert_eq!(steps(&referred, Rule::DeductibleWaived).len(), 1);
    assert_eq!(judge(OwnClinic::Elsewhere, Tier::Community, "1000.00").shares.fund(), money("490.00"));
    assert_eq!(judge(OwnClinic::Elsewhere, Tier::District, "1000.00").shares.fund(), money("420.00"));
}

#[test]
fn ad_01_a_year_has_one_deductible_that_of_the_highest_tier_had() {
    let policy = student();
    let mut before = crate::domain::input::Accumulators::default();
    let stays =
        [(Tier::District, "500.00"), (Tier::Tertiary, "300.00"), (Tier::Tertiary, "0.00"), (Tier::Community, "0.00")];
    for (tier, deductible) in stays {
        let answer = judged(&policy, &Input { before, ..claim(CareKind::Inpatient, tier, "5000.00") });
        assert_eq!(answer.shares.deductible, money(deductible), "{tier}");
        before = answer.after;
    }
    assert_eq!(before.deductible, money("800.00"));
}
