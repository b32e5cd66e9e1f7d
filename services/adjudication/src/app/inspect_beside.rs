//! Two divisions of a person that go on at once do not see each other. Whichever is confirmed is held against the other again, so that one of
//! the two carries what the rules ask.

use chrono::{DateTime, Utc};
use postgres::Transaction;
use types::clock::local_date;
use types::ids::SettlementId;

use super::App;
use super::author::Author;
use super::inspect_claim::{case, history, inspected_beside, kept, note};
use crate::domain::error::AdjudicationError;
use crate::domain::inspection::{Finding, Patient, inspect};
use crate::domain::settlement::Settlement;
use crate::store::{claims, inspections};

/// Keeps others of the person from confirming meanwhile, where a claim that this one has not seen may be on its way. To be called before
/// any other lock is taken; answers whether there is one.
pub(super) async fn wait_for_others(
    tx: &mut Transaction,
    id: SettlementId,
    now: DateTime<Utc>,
) -> Result<bool, AdjudicationError> {
    let Some((resident, _)) = inspections::unseen(tx, id, now).await? else { return Ok(false) };
    claims::lock_person(tx, resident).await?;
    Ok(true)
}

impl App {
    /// Notes what the rules ask because of claims that the division has not seen. What they ask of the claim by itself, they have asked; and
    /// what another claim carries because of this one, is not asked twice.
    pub(super) async fn look_again(
        &self,
        tx: &mut Transaction,
        by: &Author<'_>,
        settlement: &Settlement,
        now: DateTime<Utc>,
    ) -> Result<(), AdjudicationError> {
        let Some((_, unseen)) = inspections::unseen(tx, settlement.id, now).await? else { return Ok(()) };
        let claim = claims::find(tx, settlement.claim).await?;
        let claim = claim.ok_or(AdjudicationError::ClaimNotFound(settlement.claim))?;
        let received_on = local_date(claim.received_at);
        let Some((rule_book, book)) = self.rule_book(tx, claim.care_region, received_on).await? else { return Ok(()) };
        let seen = inspections::beside(tx, settlement.id).await?;
        let mut looked_at = history(tx, &book, &claim, now).await?;
        looked_at.retain(|past| seen.contains(&past.claim) || unseen.contains(&past.claim));
        let before = looked_at.iter().filter(|past| seen.contains(&past.claim)).cloned().collect();
        // Who the patient is makes no difference to what other claims add.
        let anybody = || Patient { birth_date: claim.from, sex: None };
        let asked = inspect(&book, &case(&claim, settlement, anybody(), before));
        let found = inspect(&book, &case(&claim, settlement, anybody(), looked_at.clone()));
        let carried = inspections::carried(tx, claim.id, &unseen).await?;
        let is_new = |found: &Finding| !asked.contains(found) && !carried.contains(&found.rule);
        let noted: Vec<_> =
            found.into_iter().filter(is_new).map(|found| kept(found, rule_book, &claim, settlement)).collect();
        inspected_beside(tx, by, (&claim, settlement.id), &looked_at, now).await?;
        note(tx, by, &claim, &noted).await
    }
}
