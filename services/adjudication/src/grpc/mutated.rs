//! 20 000 claims that are wrong in some way, from their bytes through the parser to the engine, the audit rules and the provider's payment: an
//! answer or a refusal, never a panic.

use std::sync::Arc;

use proptest::prelude::*;
use prost::Message as _;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1 as common;
use proto::google::r#type as google;
use serde_json::{Value, json};
use types::care::CareKind;
use types::ids::{ClaimId, OrganisationId};
use types::money::Money;
use types::tier::Tier;

use super::convert;
use crate::app::DivideClaim;
use crate::domain::circumstances::Circumstances;
use crate::domain::claim::BilledLine;
use crate::domain::engine::{self, Refusal};
use crate::domain::input::{Accumulators, Input, Person};
use crate::domain::inspection::{self, BilledItem, Past, Patient, RuleBook, Sex};
use crate::domain::line::Class;
use crate::domain::policy::Policy;
use crate::domain::provider_payment::expected::expect;
use crate::domain::provider_payment::{self, PaymentTerms, Shelf};

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

/// What claims are held against.
struct Documents {
    policy: Policy,
    rules: RuleBook,
    terms: PaymentTerms,
    tables: Shelf,
}

impl Documents {
    /// The demonstration's rules, those that name items naming the claim's; terms by group, without one that came with the claim.
    fn read() -> Self {
        let mut rules: Value = serde_json::from_str(include_str!("../../rules/demonstration-city.json")).unwrap();
        for rule in rules["rules"].as_object_mut().unwrap().values_mut() {
            for point in rule.get_mut("points").and_then(Value::as_array_mut).into_iter().flatten() {
                if point.get("items").is_some() {
                    point["items"] = json!(["T-*"]);
                }
            }
        }
        let tables = concat!(env!("CARGO_MANIFEST_DIR"), "/../../libs/drg/tables/small");
        Self {
            policy: Policy::read(include_str!("../../policies/beijing-employee.json")).unwrap(),
            rules: RuleBook::read(&rules.to_string()).unwrap(),
            terms: PaymentTerms::read(include_str!("../../payment-terms/demonstration-city.json")).unwrap(),
            tables: Shelf::from([("small".to_owned(), Arc::new(drg::Tables::load(tables.as_ref()).unwrap()))]),
        }
    }

    /// Audit rules ask about the claim, beside an earlier one with the same lines. How many findings there are; they withhold no more than
    /// was billed.
    fn inspected(&self, claim: &DivideClaim) -> usize {
        let (on, provider) = (claim.lines[0].on, OrganisationId::from_uuid(uuid::Uuid::from_u128(1)));
        let lines: Vec<BilledItem> = claim.lines.iter().map(billed).collect();
        let before = on.pred_opt().unwrap_or(on);
        let (claim_id, kind) = (ClaimId::from_uuid(uuid::Uuid::from_u128(2)), CareKind::Inpatient);
        let past = Past { claim: claim_id, provider, kind, from: before, until: before, lines: lines.clone() };
        let case = inspection::Case {
            patient: Patient { birth_date: "1954-01-01".parse().unwrap(), sex: Some(Sex::Male) },
            provider,
            tier: Tier::Tertiary,
            kind,
            from: on,
            until: on,
            received_on: on.succ_opt().unwrap_or(on),
            is_insured: true,
            is_referred: false,
            total: claim.total,
            diagnoses: claim.diagnoses.iter().map(|diagnosis| diagnosis.icd10_code.clone()).collect(),
            lines,
            history: vec![past],
        };
        let findings = inspection::inspect(&self.rules, &case);
        assert!(case.withheld(&findings) <= claim.total);
        findings.len()
    }

    /// The terms pay for the claim; what they come to adds up.
    fn expected(&self, claim: &DivideClaim, own: Money) -> bool {
        let case = provider_payment::Case {
            kind: CareKind::Inpatient,
            place: drg::payment::Place { tier: Tier::Tertiary, provider: None },
            from: claim.lines[0].on,
            until: claim.lines[0].on,
            birth_date: "1954-01-01".parse().unwrap(),
            cost: claim.total,
            own,
            diagnoses: claim.diagnoses.iter().map(|diagnosis| diagnosis.icd10_code.clone()).collect(),
            registered_sex: Some(drg::Sex::Male),
            record: claim.record.clone(),
        };
        let Some(amounts) = expect(&self.terms, &case, &self.tables).and_then(|expected| expected.amounts.ok()) else {
            return false;
        };
        assert_eq!(amounts.gross - amounts.own + amounts.floor + amounts.adjustment, amounts.fund);
        true
    }
}

fn billed(line: &BilledLine) -> BilledItem {
    BilledItem {
        item_code: line.item_code.clone(),
        name: line.item.name.clone(),
        quantity: line.quantity,
        unit_price: line.unit_price,
        amount: line.amount,
        on: line.on,
    }
}

/// What the handler does, but for asking others and the database. Findings there are, and whether a payment is expected.
fn handled(documents: &Documents, bytes: &[u8]) -> Result<(usize, bool), &'static str> {
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
    match engine::adjudicate(&documents.policy, &input) {
        Ok(answer) => {
            let own = answer.shares.own();
            assert_eq!(answer.shares.fund() + own, claim.total);
            Ok((documents.inspected(&claim), documents.expected(&claim, own)))
        }
        Err(Refusal::NoPolicyInForce { .. } | Refusal::NotPublished { .. }) => Err("NO_POLICY_IN_FORCE"),
        Err(_) => Err("LINES_DO_NOT_SUM"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ad_03_twenty_thousand_mutated_claims_are_answered_or_refused(mutations in prop::collection::vec(mutation(), 1..4)) {
        static DOCUMENTS: std::sync::OnceLock<Documents> = std::sync::OnceLock::new();
        let _ = handled(DOCUMENTS.get_or_init(Documents::read), &mutated(&mutations));
    }
}

#[test]
fn ad_03_the_claim_that_is_mutated_is_good_and_its_mutations_reach_every_refusal() {
    let documents = Documents::read();
    let (findings, is_paid) = handled(&documents, &mutated(&[])).unwrap();
    assert!(findings > 0 && is_paid, "{findings} findings, paid: {is_paid}");
    let of = |mutation: Mutation| handled(&documents, &mutated(&[mutation])).unwrap_err();
    assert_eq!(of(Mutation::Quantity("-1")), "INVALID_FIELD");
    assert_eq!(of(Mutation::Currency("1")), "INVALID_FIELD");
    assert_eq!(of(Mutation::Units(1)), "LINES_DO_NOT_SUM");
    assert_eq!(of(Mutation::Total(1)), "LINES_DO_NOT_SUM");
    assert_eq!(handled(&documents, &[0x0a, 0xff]), Err("MALFORMED_MESSAGE"));
}
