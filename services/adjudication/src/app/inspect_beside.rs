//! Two divisions of a person that go on at once do not see each other. Whichever is confirmed is held against the other again, so that one of
//! the two carries what the rules ask.

use chrono::{DateTime, Utc};
use postgres::Transaction;
use types::clock::local_date;
use types::ids::SettlementId;

use super::App;
use super::inspect_claim::{case, inspected_beside, kept, note};
use super::telling::Telling;
use crate::domain::error::AdjudicationError;
use crate::domain::inspection::{Case, Finding, Patient, inspect, lookback};
use crate::domain::settlement::Settlement;
use crate::store::{claims, histories, inspections};

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
        settlement: &Settlement,
        now: DateTime<Utc>,
        telling: &mut Telling<'_>,
    ) -> Result<(), AdjudicationError> {
        let Some((_, unseen)) = inspections::unseen(tx, settlement.id, now).await? else { return Ok(()) };
        let claim = claims::find(tx, settlement.claim).await?;
        let claim = claim.ok_or(AdjudicationError::ClaimNotFound(settlement.claim))?;
        let received_on = local_date(claim.received_at);
        let Some(book) = self.rule_book(tx, claim.care_region, received_on).await? else { return Ok(()) };
        // Who the patient is makes no difference to what other claims add.
        let alone = case(&claim, settlement, Patient { birth_date: claim.from, sex: None });
        let Some(lookback) = lookback(&book.content, &alone) else { return Ok(()) };
        let seen = inspections::beside(tx, settlement.id).await?;
        let mut looked_at = histories::beside(tx, &claim, &lookback, now).await?;
        looked_at.retain(|past| seen.contains(&past.claim) || unseen.contains(&past.claim));
        let before = looked_at.iter().filter(|past| seen.contains(&past.claim)).cloned().collect();
        let asked = inspect(&book.content, &Case { history: before, ..alone.clone() });
        let found = inspect(&book.content, &Case { history: looked_at.clone(), ..alone });
        let carried = inspections::carried(tx, claim.id, &unseen).await?;
        let is_new = |found: &Finding| !asked.contains(found) && !carried.contains(&found.rule);
        let new = found.into_iter().filter(is_new);
        let noted: Vec<_> = new.map(|found| kept(found, book.id, &claim, settlement)).collect();
        inspected_beside(tx, (&claim, settlement.id), (&lookback, &looked_at), now, telling).await?;
        note(tx, &claim, &noted, telling).await
    }
}
