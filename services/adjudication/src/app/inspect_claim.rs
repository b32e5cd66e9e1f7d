//! Audit rules in the settlement's own transactions: findings are noted with the division and raised with the confirmation;
//! a corrected claim is inspected anew. Nothing here changes a share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Days, NaiveDate, Utc};
use postgres::audit;
use postgres::events::{self, NewEvent};
use postgres::{Error, Transaction};
use serde_json::json;
use types::clock::local_date;
use types::ids::{ClaimId, FindingId, RuleBookId, SettlementId};
use types::region::RegionCode;

use super::App;
use super::author::Author;
use crate::domain::claim::{BilledLine, Claim};
use crate::domain::coverage::Coverage;
use crate::domain::error::AdjudicationError;
use crate::domain::finding::KeptFinding;
use crate::domain::inspection::{BilledItem, Case, Finding, FindingState, Past, Patient, Review, RuleBook, inspect};
use crate::domain::settlement::Settlement;
use crate::store::{findings, histories, inspections, rule_books, settlements};

const RAISED: &str = "anjia.adjudication.finding.raised.v1";
pub(super) const DECIDED: &str = "anjia.adjudication.finding.decided.v1";

/// Rule books as they were read. They never change once released, so what is here is never stale.
#[derive(Debug, Clone, Default)]
pub struct RuleBooks(Arc<Mutex<HashMap<RuleBookId, Arc<RuleBook>>>>);

impl RuleBooks {
    fn get(&self, id: RuleBookId) -> Option<Arc<RuleBook>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn put(&self, id: RuleBookId, book: Arc<RuleBook>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, book);
    }
}

impl App {
    /// The rule book of a region in force on a day.
    pub(super) async fn rule_book(
        &self,
        tx: &mut Transaction,
        region: RegionCode,
        on: NaiveDate,
    ) -> Result<Option<(RuleBookId, Arc<RuleBook>)>, AdjudicationError> {
        let Some(id) = rule_books::in_force(tx, region, on).await? else { return Ok(None) };
        if let Some(book) = self.rule_books.get(id) {
            return Ok(Some((id, book)));
        }
        let version = rule_books::find(tx, id).await?.ok_or(AdjudicationError::RuleBookNotFound(id))?;
        let book = Arc::new(version.book);
        self.rule_books.put(id, book.clone());
        Ok(Some((id, book)))
    }

    /// Notes what the rules of the region of care ask about a claim that was just divided.
    pub(super) async fn note_findings(
        &self,
        tx: &mut Transaction,
        by: &Author<'_>,
        claim: &Claim,
        settlement: &Settlement,
        coverage: &Coverage,
    ) -> Result<(), AdjudicationError> {
        let noted = self.inspected(tx, by, claim, settlement, coverage).await?;
        note(tx, by, claim, &noted).await
    }

    /// What the rules of the region of care ask about a claim.
    async fn inspected(
        &self,
        tx: &mut Transaction,
        by: &Author<'_>,
        claim: &Claim,
        settlement: &Settlement,
        coverage: &Coverage,
    ) -> Result<Vec<KeptFinding>, AdjudicationError> {
        let received_on = local_date(claim.received_at);
        let Some((rule_book, book)) = self.rule_book(tx, claim.care_region, received_on).await? else {
            return Ok(vec![]);
        };
        let history = history(tx, &book, claim, settlement.divided_at).await?;
        inspected_beside(tx, by, (claim, settlement.id), &history, settlement.divided_at).await?;
        let patient = Patient { birth_date: coverage.birth_date, sex: coverage.sex };
        let found = inspect(&book, &case(claim, settlement, patient, history));
        Ok(found.into_iter().map(|found| kept(found, rule_book, claim, settlement)).collect())
    }

    /// Inspects a claim in its next version, whose settlement took the place of another. What is asked again stands as people left it,
    /// what is new is raised, what is no longer asked withholds nothing.
    pub(super) async fn inspect_anew(
        &self,
        tx: &mut Transaction,
        by: &Author<'_>,
        replaced: SettlementId,
        (claim, settlement): (&Claim, &Settlement),
        coverage: &Coverage,
    ) -> Result<(), AdjudicationError> {
        let mut former = findings::of_settlement(tx, replaced).await?;
        let mut new = vec![];
        for found in self.inspected(tx, by, claim, settlement, coverage).await? {
            let Some(at) = former.iter().position(|known| known.asks_the_same(&found)) else {
                new.push(found);
                continue;
            };
            let known = former.swap_remove(at);
            let known = KeptFinding { settlement: settlement.id, claim_version: claim.version, ..known };
            findings::follow(tx, &known).await?;
            let entry = by.entry("adjudication.finding.carry").resident(known.resident);
            audit::record(tx, entry.row("findings", known.id)).await?;
        }
        supersede(tx, by, former, settlement.divided_at).await?;
        note(tx, by, claim, &new).await?;
        self.raise_findings(tx, by, settlement.id, settlement.divided_at).await
    }

    /// Nothing is withheld any more of a settlement that was taken back.
    pub(super) async fn drop_findings(
        &self,
        tx: &mut Transaction,
        by: &Author<'_>,
        reversed: SettlementId,
        at: DateTime<Utc>,
    ) -> Result<(), AdjudicationError> {
        let former = findings::of_settlement(tx, reversed).await?;
        supersede(tx, by, former, at).await
    }

    /// Puts the findings of a settlement onto the reviewers' work list, now that it is confirmed.
    pub(super) async fn raise_findings(
        &self,
        tx: &mut Transaction,
        by: &Author<'_>,
        settlement: SettlementId,
        now: DateTime<Utc>,
    ) -> Result<(), AdjudicationError> {
        for finding in findings::raise(tx, settlement, now).await? {
            tell(tx, by, &finding, RAISED, now).await?;
            let entry = by.entry("adjudication.finding.raise").resident(finding.resident).row("findings", finding.id);
            audit::record(tx, entry).await?;
        }
        Ok(())
    }
}

/// What else was claimed for the person in the window of the rules.
pub(super) async fn history(
    tx: &mut Transaction,
    book: &RuleBook,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<Vec<Past>, Error> {
    let first = claim.from.checked_sub_days(Days::new(book.window_days().into())).unwrap_or(claim.from);
    histories::of_person(tx, claim.resident, claim.id, (first, claim.until), now).await
}

pub(super) fn case(claim: &Claim, settlement: &Settlement, patient: Patient, history: Vec<Past>) -> Case {
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
        lines: claim.lines.iter().map(billed).collect(),
        history,
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

/// Keeps beside which claims one was inspected.
pub(super) async fn inspected_beside(
    tx: &mut Transaction,
    by: &Author<'_>,
    (claim, settlement): (&Claim, SettlementId),
    history: &[Past],
    at: DateTime<Utc>,
) -> Result<(), Error> {
    if history.is_empty() {
        return Ok(());
    }
    let beside: Vec<ClaimId> = history.iter().map(|past| past.claim).collect();
    inspections::put(tx, claim.care_region, settlement, &beside, at).await?;
    let entry = by.entry("adjudication.claim.inspect").resident(claim.resident);
    audit::record(tx, inspections::audited(entry, settlement)).await
}

pub(super) async fn note(
    tx: &mut Transaction,
    by: &Author<'_>,
    claim: &Claim,
    noted: &[KeptFinding],
) -> Result<(), AdjudicationError> {
    if noted.is_empty() {
        return Ok(());
    }
    findings::insert(tx, claim.care_region, noted).await?;
    let entry = by.entry("adjudication.finding.note").resident(claim.resident);
    let entry = noted.iter().fold(entry, |entry, finding| entry.row("findings", finding.id));
    audit::record(tx, entry).await?;
    Ok(())
}

async fn supersede(
    tx: &mut Transaction,
    by: &Author<'_>,
    former: Vec<KeptFinding>,
    at: DateTime<Utc>,
) -> Result<(), AdjudicationError> {
    for finding in former {
        let Some(review) = finding.review.supersede() else { continue };
        let finding = KeptFinding { review, ..finding };
        findings::follow(tx, &finding).await?;
        tell(tx, by, &finding, DECIDED, at).await?;
        let entry = by.entry("adjudication.finding.supersede").resident(finding.resident).row("findings", finding.id);
        audit::record(tx, entry).await?;
    }
    Ok(())
}

/// Tells who pays the provider what is withheld of a finding.
pub(super) async fn tell(
    tx: &mut Transaction,
    by: &Author<'_>,
    finding: &KeptFinding,
    event: &'static str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let data = json!({
        "resident_id": finding.resident,
        "claim_id": finding.claim,
        "settlement_id": finding.settlement,
        "bill_id": settlements::bill_of(tx, finding.settlement).await?,
        "provider_organisation_id": finding.provider,
        "line": finding.line.unwrap_or(0),
        "state": finding.review.state.as_str(),
        "withheld": finding.review.withheld(),
    });
    events::append(tx, NewEvent::new(event, finding.id, data, at).traceparent(by.traceparent.clone())).await?;
    Ok(())
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
