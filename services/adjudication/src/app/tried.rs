//! A division as the use case makes it, on facts that nobody had to be asked for: whatever a claim says is tried on the same functions.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use types::ids::{ClaimId, OrganisationId, PolicyId};
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use super::division::{Billed, Decided, Facts, Setting};
use super::pricing::{Classes, Payer, account_under, input, payer};
use super::{DivideClaim, Divided, expect_payment, inspect_claim};
use crate::domain::account::Drawn;
use crate::domain::circumstances::Circumstances;
use crate::domain::claim::Item;
use crate::domain::coverage::Coverage;
use crate::domain::engine;
use crate::domain::error::AdjudicationError;
use crate::domain::input::{Accumulators, Chain};
use crate::domain::inspection::{Case, Past, Patient, RuleBook, inspect};
use crate::domain::policy::Policy;
use crate::domain::provider_payment::expected::expect;
use crate::domain::provider_payment::{PaymentTerms, Shelf};
use crate::domain::settlement::Cover;
use crate::domain::visit::Visit;

/// What claims are held against.
pub(crate) struct Documents {
    pub policies: Vec<Policy>,
    pub rules: RuleBook,
    pub terms: PaymentTerms,
    pub tables: Shelf,
    pub catalogue: HashMap<String, Item>,
}

/// Everything that somebody would have been asked.
#[derive(Debug, Clone)]
pub(crate) struct Tried {
    pub policy: usize,
    pub visit: Visit,
    pub coverage: Coverage,
    pub is_designated: bool,
    pub before: Accumulators,
    pub chain: Option<Chain>,
    pub is_referred: bool,
    pub circumstances: Circumstances,
    pub region: RegionCode,
    pub now: DateTime<Utc>,
}

/// How many findings there are, and whether a payment is expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub findings: usize,
    pub is_paid: bool,
}

impl Documents {
    /// Every policy that ships; the demonstration's rules, those that name items naming the claims'; terms by group.
    pub(crate) fn read(catalogue: HashMap<String, Item>) -> Self {
        let mut rules: Value = serde_json::from_str(include_str!("../../rules/demonstration-city.json")).unwrap();
        for rule in rules["rules"].as_object_mut().unwrap().values_mut() {
            for point in rule.get_mut("points").and_then(Value::as_array_mut).into_iter().flatten() {
                if point.get("items").is_some() {
                    point["items"] = json!(["T-*"]);
                }
            }
        }
        let tables = concat!(env!("CARGO_MANIFEST_DIR"), "/../../libs/drg/tables/small");
        let policies = [
            include_str!("../../policies/beijing-employee.json"),
            include_str!("../../policies/beijing-resident.json"),
            include_str!("../../policies/hangzhou-student-resident.json"),
            include_str!("../../policies/demonstration-city.json"),
        ];
        Self {
            policies: policies.iter().map(|text| Policy::read(text).unwrap()).collect(),
            rules: RuleBook::read(&rules.to_string()).unwrap(),
            terms: PaymentTerms::read(include_str!("../../payment-terms/demonstration-city.json")).unwrap(),
            tables: Shelf::from([("small".to_owned(), Arc::new(drg::Tables::load(tables.as_ref()).unwrap()))]),
            catalogue,
        }
    }
}

/// Divides, inspects and pays; what comes of it adds up.
pub(crate) fn tried(documents: &Documents, tried: &Tried, billed: DivideClaim) -> Result<Outcome, AdjudicationError> {
    let Tried { visit, coverage, region, now, .. } = tried.clone();
    let stay = visit.claimable(now.date_naive())?;
    stay.check(billed.lines.iter().map(|line| line.on))?;
    let facts = Facts { visit, stay, coverage, is_designated: tried.is_designated };
    let lines = Classes(documents.catalogue.clone()).resolve(billed.lines)?;
    let care = facts.care((region, now), &lines, billed.total);
    let (adjudication, cover) = match payer(&care, &facts.coverage) {
        Payer::Nobody(priced) => (priced.answer()?, None),
        Payer::Insurance(basic) => {
            let policy = &documents.policies[tried.policy];
            let judged = policy.judged_date(care.from, care.until);
            let retired = facts.coverage.retired_on(judged, basic);
            let mut input = input(&care, &facts.coverage, retired, judged, tried.before);
            (input.chain, input.referred) = (tried.chain, tried.is_referred);
            input.circumstances = tried.circumstances.clone();
            let cover = Cover {
                policy: PolicyId::from_uuid(Uuid::from_u128(1)),
                policy_digest: String::new(),
                account: account_under(policy, basic, &care),
                account_version: 0,
                drawn: Drawn::default(),
            };
            (engine::adjudicate(policy, &input)?, Some(cover))
        }
    };
    let shares = &adjudication.shares;
    assert_eq!(shares.fund() + shares.own(), billed.total);
    assert!(!shares.cash().is_negative() && !shares.fund().is_negative());

    let id = ClaimId::from_uuid(Uuid::from_u128(2));
    let billed_lines = Billed { diagnoses: billed.diagnoses, lines, total: billed.total, quote: billed.quote };
    let decided = Decided { adjudication, cover, drift: vec![] };
    let divided = facts.divided((id, 1), billed_lines, decided, Setting { region, now, lapses_at: now });
    Ok(Outcome {
        findings: inspected(documents, &divided, &facts.coverage, &billed.record.procedures),
        is_paid: is_paid(documents, &divided, billed.record, &facts.coverage),
    })
}

/// Audit rules ask about the claim, beside an earlier one with the same lines. They withhold no more than was billed.
fn inspected(documents: &Documents, divided: &Divided, coverage: &Coverage, procedures: &[String]) -> usize {
    let Divided { claim, settlement } = divided;
    let patient = Patient { birth_date: coverage.birth_date, sex: coverage.sex };
    let case = inspect_claim::case(claim, settlement, patient);
    let before = claim.from.pred_opt().unwrap_or(claim.from);
    let past = Past {
        claim: ClaimId::from_uuid(Uuid::from_u128(3)),
        provider: OrganisationId::from_uuid(Uuid::from_u128(1)),
        kind: claim.kind,
        from: before,
        until: before,
        lines: case.lines.clone(),
    };
    let case = Case { procedures: procedures.to_vec(), history: vec![past], ..case };
    let findings = inspect(&documents.rules, &case);
    assert!(case.withheld(&findings) <= claim.total);
    findings.len()
}

/// The terms pay for the claim; what they come to adds up.
fn is_paid(
    documents: &Documents,
    divided: &Divided,
    record: crate::domain::provider_payment::CaseRecord,
    coverage: &Coverage,
) -> bool {
    let case = expect_payment::case(divided, record, coverage);
    let expected = expect(&documents.terms, &case, &documents.tables).and_then(|expected| expected.amounts.ok());
    let Some(amounts) = expected else { return false };
    let sum: Money = amounts.gross - amounts.own + amounts.floor + amounts.adjustment;
    assert_eq!(sum, amounts.fund);
    true
}
