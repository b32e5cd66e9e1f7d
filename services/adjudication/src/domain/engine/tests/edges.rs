//! A fen at a time over every edge there is: of deductibles, bands, limits, ceilings and thresholds.

use types::{care::CareKind, money::Money, tier::Tier};

use super::fixtures::*;
use crate::domain::{
    circumstances::{Circumstances, Group, Means, YearTotals},
    engine::{adjudicate, calculate},
    input::{Accumulators, Input, Person},
    policy::Policy,
};

/// Every fen more on the bill is one more for the funds or for the person, and nothing else moves.
fn climb(policy: &Policy, at: &Input, edge: &str) {
    let shares = |fen: i64| {
        let amount = money(edge) + Money::from_fen(fen);
        let bill = claim(at.kind, at.tier, &amount.to_string());
        let answer = adjudicate(policy, &Input { lines: bill.lines, total: bill.total, ..at.clone() }).unwrap();
        assert_adds_up(&answer);
        answer.shares
    };
    for fen in -3..3 {
        let (less, more) = (shares(fen), shares(fen + 1));
        let fund = (more.fund() - less.fund()).fen();
        let own = (more.own() - less.own()).fen();
        assert!(matches!((fund, own), (0, 1) | (1, 0)), "{}: {edge} {fen:+}: fund {fund}, own {own}", policy.id);
    }
}

fn of(person: Person, before: Accumulators, at: Input) -> Input {
    Input { person, before, ..at }
}

#[test]
fn ad_02_edges_of_stays() {
    let policy = beijing();
    for edge in ["1300.00", "30000.00", "40000.00"] {
        climb(&policy, &of(ACTIVE, Accumulators::default(), stay("0.00")), edge);
    }
    let later = Accumulators { pooled_fund: money("8240.49"), ..after_first_stay() };
    // At 97,372.18 the pooled fund has paid its 100,000.00 (we-001).
    for edge in ["650.00", "30000.00", "40000.00", "97372.18"] {
        climb(&policy, &of(RETIRED, later, stay("0.00")), edge);
    }
    let limited = edited(BEIJING, |json| json["inpatient"]["large_amount"]["ceiling"] = "500.00".into());
    climb(&limited, &of(RETIRED, Accumulators { pooled_fund: money("100000"), ..later }, stay("0.00")), "1275.00");
}

#[test]
fn ad_02_edges_of_the_year() {
    let none = Accumulators::default();
    climb(&beijing(), &of(ACTIVE, none, visit(Tier::Tertiary, "0.00")), "1800.00");
    climb(&beijing(), &of(ACTIVE, outpatient_year("17345.67"), visit(Tier::Tertiary, "0.00")), "2654.33");
    climb(&demonstration(), &of(ACTIVE, none, visit(Tier::Community, "0.00")), "23529.41");
    for (tier, edges) in [(Tier::Community, ["100.00", "5554.55"]), (Tier::District, ["550.00", "6550.00"])] {
        for edge in edges {
            climb(&resident(), &of(ACTIVE, none, visit(tier, "0.00")), edge);
        }
    }
    climb(&student(), &of(ACTIVE, none, visit(Tier::Tertiary, "0.00")), "300.00");
    climb(&student(), &of(ACTIVE, none, claim(CareKind::Inpatient, Tier::Tertiary, "0.00")), "800.00");
}

#[test]
fn ad_02_edges_of_the_layers_above() {
    let used_up = Accumulators { deductible: money("550"), pooled_fund: money("3000"), ..Accumulators::default() };
    for edge in ["30404.00", "80404.00"] {
        climb(&resident(), &of(ACTIVE, used_up, visit(Tier::Community, "0.00")), edge);
    }
    let year = YearTotals { own_in_scope: money("1234.56"), assistance_fund: money("900.00"), ..YearTotals::default() };
    let circumstances = Circumstances { groups: [Group::LowIncome].into(), year, ..Circumstances::default() };
    // 40 % of it is the person's: critical illness insurance begins at 663.60, assistance at 250.00, and ends with its 1,000.00.
    for edge in ["250.00", "607.13", "663.60", "50000.00", "66666.66"] {
        let bill = visit(Tier::Tertiary, "0.00");
        climb(&with_every_layer(), &Input { circumstances: circumstances.clone(), ..bill }, edge);
    }
}

/// From nothing to where every layer and every means has begun and ended: funds, top-up, voucher, account, family's account, cash.
#[test]
fn ad_12_every_fen_more_is_one_more_for_exactly_one_of_those_who_pay() {
    let year = YearTotals {
        voucher: money("480.00"),
        top_up_base: money("500.00"),
        top_up: money("1960.00"),
        ..YearTotals::default()
    };
    let means = Means { account: money("30.00"), mutual_aid: money("20.00"), voucher: None };
    let groups = [Group::Migrant, Group::LowIncome].into();
    let circumstances = Circumstances { groups, year, means, topped_up: true, ..Circumstances::default() };
    let policy = with_every_layer();
    let paid = |fen: i64| {
        let bill = visit(Tier::Community, &Money::from_fen(fen).to_string());
        let shares = calculate(&policy, &Input { circumstances: circumstances.clone(), ..bill }).unwrap().shares;
        [shares.fund(), shares.top_up, shares.voucher, shares.account, shares.mutual_aid, shares.cash()].map(Money::fen)
    };
    let mut before = paid(0);
    for fen in 1..100_000 {
        let now = paid(fen);
        let mut more: Vec<i64> = now.iter().zip(before).map(|(after, before)| after - before).collect();
        more.sort_unstable();
        assert_eq!(more, [0, 0, 0, 0, 0, 1], "{fen}: {before:?} {now:?}");
        before = now;
    }
    let [_, top_up, voucher, account, family, cash] = before;
    assert_eq!([top_up, voucher, account, family], [4_000, 2_000, 3_000, 2_000], "each was used up");
    assert!(cash > 0);
}
