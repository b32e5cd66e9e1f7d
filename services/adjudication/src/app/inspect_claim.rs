//! Audit rules in the settlement's own transactions: findings are noted with the division and raised with the confirmation;
//! a corrected claim is inspected anew. Nothing here changes a share.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use postgres::events::NewEvent;
use postgres::{Error, Transaction};
use serde_json::json;
use types::clock::local_date;
use types::ids::{BillId, ClaimId, FindingId, RuleBookId, SettlementId};
use types::region::RegionCode;

use super::telling::Telling;
use super::{App, Divided};
use crate::domain::claim::{BilledLine, Claim};
use crate::domain::coverage::Coverage;
use crate::domain::document::Released;
use crate::domain::error::AdjudicationError;
use crate::domain::finding::KeptFinding;
use crate::domain::inspection::{
    BilledItem, Case, Finding, FindingState, Lookback, Past, Patient, Review, RuleBook, inspect, lookback,
};
use crate::domain::settlement::Settlement;
use crate::store::documents::{self, InForce};
use crate::store::{findings, histories, inspections};

const RAISED: &str = "anjia.adjudication.finding.raised.v1";
pub(super) const DECIDED: &str = "anjia.adjudication.finding.decided.v1";

impl App {
    /// The rule book of a region in force on a day.
    pub(super) async fn rule_book(
        &self,
        tx: &mut Transaction,
        region: RegionCode,
        on: NaiveDate,
    ) -> Result<Option<Arc<Released<RuleBook>>>, AdjudicationError> {
        match documents::rule_book_on(tx, region, on).await? {
            Some(id) => Ok(Some(self.rule_books.get(tx, id).await?)),
            None => Ok(None),
        }
    }

    /// Notes what the rules of the region of care ask about a claim that was just divided.
    pub(super) async fn note_findings(
        &self,
        tx: &mut Transaction,
        divided: &Divided,
        procedures: &[String],
        coverage: &Coverage,
        in_force: &InForce,
        telling: &mut Telling<'_>,
    ) -> Result<(), AdjudicationError> {
        let noted = self.inspected(tx, divided, procedures, coverage, in_force, telling).await?;
        note(tx, &divided.claim, &noted, telling).await
    }

    /// What the rules of the region of care ask about a claim.
    async fn inspected(
        &self,
        tx: &mut Transaction,
        Divided { claim, settlement }: &Divided,
        procedures: &[String],
        coverage: &Coverage,
        in_force: &InForce,
        telling: &mut Telling<'_>,
    ) -> Result<Vec<KeptFinding>, AdjudicationError> {
        let Some(id) = in_force.rule_books.first() else { return Ok(vec![]) };
        let book = self.rule_books.get(tx, *id).await?;
        let patient = Patient { birth_date: coverage.birth_date, sex: coverage.sex };
        let mut case = Case { procedures: procedures.to_vec(), ..case(claim, settlement, patient) };
        if let Some(lookback) = lookback(&book.content, &case) {
            let at = settlement.divided_at;
            case.history = histories::beside(tx, claim, &lookback, at).await?;
            inspected_beside(tx, (claim, settlement.id), (&lookback, &case.history), at, telling).await?;
        }
        let found = inspect(&book.content, &case).into_iter();
        Ok(found.map(|found| kept(found, book.id, claim, settlement)).collect())
    }

    /// Inspects a claim in its next version, whose settlement took the place of another. What is asked again stands as people left it,
    /// what is new is raised, what is no longer asked withholds nothing. Procedures are those of the case record, which stands.
    pub(super) async fn inspect_anew(
        &self,
        tx: &mut Transaction,
        (replaced, procedures): (SettlementId, &[String]),
        divided: &Divided,
        coverage: &Coverage,
        in_force: &InForce,
        telling: &mut Telling<'_>,
    ) -> Result<(), AdjudicationError> {
        let Divided { claim, settlement } = divided;
        let mut former = findings::of_settlement(tx, replaced).await?;
        let mut new = vec![];
        for found in self.inspected(tx, divided, procedures, coverage, in_force, telling).await? {
            let Some(at) = former.iter().position(|known| known.asks_the_same(&found)) else {
                new.push(found);
                continue;
            };
            let known = former.swap_remove(at);
            let known = KeptFinding { settlement: settlement.id, claim_version: claim.version, ..known };
            findings::follow(tx, &known).await?;
            let entry = telling.begin("adjudication.finding.carry").resident(known.resident);
            telling.entry(entry.row("findings", known.id));
        }
        let bill = settlement.state.bill();
        supersede(tx, former, (bill, settlement.divided_at), telling).await?;
        note(tx, claim, &new, telling).await?;
        raise(tx, settlement.id, (bill, settlement.divided_at), telling).await
    }
}

/// Nothing is withheld any more of a settlement that was taken back.
pub(super) async fn drop_findings(
    tx: &mut Transaction,
    reversed: &Settlement,
    at: DateTime<Utc>,
    telling: &mut Telling<'_>,
) -> Result<(), AdjudicationError> {
    let former = findings::of_settlement(tx, reversed.id).await?;
    supersede(tx, former, (reversed.state.bill(), at), telling).await
}

/// Puts the findings of a settlement onto the reviewers' work list, now that it is confirmed for a bill.
pub(super) async fn raise(
    tx: &mut Transaction,
    settlement: SettlementId,
    (bill, now): (Option<BillId>, DateTime<Utc>),
    telling: &mut Telling<'_>,
) -> Result<(), AdjudicationError> {
    for finding in findings::raise(tx, settlement, now).await? {
        telling.event(told(&finding, bill, RAISED, now));
        let entry = telling.begin("adjudication.finding.raise").resident(finding.resident);
        telling.entry(entry.row("findings", finding.id));
    }
    Ok(())
}

/// A claim as rules look at it, beside no other yet, and without its case record.
pub(super) fn case(claim: &Claim, settlement: &Settlement, patient: Patient) -> Case {
    Case {
        patient,
        provider: claim.provider,
        tier: claim.tier,
        kind: claim.kind,
        from: claim.from,
        until: claim.until,
        received_on: local_date(claim.received_at),
        is_insured: settlement.cover.is_some(),
        is_referred: claim.referral.is_some(),
        total: claim.total,
        diagnoses: claim.diagnoses.iter().map(|diagnosis| diagnosis.icd10_code.clone()).collect(),
        procedures: vec![],
        lines: claim.lines.iter().map(billed).collect(),
        history: vec![],
    }
}

pub(super) fn kept(found: Finding, rule_book: RuleBookId, claim: &Claim, settlement: &Settlement) -> KeptFinding {
    KeptFinding {
        id: FindingId::generate(),
        settlement: settlement.id,
        claim: claim.id,
        claim_version: claim.version,
        resident: claim.resident,
        provider: claim.provider,
        rule_book,
        rule: found.rule,
        line: found.line.and_then(|line| i32::try_from(line).ok()),
        evidence: found.evidence,
        review: Review { amount: found.amount, state: FindingState::Noted },
        noted_at: settlement.divided_at,
        decided_at: None,
    }
}

/// Keeps how far back one was looked at, and beside which claims.
pub(super) async fn inspected_beside(
    tx: &mut Transaction,
    (claim, settlement): (&Claim, SettlementId),
    (lookback, history): (&Lookback, &[Past]),
    at: DateTime<Utc>,
    telling: &mut Telling<'_>,
) -> Result<(), Error> {
    let beside: Vec<ClaimId> = history.iter().map(|past| past.claim).collect();
    inspections::put(tx, claim.care_region, settlement, (lookback.claims_from, &beside), at).await?;
    let entry = telling.begin("adjudication.claim.inspect").resident(claim.resident);
    telling.entry(inspections::audited(entry, settlement));
    Ok(())
}

pub(super) async fn note(
    tx: &mut Transaction,
    claim: &Claim,
    noted: &[KeptFinding],
    telling: &mut Telling<'_>,
) -> Result<(), AdjudicationError> {
    if noted.is_empty() {
        return Ok(());
    }
    findings::insert(tx, claim.care_region, noted).await?;
    let entry = telling.begin("adjudication.finding.note").resident(claim.resident);
    telling.entry(noted.iter().fold(entry, |entry, finding| entry.row("findings", finding.id)));
    Ok(())
}

async fn supersede(
    tx: &mut Transaction,
    former: Vec<KeptFinding>,
    (bill, at): (Option<BillId>, DateTime<Utc>),
    telling: &mut Telling<'_>,
) -> Result<(), AdjudicationError> {
    for finding in former {
        let Some(review) = finding.review.supersede() else { continue };
        let finding = KeptFinding { review, ..finding };
        findings::follow(tx, &finding).await?;
        telling.event(told(&finding, bill, DECIDED, at));
        let entry = telling.begin("adjudication.finding.supersede").resident(finding.resident);
        telling.entry(entry.row("findings", finding.id));
    }
    Ok(())
}

/// Tells who pays the provider for a bill what is withheld of a finding.
pub(super) fn told(finding: &KeptFinding, bill: Option<BillId>, event: &'static str, at: DateTime<Utc>) -> NewEvent {
    let data = json!({
        "resident_id": finding.resident,
        "claim_id": finding.claim,
        "settlement_id": finding.settlement,
        "bill_id": bill,
        "provider_organisation_id": finding.provider,
        "line": finding.line.unwrap_or(0),
        "state": finding.review.state.as_str(),
        "withheld": finding.review.withheld(),
    });
    NewEvent::new(event, finding.id, data, at)
}

fn billed(line: &BilledLine) -> BilledItem {
    BilledItem {
        item_code: line.item_code.clone(),
        name: line.item.name.clone(),
        // As evidence names them, whether the claim comes from a desk or out of the database.
        quantity: line.quantity.normalize(),
        unit_price: line.unit_price.normalize(),
        amount: line.amount,
        on: line.on,
    }
}
