//! The layers above basic insurance, and the means by which the rest is paid.

use types::{care::CareKind, tier::Tier};

use super::fixtures::*;
use crate::domain::{
    circumstances::{Circumstances, Group, Means, YearTotals},
    engine::Adjudication,
    explanation::{Accumulator, Rule},
    input::{Accumulators, Input},
};

fn of_group(group: Group) -> Circumstances {
    Circumstances { groups: [group].into(), ..Circumstances::default() }
}

/// A resident who has used up the pooled fund's 3,000.00: all of it is the person's, and counts for critical illness insurance.
fn resident_bill(amount: &str, own_before: &str, group: Option<Group>) -> Adjudication {
    let before = Accumulators { deductible: money("550"), pooled_fund: money("3000"), ..Accumulators::default() };
    let year = YearTotals { own_in_scope: money(own_before), ..YearTotals::default() };
    let circumstances = Circumstances { year, ..group.map(of_group).unwrap_or_default() };
    judged(&resident(), &Input { before, circumstances, ..visit(Tier::Community, amount) })
}

#[test]
fn ad_02_critical_illness_insurance_pays_above_its_threshold_band_by_band() {
    let cases = [
        ("0.01", "30403.99", "0.00"),
        ("0.02", "30403.99", "0.01"),
        ("1000.00", "30404.00", "600.00"),
        ("50000.00", "30404.00", "30000.00"),
        ("50000.01", "30404.00", "30000.01"),
        ("60000.00", "30404.00", "37000.00"),
        ("60000.00", "0.00", "17757.60"),
    ];
    for (amount, own_before, fund) in cases {
        let answer = resident_bill(amount, own_before, None);
        assert_eq!(answer.shares.critical_illness_fund, money(fund), "{amount} after {own_before}");
        assert_eq!(answer.settlement.hifmi_pay, money(fund));
        assert_eq!(answer.settlement.psn_part_amt, money(amount) - money(fund));
    }
}

#[test]
fn ad_02_the_assisted_have_half_the_threshold_and_five_points_more() {
    let answer = resident_bill("1000.00", "15202.00", Some(Group::LowIncome));
    assert_eq!(answer.shares.critical_illness_fund, money("650.00"));
    let step = steps(&answer, Rule::CriticalIllness)[0];
    assert_eq!((step.fund, step.own), (money("650.00"), money("-650.00")));
    assert_eq!(step.axis.unwrap().from, money("15202.00"));
    assert_eq!(step.clause.as_ref().unwrap().path, "critical_illness.assisted.bands[0]");
    assert_eq!(
        step.text.en,
        "Of ¥1,000.00 of your own in-scope share above ¥15,202.00 in the year, critical illness insurance pays 65%: ¥650.00."
    );
    assert!(step.text.zh.contains("大病保险支付65%"));
    assert_eq!(resident_bill("1000.00", "15202.00", Some(Group::Student)).shares.critical_illness_fund, money("0"));
}

#[test]
fn ad_02_a_ceiling_that_is_not_published_is_said_for_everybody_and_not_for_who_has_none() {
    let everybody = resident_bill("1000.00", "30404.00", None);
    assert!(steps(&everybody, Rule::CriticalIllnessCeiling)[0].text.en.contains("not published"));
    let assisted = resident_bill("1000.00", "30404.00", Some(Group::Destitute));
    assert!(steps(&assisted, Rule::CriticalIllnessCeiling).is_empty());
}

#[test]
fn ad_02_layers_come_in_order_and_each_sees_what_the_one_before_left() {
    let policy = with_every_layer();
    let circumstances = Circumstances {
        topped_up: true,
        means: Means { account: money("5.00"), mutual_aid: money("7.00"), voucher: None },
        ..of_group(Group::LowIncome)
    };
    let answer = judged(&policy, &Input { circumstances, ..visit(Tier::Tertiary, "10000.00") });
    let shares = answer.shares;
    // 60 % of it; of 4,000.00, 60 % above 1,500.00; of 2,500.00, 70 % above 100.00, but 1,000.00 at most; of 1,500.00, half above 500.00.
    assert_eq!(shares.pooled_fund, money("6000.00"));
    assert_eq!(shares.critical_illness_fund, money("1500.00"));
    assert_eq!(shares.assistance_fund, money("1000.00"));
    assert_eq!(shares.own(), money("1500.00"));
    assert_eq!(shares.top_up, money("500.00"));
    assert_eq!((shares.account, shares.mutual_aid), (money("5.00"), money("7.00")));
    assert_eq!(shares.cash(), money("988.00"));
    let settlement = answer.settlement;
    assert_eq!(settlement.fund_pay_sumamt, money("8500.00"));
    assert_eq!((settlement.acct_pay, settlement.acct_mulaid_pay), (money("5.00"), money("7.00")));
    assert_eq!(settlement.psn_cash_pay, money("988.00"));
    let rules: Vec<Rule> = answer.steps.iter().map(|step| step.rule).collect();
    assert_eq!(
        rules,
        [
            Rule::LineClassA,
            Rule::InScope,
            Rule::Band,
            Rule::CriticalIllness,
            Rule::Assistance,
            Rule::AssistanceCeiling,
            Rule::TopUp,
            Rule::Account,
            Rule::MutualAid,
            Rule::Result,
        ]
    );
    assert!(answer.steps.iter().all(|step| !step.text.zh.is_empty() && !step.text.en.is_empty()));
}

#[test]
fn ad_12_assistance_pays_70_percent_of_what_is_left_and_nothing_to_who_is_not_entitled() {
    let judge = |circumstances| judged(&demonstration(), &Input { circumstances, ..visit(Tier::Tertiary, "1000.00") });
    assert_eq!(judge(of_group(Group::LowIncome)).shares.assistance_fund, money("280.00"));
    assert_eq!(judge(of_group(Group::LowIncome)).shares.own(), money("120.00"));
    assert_eq!(judge(of_group(Group::Migrant)).shares.assistance_fund, money("0"));
    assert_eq!(judge(Circumstances::default()).shares.own(), money("400.00"));
}

#[test]
fn ad_12_a_voucher_is_never_overdrawn_and_only_good_in_the_community() {
    let policy = demonstration();
    let pay = |used: &str, tier, kind, amount: &str| {
        let year = YearTotals { voucher: money(used), ..YearTotals::default() };
        let circumstances = Circumstances { year, ..of_group(Group::Migrant) };
        judged(&policy, &Input { circumstances, ..claim(kind, tier, amount) })
    };
    let outpatient = CareKind::Outpatient;
    let cases = [
        ("0.00", Tier::Community, outpatient, "15.00"),
        ("490.00", Tier::Community, CareKind::Pharmacy, "10.00"),
        ("499.99", Tier::Community, outpatient, "0.01"),
        ("500.00", Tier::Community, outpatient, "0.00"),
        ("500.01", Tier::Community, outpatient, "0.00"),
        ("0.00", Tier::District, outpatient, "0.00"),
    ];
    for (used, tier, kind, voucher) in cases {
        let answer = pay(used, tier, kind, "100.00");
        assert_eq!(answer.shares.voucher, money(voucher), "{used} {tier} {kind}");
        assert_eq!(answer.shares.cash(), answer.shares.own() - money(voucher));
    }
    let answer = pay("490.00", Tier::Community, outpatient, "100.00");
    let change = steps(&answer, Rule::Voucher)[0].accumulator.unwrap();
    assert_eq!((change.accumulator, change.after), (Accumulator::Voucher, money("500.00")));
    assert!(steps(&answer, Rule::Voucher)[0].text.en.contains("¥0.00 of it is left"));
}

#[test]
fn ad_02_an_account_pays_what_the_document_covers_and_no_more_than_it_holds() {
    let only_in_scope = edited(DEMONSTRATION, |json| {
        json["personal_account"]["covers"] = serde_json::json!(["IN_SCOPE"]);
        json["personal_account"]["family_mutual_aid"] = serde_json::json!(false);
    });
    let means = Means { account: money("100.00"), mutual_aid: money("100.00"), voucher: None };
    let lines =
        vec![line(money("100.00"), crate::domain::line::Class::A), line(money("30.00"), crate::domain::line::Class::C)];
    let circumstances = Circumstances { means, ..Circumstances::default() };
    let input = Input { circumstances, ..claim_with_lines(CareKind::Outpatient, Tier::Community, lines) };
    let narrow = judged(&only_in_scope, &input).shares;
    assert_eq!((narrow.account, narrow.mutual_aid, narrow.cash()), (money("15.00"), money("0"), money("30.00")));
    let wide = judged(&demonstration(), &input).shares;
    assert_eq!((wide.account, wide.cash()), (money("45.00"), money("0.00")));
}
