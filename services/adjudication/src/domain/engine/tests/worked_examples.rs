//! Published arithmetic, reproduced to the fen.

use types::{care::CareKind, money::Money, tier::Tier};

use super::fixtures::*;
use crate::domain::{
    engine::Adjudication,
    explanation::{Accumulator, Rule},
    input::{Accumulators, Input},
    line::Class,
};

/// The year of example we-001 as far as it is known: an earlier stay used 8,240.49 of the pooled fund's 100,000.00.
fn first_stay() -> Adjudication {
    judged(&beijing(), &stay("10355.48"))
}

#[test]
fn ad_02_the_first_stay_of_the_year_bears_the_first_deductible() {
    let answer = first_stay();
    assert_eq!(answer.shares.deductible, money("1300.00"));
    assert_eq!(answer.shares.pooled_fund, money("8240.49"));
    assert_eq!(answer.shares.own(), money("2114.99"));
    let after = Accumulators { in_scope: money("10355.48"), pooled_fund: money("8240.49"), ..after_first_stay() };
    assert_eq!(answer.after, after);
}

#[test]
fn ad_02_we_001_the_referred_stay_goes_through_all_layers_to_the_fen() {
    let lines = vec![line(money("164411.81"), Class::A), line(money("24674.04"), Class::C)];
    let mut input = claim_with_lines(CareKind::Inpatient, Tier::Tertiary, lines);
    input.before = first_stay().after;
    let answer = judged(&beijing(), &input);

    let shares = answer.shares;
    assert_eq!(shares.total, money("189085.85"));
    assert_eq!(shares.in_scope, money("164411.81"));
    assert_eq!(shares.fully_own, money("24674.04"));
    assert_eq!(shares.deductible, money("650.00"));
    assert_eq!(shares.pooled_own, money("4962.67"));
    assert_eq!(shares.pooled_fund, money("91759.51"));
    assert_eq!(shares.large_amount_in_scope(), money("67039.63"));
    assert_eq!(shares.large_amount_fund, money("53631.70"));
    assert_eq!(shares.large_amount_own, money("13407.93"));
    assert_eq!(shares.own(), money("43694.64"));

    let bands = steps(&answer, Rule::Band);
    let own: Vec<String> = bands.iter().map(|step| step.own.to_string()).collect();
    assert_eq!(own, ["2641.50", "600.00", "1721.17"]);
    let last = bands[2];
    assert_eq!(last.amount, money("57372.18"));
    assert_eq!(last.axis.unwrap().to, money("97372.18"));
    let change = last.accumulator.unwrap();
    assert_eq!((change.accumulator, change.after), (Accumulator::PooledFund, money("100000.00")));
    assert_eq!(answer.after.pooled_fund, money("100000.00"));
    assert_eq!(answer.after.large_amount_fund, money("53631.70"));
    assert_eq!(answer.after.stays, 2);

    let settlement = answer.settlement;
    assert_eq!((settlement.hifp_pay, settlement.hifob_pay), (money("91759.51"), money("53631.70")));
    assert_eq!((settlement.act_pay_dedc, settlement.psn_part_amt), (money("650.00"), money("43694.64")));
}

#[test]
fn ad_04_the_explanation_names_clause_source_and_both_languages_and_says_what_is_not_published() {
    let mut input = stay("164411.81");
    input.before = first_stay().after;
    let answer = judged(&beijing(), &input);
    let rules: Vec<Rule> = answer.steps.iter().map(|step| step.rule).collect();
    let expected = [
        Rule::LineClassA,
        Rule::InScope,
        Rule::Deductible,
        Rule::Band,
        Rule::Band,
        Rule::Band,
        Rule::PooledCeiling,
        Rule::LargeAmount,
        Rule::LargeAmountCeiling,
        Rule::Result,
    ];
    assert_eq!(rules, expected);
    let sums = [Rule::InScope, Rule::Result];
    for step in answer.steps.iter().filter(|step| !sums.contains(&step.rule)) {
        let clause = step.clause.as_ref().unwrap();
        let place = if step.line.is_some() { "catalogue.110000" } else { "inpatient." };
        assert!(clause.path.starts_with(place) && !clause.sources.is_empty(), "{clause:?}");
    }
    let band = steps(&answer, Rule::Band)[1];
    assert_eq!(band.clause.as_ref().unwrap().path, "inpatient.bands[1]");
    assert_eq!(
        band.text.en,
        "From ¥30,000.00 to ¥40,000.00 of in-scope expenses the pooled fund pays 94% (retired: 60% of the usual own \
         share): ¥9,400.00; you pay ¥600.00."
    );
    assert_eq!(
        band.text.zh,
        "医保范围内30,000.00元至40,000.00元的部分，统筹基金支付94%（退休人员自付比例为在职的60%），即9,400.00元；个人支付600.00元。"
    );
    let unpublished = steps(&answer, Rule::LargeAmountCeiling)[0];
    assert!(unpublished.text.en.contains("not published") && unpublished.text.zh.contains("尚未公布"));
    assert_eq!(answer.policy.unwrap().id, "beijing-employee-2023");
}

#[test]
fn ad_03_a_community_bill_fills_the_outpatient_deductible_and_the_next_is_paid_at_90_percent() {
    let policy = beijing();
    let first = judged(&policy, &visit(Tier::Community, "1300.00"));
    assert_eq!(fund_and_own(&first), pair("0.00", "1300.00"));
    assert_eq!(first.after.deductible, money("1300.00"));

    let mut next = visit(Tier::Community, "240.00");
    next.before = first.after;
    let second = judged(&policy, &next);
    assert_eq!(fund_and_own(&second), pair("216.00", "24.00"));
    let band = steps(&second, Rule::Band)[0];
    assert_eq!(band.ratio.unwrap().percent(), "90%");
    assert_eq!((band.axis.unwrap().from, band.axis.unwrap().to), (money("1300.00"), money("1540.00")));
}

#[test]
fn ad_02_we_006_the_first_band_of_a_later_stay() {
    let mut input = stay("30000.00");
    input.before = after_first_stay();
    let answer = judged(&beijing(), &input);
    assert_eq!(answer.shares.pooled_own, money("2641.50"));
}

#[test]
fn ad_02_we_007_later_stays_and_further_cycles_bear_the_repeat_deductible() {
    let mut later = stay("20000.00");
    later.before = after_first_stay();
    assert_eq!(judged(&beijing(), &later).shares.deductible, money("650.00"));

    for (to, deductible) in
        [("2026-03-31", "1300"), ("2026-04-01", "1300"), ("2026-04-02", "1950"), ("2026-07-01", "2600")]
    {
        let input = Input { from: date("2026-01-01"), to: date(to), ..stay("20000.00") };
        assert_eq!(judged(&beijing(), &input).shares.deductible, money(deductible), "{to}");
    }
}

#[test]
fn ad_01_we_008_nine_ratios_for_active_and_retired() {
    let policy = three_tiers();
    let published = [
        (Tier::Tertiary, ["0.85", "0.9", "0.95"], ["0.91", "0.94", "0.97"]),
        (Tier::District, ["0.87", "0.92", "0.97"], ["0.922", "0.952", "0.982"]),
        (Tier::Community, ["0.9", "0.95", "0.97"], ["0.94", "0.97", "0.982"]),
    ];
    for (tier, active, retired) in published {
        for (person, expected) in [(ACTIVE, active), (RETIRED, retired)] {
            let mut input = claim(CareKind::Inpatient, tier, "50000.00");
            input.person = person;
            let answer = judged(&policy, &input);
            let ratios: Vec<String> =
                steps(&answer, Rule::Band).iter().map(|step| step.ratio.unwrap().to_string()).collect();
            assert_eq!(ratios, expected, "{tier} {person:?}");
        }
    }
}

#[test]
fn ad_03_we_009_a_receipt_over_the_deductible() {
    let amounts = ["365.00", "4.57", "46.00", "195.57"];
    let lines = amounts.iter().map(|amount| line(money(amount), Class::A)).collect();
    let mut input = claim_with_lines(CareKind::Outpatient, Tier::Tertiary, lines);
    input.person = ACTIVE;
    input.before = Accumulators { in_scope: money("1800"), deductible: money("1800"), ..Accumulators::default() };
    let answer = judged(&beijing(), &input);
    assert_eq!(answer.shares.total, money("611.14"));
    assert_eq!(fund_and_own(&answer), pair("427.80", "183.34"));
}

#[test]
fn ad_02_dv_01_dv_03_dv_06_band_edges_and_the_deductible_itself() {
    let cases: [(_, Accumulators, _, _, _); 3] = [
        (ACTIVE, Accumulators::default(), "30000.00", "4305.00", "24395.00"),
        (ACTIVE, Accumulators::default(), "1300.00", "0.00", "0.00"),
        (RETIRED, after_first_stay(), "40000.00", "3241.50", "36108.50"),
    ];
    for (person, before, in_scope, own, fund) in cases {
        let mut input = stay(in_scope);
        (input.person, input.before) = (person, before);
        let shares = judged(&beijing(), &input).shares;
        assert_eq!((shares.pooled_own, shares.pooled_fund), (money(own), money(fund)), "{in_scope}");
    }
}

#[test]
fn ad_05_the_demonstration_city_pays_more_near_home_and_less_unreferred() {
    let policy = demonstration();
    assert!(policy.demonstration);
    let cases = [
        (Tier::Community, true, false, "85.00"),
        (Tier::District, true, false, "70.00"),
        (Tier::Tertiary, true, false, "60.00"),
        (Tier::Tertiary, false, false, "40.00"),
        (Tier::Community, false, false, "85.00"),
        (Tier::Community, true, true, "90.00"),
    ];
    for (tier, referred, family_doctor, fund) in cases {
        let input = Input { referred, family_doctor, ..visit(tier, "100.00") };
        assert_eq!(judged(&policy, &input).shares.fund(), money(fund), "{tier} {referred} {family_doctor}");
    }
}

#[test]
fn ad_03_outpatient_and_inpatient_care_have_their_own_deductibles() {
    let policy = beijing();
    let outpatient = judged(&policy, &visit(Tier::Community, "1300.00"));
    let inpatient = judged(&policy, &stay("1300.00"));
    assert_eq!(outpatient.shares.fund() + inpatient.shares.fund(), Money::ZERO);
}
