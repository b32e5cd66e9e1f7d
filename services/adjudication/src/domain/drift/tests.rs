use chrono::{DateTime, Days};
use proptest::prelude::*;
use types::ids::{OrganisationId, PolicyId, QuoteId, ResidentId};
use types::{care::CareKind, tier::Tier};

use super::*;
use crate::domain::circumstances::{Area, Circumstances, Group, Means, OwnClinic};
use crate::domain::engine;
use crate::domain::input::{Accumulators, Chain, Direction, Person};
use crate::domain::line::{Class, Line};

const DEMONSTRATION: &str = include_str!("../../../policies/demonstration-city.json");

/// The demonstration city with stays, a top-up and care away from home: whatever may differ moves an amount there.
fn policy_with(edit: impl FnOnce(&mut serde_json::Value)) -> Policy {
    let mut document: serde_json::Value = serde_json::from_str(DEMONSTRATION).unwrap();
    let source = serde_json::json!(["DEMONSTRATION"]);
    document["top_up"] =
        serde_json::json!({ "deductible": "0.00", "ratio": "0.50", "ceiling": "2000.00", "source": source });
    let away = serde_json::json!({ "minus_points": "10" });
    document["outpatient"]["out_of_area"] = serde_json::json!({
        "by_filing": {
            "RESETTLED_RETIRED": away, "LONG_TERM_RESIDENT": away, "TEMPORARY_REFERRAL": away, "EMERGENCY": away, "UNFILED": away,
        },
        "source": source,
    });
    document["inpatient"] = document["outpatient"].clone();
    document["inpatient"].as_object_mut().unwrap().remove("kinds");
    document["inpatient"]["deductible"] = serde_json::json!({
        "per_stay": {
            "COMMUNITY": { "first": { "active": "30.00", "retired": "20.00" }, "repeat": { "active": "15.00", "retired": "10.00" } },
            "DISTRICT": { "first": { "active": "40.00", "retired": "30.00" }, "repeat": { "active": "20.00", "retired": "15.00" } },
            "TERTIARY": { "first": { "active": "50.00", "retired": "40.00" }, "repeat": { "active": "25.00", "retired": "20.00" } },
        },
        "source": source,
    });
    document["inpatient"]["referral_chain"] =
        serde_json::json!({ "up": "COUNTS_ON", "down": "NONE_ANEW", "source": source });
    edit(&mut document);
    Policy::read(&document.to_string()).unwrap()
}

fn policy() -> Policy {
    policy_with(|_| ())
}

fn input(kind: CareKind) -> Input {
    let line = Line {
        code: "T-1".to_owned(),
        name: Localized::new("项目".to_owned(), "item".to_owned()),
        quantity: 1.into(),
        unit_price: 100.into(),
        amount: Money::from_fen(10_000),
        class: Class::A,
        price_limit: None,
    };
    let on = "2026-03-02".parse().unwrap();
    Input {
        person: Person { retired: true, age: 71 },
        tier: Tier::Tertiary,
        kind,
        from: on,
        to: on,
        total: Money::from_fen(10_000),
        lines: vec![line],
        unknown_items: vec![],
        before: Accumulators::default(),
        chain: None,
        referred: false,
        family_doctor: false,
        circumstances: Circumstances::default(),
    }
}

fn quote(basis: Input, policy: &Policy) -> Quote {
    let adjudication = Box::new(engine::adjudicate(policy, &basis).unwrap());
    let price = Price::Priced { policy: PolicyId::generate(), policy_digest: "d".to_owned(), adjudication };
    priced(basis, price)
}

fn priced(basis: Input, price: Price) -> Quote {
    Quote {
        id: QuoteId::generate(),
        resident: ResidentId::generate(),
        provider: OrganisationId::generate(),
        kind: basis.kind,
        on: basis.from,
        total: basis.total,
        basis,
        price,
        referral: None,
        appointment: None,
        journey: None,
        quoted_at: DateTime::UNIX_EPOCH,
    }
}

fn unpriced(basis: &Input) -> [Price; 3] {
    let all_own = engine::not_enrolled(basis).unwrap();
    let none = engine::not_designated(basis).unwrap();
    [
        Price::NotEnrolled { adjudication: Box::new(all_own) },
        Price::NotDesignated { adjudication: Box::new(none) },
        Price::NoPolicy { why: "none".to_owned(), steps: engine::no_policy(basis) },
    ]
}

/// Quoted and settled by one policy, on inputs that differ.
fn moved(basis: &Input, policy: &Policy, change: impl FnOnce(&mut Input)) -> Vec<Move> {
    let mut input = basis.clone();
    change(&mut input);
    let (quote, answer) = (quote(basis.clone(), policy), engine::adjudicate(policy, &input).unwrap());
    let settled = Settled { input: &input, policy: Some((policy, "d")), answer: &answer };
    moves(Quoted { quote: &quote, policy: Some(policy) }, settled)
}

fn causes(moves: &[Move]) -> Vec<Cause> {
    moves.iter().map(|moved| moved.cause).collect()
}

fn visit_moved(change: impl FnOnce(&mut Input)) -> Vec<Cause> {
    causes(&moved(&input(CareKind::Outpatient), &policy(), change))
}

#[test]
fn ad_03_every_cause_of_a_drift_is_named_and_only_that() {
    let total = |input: &mut Input, yuan: i64| {
        let amount = Money::from_fen(yuan * 100);
        (input.total, input.lines[0].amount, input.lines[0].unit_price) = (amount, amount, yuan.into());
    };
    assert_eq!(visit_moved(|_| ()), []);
    assert_eq!(visit_moved(|input| total(input, 300)), [Cause::Lines]);
    assert_eq!(visit_moved(|input| input.lines[0].class = Class::C), [Cause::Catalogue]);
    assert_eq!(visit_moved(|input| input.tier = Tier::District), [Cause::Provider]);
    assert_eq!(visit_moved(|input| input.kind = CareKind::Inpatient), [Cause::Provider]);
    assert_eq!(visit_moved(|input| input.circumstances.groups = [Group::LowIncome].into()), [Cause::Cover]);
    assert_eq!(visit_moved(|input| input.circumstances.area = Area::Unfiled), [Cause::Cover]);
    assert_eq!(visit_moved(|input| input.referred = true), [Cause::Referral]);
    let both = |input: &mut Input| {
        total(input, 300);
        input.referred = true;
    };
    assert_eq!(visit_moved(both), [Cause::Lines, Cause::Referral]);

    let at_the_clinic = Input { tier: Tier::Community, ..input(CareKind::Outpatient) };
    assert_eq!(causes(&moved(&at_the_clinic, &policy(), |input| input.family_doctor = true)), [Cause::FamilyDoctor]);

    let stay = input(CareKind::Inpatient);
    let chain = Chain { direction: Direction::Down, deductible_borne: Money::ZERO, stays: 1, stays_this_year: 0 };
    assert_eq!(causes(&moved(&stay, &policy(), |input| input.before.stays = 1)), [Cause::Accumulator]);
    assert_eq!(causes(&moved(&stay, &policy(), |input| input.chain = Some(chain))), [Cause::Chain]);
}

#[test]
fn ad_03_what_moves_no_amount_is_no_cause() {
    // Care on more days, a birthday, other visits and a family doctor elsewhere.
    let basis = Input { referred: true, ..input(CareKind::Outpatient) };
    let others = |input: &mut Input| {
        input.to = input.to + Days::new(9);
        input.person.age = 72;
        input.before.stays = 3;
        input.circumstances.contracted = Some(true);
    };
    assert_eq!(moved(&basis, &policy(), others), []);
    let beside_one_that_does = |input: &mut Input| {
        others(input);
        input.referred = false;
    };
    assert_eq!(causes(&moved(&basis, &policy(), beside_one_that_does)), [Cause::Referral]);
}

#[test]
fn ad_03_ad_12_other_means_of_paying_the_same_are_explained_too() {
    let mut basis = input(CareKind::Outpatient);
    basis.circumstances.topped_up = true;
    basis.circumstances.means = Means { account: Money::from_fen(1_000), ..Means::default() };
    let lost = moved(&basis, &policy(), |input| input.circumstances.topped_up = false);
    assert_eq!(causes(&lost), [Cause::Cover]);
    let text = drift(&lost[0], basis.total).text;
    assert!(
        text.en.contains("the top-up went from CNY 30.00 to CNY 0.00, cash went from CNY 20.00 to CNY 50.00"),
        "{text:?}"
    );
    assert!(!text.en.contains("own share"), "that is the same: {text:?}");

    let smaller = moved(&basis, &policy(), |input| input.circumstances.means.account = Money::from_fen(400));
    assert_eq!(causes(&smaller), [Cause::Means]);
    let text = drift(&smaller[0], basis.total).text;
    assert!(text.en.contains("the personal account went from CNY 10.00 to CNY 4.00"), "{text:?}");
    assert!(text.zh.contains("现金支付由 20.00 元变为 26.00 元"), "{text:?}");

    // A voucher of the year that was spent since.
    basis = Input { tier: Tier::Community, ..basis };
    basis.circumstances.groups = [Group::Migrant].into();
    let spent = moved(&basis, &policy(), |input| input.circumstances.year.voucher = Money::from_fen(49_900));
    assert_eq!(causes(&spent), [Cause::Accumulator]);
    // One fund in another's place.
    let mut assisted = input(CareKind::Outpatient);
    assisted.before.pooled_fund = Money::from_fen(1_999_000);
    assisted.circumstances.groups = [Group::LowIncome].into();
    let other_fund = moved(&assisted, &policy(), |input| input.before = Accumulators::default());
    assert!(drift(&other_fund[0], assisted.total).text.en.contains("medical assistance went from"));
}

#[test]
fn ad_03_each_cause_has_its_own_amount() {
    let basis = input(CareKind::Outpatient);
    let found = moved(&basis, &policy(), |input| {
        input.lines[0].class = Class::C;
        input.lines.push(Line { code: "T-2".to_owned(), class: Class::A, ..input.lines[0].clone() });
        input.total = Money::from_fen(20_000);
        input.referred = true;
    });
    let texts: Vec<String> = found.iter().map(|moved| drift(moved, basis.total).text.en).collect();
    assert_eq!(causes(&found), [Cause::Lines, Cause::Catalogue, Cause::Referral]);
    // 40 % of 100, then of 200; of 100 beside 100 that are not in scope; and 60 % of them.
    assert!(
        texts[0].contains("(CNY 200.00, expected CNY 100.00): the own share went from CNY 60.00 to CNY 120.00"),
        "{texts:?}"
    );
    assert!(texts[1].contains("the own share went from CNY 120.00 to CNY 160.00"), "{texts:?}");
    assert!(texts[2].contains("the own share went from CNY 160.00 to CNY 140.00"), "{texts:?}");
}

#[test]
fn ad_03_another_policy_is_told_from_other_cover() {
    let basis = input(CareKind::Outpatient);
    let ratio = |to: &str| {
        let to = to.to_owned();
        policy_with(|json| json["outpatient"]["bands"][0]["fund_ratio"][0]["by_tier"]["TERTIARY"] = to.into())
    };
    let (old, newer, quote) = (policy(), ratio("0.65"), quote(basis.clone(), &policy()));
    let employee = policy_with(|json| {
        json["scheme"] = "EMPLOYEE".into();
        json["outpatient"]["bands"][0]["fund_ratio"][0]["by_tier"]["TERTIARY"] = "0.65".into();
    });
    let explained = |input: &Input, policy: &Policy| {
        let answer = engine::adjudicate(policy, input).unwrap();
        let settled = Settled { input, policy: Some((policy, "another")), answer: &answer };
        causes(&moves(Quoted { quote: &quote, policy: Some(&old) }, settled))
    };
    assert_eq!(explained(&basis, &newer), [Cause::Policy]);
    assert_eq!(explained(&basis, &old), [], "another version that says the same");
    // In another scheme, what came before there is no other claim in between.
    let mut input = basis.clone();
    input.before.pooled_fund = Money::from_fen(1_999_500);
    assert_eq!(explained(&input, &employee), [Cause::Cover]);
    assert_eq!(explained(&input, &newer), [Cause::Policy, Cause::Accumulator]);
}

#[test]
fn ad_03_a_quote_without_a_price_or_without_insurance_is_compared_too() {
    let (basis, policy) = (input(CareKind::Outpatient), policy());
    // Nobody asked about the year or a referral where no policy asked.
    let mut input = Input { referred: true, ..basis.clone() };
    input.before.stays = 2;
    let answer = engine::adjudicate(&policy, &input).unwrap();
    let by_policy = Settled { input: &input, policy: Some((&policy, "d")), answer: &answer };
    for (price, cause) in unpriced(&basis).into_iter().zip([Cause::Cover, Cause::Provider, Cause::Policy]) {
        let quote = priced(basis.clone(), price);
        let found = explain(Quoted { quote: &quote, policy: None }, by_policy);
        let [drift] = found.as_slice() else { panic!("one cause: {found:?}") };
        assert_eq!(drift.cause, cause);
        let gave_no_price = "the quote gave no price, and the own share is CNY 40.00";
        assert_eq!(drift.text.en.contains(gave_no_price), cause == Cause::Policy, "{drift:?}");
    }

    let quote = quote(input, &policy);
    let quoted = Quoted { quote: &quote, policy: Some(&policy) };
    let all_own = engine::not_enrolled(&basis).unwrap();
    assert_eq!(causes(&moves(quoted, Settled { input: &basis, policy: None, answer: &all_own })), [Cause::Cover]);
    let suspended = engine::not_designated(&basis).unwrap();
    assert_eq!(causes(&moves(quoted, Settled { input: &basis, policy: None, answer: &suspended })), [Cause::Provider]);
}

#[test]
fn ad_03_sc_06_a_quote_of_cover_alone_named_no_amount_that_could_drift() {
    let (billed, policy) = (input(CareKind::Outpatient), policy());
    let basis = Input { lines: vec![], total: Money::ZERO, ..billed.clone() };
    let answer = engine::adjudicate(&policy, &billed).unwrap();
    let settled = Settled { input: &billed, policy: Some((&policy, "d")), answer: &answer };
    let by_policy = quote(basis.clone(), &policy);
    assert_eq!(explain(Quoted { quote: &by_policy, policy: Some(&policy) }, settled), []);
    assert!(by_policy.price.adjudication().is_some() && by_policy.priced().is_none());
    for price in unpriced(&basis) {
        let quote = priced(basis.clone(), price);
        assert_eq!(explain(Quoted { quote: &quote, policy: None }, settled), []);
        assert_eq!((quote.priced(), quote.explanation().len()), (None, 3));
    }
}

#[test]
fn ad_03_what_nothing_explains_is_said_to_be_so() {
    let (basis, policy) = (input(CareKind::Outpatient), policy());
    let mut quote = quote(basis.clone(), &policy);
    if let Price::Priced { adjudication, .. } = &mut quote.price {
        adjudication.shares.pooled_fund += Money::from_fen(1);
        adjudication.shares.pooled_own -= Money::from_fen(1);
    }
    let answer = engine::adjudicate(&policy, &basis).unwrap();
    let settled = Settled { input: &basis, policy: Some((&policy, "d")), answer: &answer };
    let found = moves(Quoted { quote: &quote, policy: Some(&policy) }, settled);
    assert_eq!(causes(&found), [Cause::Other]);
}

/// The changes of which any may come together, each with the cause it has.
type Change = (Cause, fn(&mut Input));

const CHANGES: [Change; 12] = [
    (Cause::Lines, |input| {
        (input.total, input.lines[0].amount) = (Money::from_fen(25_050), Money::from_fen(25_050));
        input.lines[0].unit_price = "250.5".parse().unwrap();
    }),
    (Cause::Catalogue, |input| input.lines[0].class = Class::B { first_self_pay: "0.1".parse().unwrap() }),
    (Cause::Provider, |input| input.tier = Tier::District),
    (Cause::Cover, |input| input.person.retired = false),
    (Cause::Cover, |input| input.circumstances.groups = [Group::LowIncome].into()),
    (Cause::Cover, |input| input.circumstances.topped_up = true),
    (Cause::Day, |input| (input.to, input.person.age) = (input.to + Days::new(40), 72)),
    (Cause::Referral, |input| (input.referred, input.circumstances.own_clinic) = (true, OwnClinic::ReferredBy)),
    (Cause::FamilyDoctor, |input| input.family_doctor = true),
    (Cause::Accumulator, |input| {
        input.before = Accumulators { pooled_fund: Money::from_fen(1_999_000), stays: 2, ..input.before };
        input.circumstances.year.top_up = Money::from_fen(199_900);
    }),
    (Cause::Chain, |input| {
        let deductible_borne = Money::from_fen(500);
        input.chain = Some(Chain { direction: Direction::Up, deductible_borne, stays: 1, stays_this_year: 0 });
    }),
    (Cause::Means, |input| input.circumstances.means.account = Money::from_fen(700)),
];

proptest! {
    #[test]
    fn ad_03_what_the_causes_moved_adds_up_to_the_drift(
        made in any::<[bool; 12]>(),
        quoted_too in any::<[bool; 12]>(),
        is_stay in any::<bool>(),
    ) {
        let policy = policy();
        let mut basis = input(if is_stay { CareKind::Inpatient } else { CareKind::Outpatient });
        let each = |chosen: [bool; 12]| CHANGES.into_iter().zip(chosen).filter_map(|(change, is_made)| is_made.then_some(change));
        for (_, change) in each(quoted_too) {
            change(&mut basis);
        }
        let found = moved(&basis, &policy, |input| each(made).for_each(|(_, change)| change(input)));

        let mut input = basis.clone();
        each(made).for_each(|(_, change)| change(&mut input));
        let quoted = engine::calculate(&policy, &basis).unwrap().shares;
        let settled = engine::calculate(&policy, &input).unwrap().shares;
        prop_assert_eq!(found.is_empty(), paid(&quoted) == paid(&settled));
        let mut stands = quoted;
        for moved in &found {
            let before = moved.before.unwrap();
            prop_assert_eq!(paid(&before), paid(&stands), "each begins where the one before ended");
            prop_assert_ne!(paid(&before), paid(&moved.after), "each moves something");
            let is_made = each(made).any(|(cause, _)| cause == moved.cause);
            prop_assert!(is_made, "{:?} is of nothing that changed", moved.cause);
            stands = moved.after;
        }
        if !found.is_empty() {
            prop_assert_eq!(paid(&stands), paid(&settled), "together they are the drift");
        }
        let mut named = causes(&found);
        let count = named.len();
        named.dedup();
        prop_assert_eq!(named.len(), count, "each once");
    }
}
