//! 20 000 claims that are wrong in some way, from their bytes through the parser to the engine: an answer or a refusal, never a panic.

use proptest::prelude::*;
use prost::Message as _;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1 as common;
use proto::google::r#type as google;
use types::care::CareKind;
use types::tier::Tier;

use super::convert;
use crate::domain::circumstances::Circumstances;
use crate::domain::claim::BilledLine;
use crate::domain::engine::{self, Refusal};
use crate::domain::input::{Accumulators, Input, Person};
use crate::domain::line::Class;
use crate::domain::policy::Policy;

const TEXTS: [&str; 14] = [
    "",
    "-1",
    "0",
    "1",
    "0.0001",
    "0.00001",
    "999999999",
    "1e9",
    "NaN",
    "79228162514264337593543950335",
    "１",
    "\u{0}",
    "I10.x00",
    "01890a5d-ac96-774b-bcce-b302099a805a",
];
const NUMBERS: [i64; 9] = [0, 1, -1, 13, 32, 999_999_999, -999_999_999, i64::MAX, i64::MIN];

/// One change of a good claim.
#[derive(Debug, Clone)]
enum Mutation {
    Byte(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    ItemCode(&'static str),
    Quantity(&'static str),
    UnitPrice(&'static str),
    Units(i64),
    Nanos(i64),
    Currency(&'static str),
    Total(i64),
    Year(i64),
    Day(i64),
    Icd10(&'static str),
    Repeated(u8),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let text = || prop::sample::select(TEXTS.as_slice());
    let number = || prop::sample::select(NUMBERS.as_slice());
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        any::<prop::sample::Index>().prop_map(Mutation::Cut),
        text().prop_map(Mutation::ItemCode),
        text().prop_map(Mutation::Quantity),
        text().prop_map(Mutation::UnitPrice),
        number().prop_map(Mutation::Units),
        number().prop_map(Mutation::Nanos),
        text().prop_map(Mutation::Currency),
        number().prop_map(Mutation::Total),
        number().prop_map(Mutation::Year),
        number().prop_map(Mutation::Day),
        text().prop_map(Mutation::Icd10),
        any::<u8>().prop_map(Mutation::Repeated),
    ]
}

fn good() -> wire::DivideClaimRequest {
    let money = google::Money { currency_code: "CNY".to_owned(), units: 240, nanos: 0 };
    wire::DivideClaimRequest {
        request_id: "01890a5d-ac96-774b-bcce-b302099a805a".to_owned(),
        visit_id: "01890a5d-ac96-774b-bcce-b302099a805b".to_owned(),
        diagnoses: vec![common::Diagnosis { icd10_code: "I10.x00".to_owned(), name: "高血压".to_owned() }],
        lines: vec![wire::ClaimLine {
            item_code: "T-1".to_owned(),
            quantity: "2".to_owned(),
            unit_price: "120".to_owned(),
            amount: Some(money.clone()),
            on: Some(google::Date { year: 2026, month: 3, day: 2 }),
        }],
        total: Some(money),
        ..Default::default()
    }
}

fn int(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

fn mutated(mutations: &[Mutation]) -> Vec<u8> {
    let mut claim = good();
    let mut bytes = Vec::new();
    for mutation in mutations {
        let line = &mut claim.lines[0];
        let amount = line.amount.get_or_insert_default();
        let day = line.on.get_or_insert_default();
        match mutation {
            Mutation::ItemCode(text) => (*text).clone_into(&mut line.item_code),
            Mutation::Quantity(text) => (*text).clone_into(&mut line.quantity),
            Mutation::UnitPrice(text) => (*text).clone_into(&mut line.unit_price),
            Mutation::Units(units) => amount.units = *units,
            Mutation::Nanos(nanos) => amount.nanos = int(*nanos),
            Mutation::Currency(text) => (*text).clone_into(&mut amount.currency_code),
            Mutation::Total(units) => claim.total.get_or_insert_default().units = *units,
            Mutation::Year(year) => day.year = int(*year),
            Mutation::Day(number) => day.day = int(*number),
            Mutation::Icd10(text) => (*text).clone_into(&mut claim.diagnoses[0].icd10_code),
            Mutation::Repeated(times) => {
                let line = line.clone();
                claim.lines.extend(std::iter::repeat_n(line, usize::from(*times)));
            }
            Mutation::Byte(..) | Mutation::Cut(_) => {}
        }
    }
    claim.encode(&mut bytes).unwrap();
    for mutation in mutations {
        match mutation {
            Mutation::Byte(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Mutation::Cut(at) if !bytes.is_empty() => bytes.truncate(at.index(bytes.len())),
            _ => {}
        }
    }
    bytes
}

/// What the handler does, but for asking others and the database.
fn handled(policy: &Policy, bytes: &[u8]) -> Result<(), &'static str> {
    let message = wire::DivideClaimRequest::decode(bytes).map_err(|_| "MALFORMED_MESSAGE")?;
    let claim = convert::claim(&message).map_err(|_| "INVALID_FIELD")?;
    let classed = |line: &BilledLine| crate::domain::line::Line { class: Class::A, ..line.judged() };
    let input = Input {
        person: Person { retired: true, age: 72 },
        tier: Tier::Tertiary,
        kind: CareKind::Inpatient,
        from: claim.lines[0].on,
        to: claim.lines[0].on,
        total: claim.total,
        lines: claim.lines.iter().map(classed).collect(),
        before: Accumulators::default(),
        chain: None,
        referred: true,
        family_doctor: false,
        circumstances: Circumstances::default(),
    };
    match engine::adjudicate(policy, &input) {
        Ok(answer) => {
            assert_eq!(answer.shares.fund() + answer.shares.own(), claim.total);
            Ok(())
        }
        Err(Refusal::NoPolicyInForce { .. } | Refusal::NotPublished { .. }) => Err("NO_POLICY_IN_FORCE"),
        Err(_) => Err("LINES_DO_NOT_SUM"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ad_03_twenty_thousand_mutated_claims_are_answered_or_refused(mutations in prop::collection::vec(mutation(), 1..4)) {
        static POLICY: std::sync::OnceLock<Policy> = std::sync::OnceLock::new();
        let policy = POLICY.get_or_init(|| Policy::read(include_str!("../../policies/beijing-employee.json")).unwrap());
        let _ = handled(policy, &mutated(&mutations));
    }
}

#[test]
fn ad_03_the_claim_that_is_mutated_is_good_and_its_mutations_reach_every_refusal() {
    let policy = Policy::read(include_str!("../../policies/beijing-employee.json")).unwrap();
    assert_eq!(handled(&policy, &mutated(&[])), Ok(()));
    let of = |mutation: Mutation| handled(&policy, &mutated(&[mutation])).unwrap_err();
    assert_eq!(of(Mutation::Quantity("-1")), "INVALID_FIELD");
    assert_eq!(of(Mutation::Currency("1")), "INVALID_FIELD");
    assert_eq!(of(Mutation::Units(1)), "LINES_DO_NOT_SUM");
    assert_eq!(of(Mutation::Total(1)), "LINES_DO_NOT_SUM");
    assert_eq!(handled(&policy, &[0x0a, 0xff]), Err("MALFORMED_MESSAGE"));
}
