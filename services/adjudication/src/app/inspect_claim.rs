//! Audit rules in the settlement's own transactions: findings are noted with the division and raised with the confirmation. Nothing here
//! changes a share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chassis::Context;
use chrono::{DateTime, Days, NaiveDate, Utc};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Error, Transaction};
use serde_json::json;
use types::clock::local_date;
use types::ids::{FindingId, RuleBookId, SettlementId};
use types::region::RegionCode;

use super::App;
use crate::domain::claim::{BilledLine, Claim};
use crate::domain::coverage::Coverage;
use crate::domain::error::AdjudicationError;
use crate::domain::finding::KeptFinding;
use crate::domain::inspection::{BilledItem, Case, FindingState, Patient, Review, RuleBook, inspect};
use crate::domain::settlement::Settlement;
use crate::store::{findings, histories, rule_books};

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
        ctx: &Context,
        claim: &Claim,
        settlement: &Settlement,
        coverage: &Coverage,
    ) -> Result<(), AdjudicationError> {
        let received_on = local_date(claim.received_at);
        let Some((rule_book, book)) = self.rule_book(tx, claim.care_region, received_on).await? else {
            return Ok(());
        };
        let first = claim.from.checked_sub_days(Days::new(book.window_days().into())).unwrap_or(claim.from);
        let days = (first, claim.until);
        let history = histories::of_person(tx, claim.resident, claim.id, days, claim.received_at).await?;
        let case = Case {
            patient: Patient { birth_date: coverage.birth_date, sex: coverage.sex },
            provider: claim.provider,
            tier: claim.tier,
            kind: claim.kind,
            from: claim.from,
            until: claim.until,
            received_on,
            is_insured: settlement.cover.is_some(),
            is_referred: claim.referral.is_some(),
            total: claim.total,
            diagnoses: claim.diagnoses.iter().map(|diagnosis| diagnosis.icd10_code.clone()).collect(),
            lines: claim.lines.iter().map(billed).collect(),
            history,
        };
        let noted: Vec<KeptFinding> = inspect(&book, &case)
            .into_iter()
            .map(|finding| KeptFinding {
                id: FindingId::generate(),
                settlement: settlement.id,
                claim: claim.id,
                claim_version: claim.version,
                resident: claim.resident,
                provider: claim.provider,
                rule_book,
                rule: finding.rule,
                line: finding.line.and_then(|line| i32::try_from(line).ok()),
                evidence: finding.evidence,
                review: Review { amount: finding.amount, state: FindingState::Noted },
                noted_at: claim.received_at,
                decided_at: None,
            })
            .collect();
        if noted.is_empty() {
            return Ok(());
        }
        findings::insert(tx, claim.care_region, &noted).await?;
        let entry = Entry::new(&ctx.caller, "adjudication.finding.note").resident(claim.resident);
        let entry = noted.iter().fold(entry, |entry, finding| entry.row("findings", finding.id));
        audit::record(tx, entry).await?;
        Ok(())
    }

    /// Puts the findings of a settlement onto the reviewers' work list, now that it is confirmed.
    pub(super) async fn raise_findings(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        settlement: SettlementId,
        now: DateTime<Utc>,
    ) -> Result<(), AdjudicationError> {
        for finding in findings::raise(tx, settlement, now).await? {
            tell(tx, ctx, &finding, "anjia.adjudication.finding.raised.v1", now).await?;
            let entry = Entry::new(&ctx.caller, "adjudication.finding.raise")
                .resident(finding.resident)
                .row("findings", finding.id);
            audit::record(tx, entry).await?;
        }
        Ok(())
    }
}

/// Tells who pays the provider what is withheld of a finding.
pub(super) async fn tell(
    tx: &mut Transaction,
    ctx: &Context,
    finding: &KeptFinding,
    event: &'static str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let data = json!({
        "resident_id": finding.resident,
        "claim_id": finding.claim,
        "settlement_id": finding.settlement,
        "provider_organisation_id": finding.provider,
        "state": finding.review.state.as_str(),
        "withheld": finding.review.withheld(),
    });
    events::append(tx, NewEvent::new(event, finding.id, data, at).traceparent(ctx.traceparent())).await?;
    Ok(())
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
