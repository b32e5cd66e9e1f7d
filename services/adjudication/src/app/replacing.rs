//! How the settlement of a claim's next version takes the place of the one in force: the one way, whoever asks for it.

use chrono::{DateTime, Utc};
use postgres::Transaction;
use postgres::audit::Entry;
use postgres::events::NewEvent;
use serde_json::json;
use types::ids::{QuoteId, SettlementId};
use types::region::RegionCode;

use super::expect_payment::record_of;
use super::pricing::{Priced, insured_region, remote_care};
use super::telling::Telling;
use super::{App, AtHand, Divided};
use crate::domain::adjustment::Adjustment;
use crate::domain::change::{Cause, Reason};
use crate::domain::claim::Claim;
use crate::domain::coverage::Coverage;
use crate::domain::drift::Drift;
use crate::domain::engine::Adjudication;
use crate::domain::error::AdjudicationError;
use crate::domain::input::Input;
use crate::domain::policy::Policy;
use crate::domain::replay::Turn;
use crate::domain::settlement::{Change, Settlement, State};
use crate::store::documents::InForce;
use crate::store::{accounts, accumulators, claims, clearing_entries, quotes, settlements};

/// Why and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion {
    pub cause: Cause,
    pub reason: Option<Reason>,
    pub at: DateTime<Utc>,
}

/// A claim judged, and why that is not what was quoted.
pub(super) struct Judged {
    pub priced: Priced,
    pub adjudication: Adjudication,
    drift: Vec<Drift>,
    in_force: InForce,
}

impl Judged {
    /// `in_force` judged it. `quote` is what the claim cites: what it was held against when it was divided, it is held against again.
    pub(super) async fn of(
        policies: &AtHand<Policy>,
        tx: &mut Transaction,
        priced: Priced,
        in_force: InForce,
        quote: Option<QuoteId>,
    ) -> Result<Self, AdjudicationError> {
        let adjudication = priced.answer()?;
        let quote = match quote {
            Some(id) => quotes::find(tx, id).await?,
            None => None,
        };
        let drift = match &quote {
            Some(quote) => priced.drift(policies, tx, quote, &adjudication).await?,
            None => vec![],
        };
        Ok(Self { priced, adjudication, drift, in_force })
    }
}

/// What takes the place of what.
pub(super) struct Replacement {
    /// In its next version.
    pub claim: Claim,
    pub settlement: Settlement,
    basis: Input,
    replaced: Settlement,
    coverage: Coverage,
    in_force: InForce,
    /// Another region owed what is replaced, or owes what takes its place.
    is_owed: bool,
}

impl Replacement {
    /// `claim` is as it should have been billed, still in the version that is in force.
    pub(super) fn new(
        (turn, claim): (Turn, Claim),
        replaced: Settlement,
        judged: Judged,
        coverage: &Coverage,
        occasion: Occasion,
    ) -> Result<Self, AdjudicationError> {
        let Occasion { cause, reason, at } = occasion;
        let Judged { priced, adjudication, drift, in_force } = judged;
        let bill = replaced.correctable()?;
        let confirmed_at = match replaced.state {
            State::Confirmed { at, .. } => at,
            _ => replaced.divided_at,
        };
        let is_elsewhere = |insured: Option<RegionCode>| insured.is_some_and(|insured| insured != claim.care_region);
        let is_owed = is_elsewhere(claim.insured_region) || is_elsewhere(insured_region(coverage));
        let claim = Claim {
            version: claim.version + 1,
            insured_region: insured_region(coverage),
            settlement: SettlementId::generate(),
            // What is judged anew was received when it was.
            received_at: if cause == Cause::Correction { at } else { claim.received_at },
            ..claim
        };
        let adjustment = Adjustment::between(&replaced.adjudication.shares, &adjudication.shares);
        let settlement = Settlement {
            id: claim.settlement,
            claim_version: claim.version,
            state: State::Confirmed { at, bill },
            adjudication,
            cover: priced.cover,
            drift,
            divided_at: at,
            lapses_at: at,
            // In time is what was filed by the first settlement.
            remote_care: remote_care(
                coverage,
                claim.kind,
                claim.care_region,
                (claim.from, claim.until),
                turn.first_confirmed_at,
            ),
            change: Change { corrects: Some((replaced.id, cause)), reason, adjustment: Some(adjustment) },
            ..replaced.clone()
        };
        let replaced = Settlement { state: State::Corrected { confirmed_at, bill, at }, ..replaced };
        let coverage = coverage.clone();
        Ok(Self { claim, settlement, basis: priced.input, replaced, coverage, in_force, is_owed })
    }

    /// Ends what is replaced: moves the year back by it, and gives accounts back what it took. Its running totals and those accounts are locked.
    async fn take_back(&self, tx: &mut Transaction, entry: Entry) -> Result<Entry, AdjudicationError> {
        if let Some(cover) = &self.replaced.cover {
            accumulators::take_back(tx, &cover.account, &self.replaced.adjudication).await?;
        }
        settlements::end(tx, &self.replaced).await?;
        let returned = accounts::give_back(tx, &self.replaced, self.settlement.divided_at).await?;
        Ok(returned.into_iter().fold(entry, |entry, returned| entry.row("account_entries", returned)))
    }

    /// Writes everything else. Answers the audit entry with every row.
    async fn put(&self, tx: &mut Transaction, entry: Entry) -> Result<Entry, AdjudicationError> {
        let Self { claim, settlement, basis, replaced, .. } = self;
        let region: RegionCode = claim.care_region;
        let back = clearing_entries::take_back(tx, replaced.id, settlement.divided_at).await?;
        claims::update(tx, claim).await?;
        settlements::insert(tx, region, settlement, basis).await?;
        settlements::put_in_place(tx, settlement).await?;
        if let Some(cover) = &settlement.cover {
            accumulators::advance(tx, &cover.account, &settlement.adjudication).await?;
        }
        // No more than what it takes the place of gave back.
        let taken = accounts::take(tx, settlement, settlement.divided_at).await?;
        let taken = taken.ok_or(AdjudicationError::YearMoved)?;
        let fund = settlement.adjudication.shares.fund();
        let due = clearing_entries::settle(tx, settlement.id, fund, settlement.divided_at).await?;
        let entry = claims::lines_audited(claims::audited(entry, claim), claim);
        let entry = entry.row("settlements", replaced.id).row("settlements", settlement.id);
        let entry = taken.into_iter().fold(entry, |entry, taken| entry.row("account_entries", taken));
        Ok(back.into_iter().chain(due).fold(entry, |entry, booked| entry.row("clearing_entries", booked)))
    }

    fn event(&self) -> NewEvent {
        let Self { settlement, replaced, .. } = self;
        let data = json!({
            "resident_id": settlement.resident,
            "claim_id": settlement.claim,
            "provider_organisation_id": settlement.provider,
            "corrects_settlement_id": replaced.id,
            "bill_id": settlement.state.bill(),
            "cause": settlement.change.corrects.map(|(_, cause)| cause.as_str()),
            "journey_id": settlement.journey,
        });
        NewEvent::new("anjia.adjudication.settlement.corrected.v1", settlement.id, data, settlement.divided_at)
    }
}

impl App {
    /// What follows of replacements that are written: what the provider may expect, and what audit rules ask, both anew.
    pub(super) async fn follow_up(
        &self,
        tx: &mut Transaction,
        replacements: &[Replacement],
        telling: &mut Telling<'_>,
    ) -> Result<(), AdjudicationError> {
        for Replacement { claim, settlement, replaced, coverage, in_force, is_owed, .. } in replacements {
            let divided = Divided { claim: claim.clone(), settlement: settlement.clone() };
            let record = record_of(tx, replaced.id).await?;
            let procedures = record.procedures.clone();
            self.expect_payment(tx, &divided, record, coverage, in_force, telling).await?;
            self.inspect_anew(tx, (replaced.id, &procedures), &divided, coverage, in_force, telling).await?;
            if *is_owed {
                book_cuts(tx, settlement, &[replaced.id, settlement.id], settlement.divided_at, telling).await?;
            }
        }
        Ok(())
    }
}

/// What another region does not owe for what of these settlements of a claim is cut now, or owes again.
pub(super) async fn book_cuts(
    tx: &mut Transaction,
    of: &Settlement,
    settlements: &[SettlementId],
    at: DateTime<Utc>,
    telling: &mut Telling<'_>,
) -> Result<(), AdjudicationError> {
    for settlement in settlements {
        if let Some(booked) = clearing_entries::book_cut(tx, *settlement, at).await? {
            let entry = telling.begin("adjudication.clearing.book").resident(of.resident);
            telling.entry(entry.row("clearing_entries", booked));
        }
    }
    Ok(())
}

/// Writes replacements, each to be told as an event. What all of them replace goes back first, so that no total passes below zero on the
/// way. Claims of the person are locked, and the running totals of every year that is left or entered. Answers the audit entry with every
/// row.
pub(super) async fn write(
    tx: &mut Transaction,
    replacements: &[Replacement],
    mut entry: Entry,
    telling: &mut Telling<'_>,
) -> Result<Entry, AdjudicationError> {
    let drawn = replacements.iter().flat_map(|replacement| replacement.replaced.takes());
    accounts::lock(tx, drawn.map(|(holder, _)| holder)).await?;
    for replacement in replacements {
        entry = replacement.take_back(tx, entry).await?;
    }
    for replacement in replacements {
        entry = replacement.put(tx, entry).await?;
        telling.event(replacement.event());
    }
    Ok(entry)
}
