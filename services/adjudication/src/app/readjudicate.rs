//! Judges a person's years anew, claim by claim in the order of service: after a late claim, a reversal, a correction, or when cover
//! turns out to have been another. What comes to something else is replaced; nothing else is touched.

use std::collections::HashMap;
use std::collections::hash_map;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::{self, Entry};
use postgres::{Error, Scope, Transaction};
use types::clock::local_date;
use types::ids::{OrganisationId, ResidentId, SagaId, SettlementId};
use types::region::RegionCode;

use super::App;
use super::author::Author;
use super::pricing::{Care, History, insured_region, remote_care};
use super::replacing::{self, Judged, Occasion, Replacement};
use super::telling::Telling;
use crate::domain::change::Cause;
use crate::domain::claim::Claim;
use crate::domain::coverage::Coverage;
use crate::domain::error::AdjudicationError;
use crate::domain::provider::Provider;
use crate::domain::readjudication::{Effect, Event, Readjudication, State, TRIED_FOR};
use crate::domain::replay::{Replay, Turn};
use crate::domain::settlement::Settlement;
use crate::store::documents::{self, InForce};
use crate::store::{accumulators, chains, claims, elsewhere, readjudications, settlements};

/// Longer than two calls for each claim of some years, and their transaction, take.
const LEASE: Duration = Duration::from_mins(1);

/// Asks for a person's years to be judged anew, in the transaction of what makes it necessary: here, and wherever they have claims of these
/// years, for each region judges its own. Answers the audit entry with the rows.
pub(super) async fn ask(
    tx: &mut Transaction,
    resident: ResidentId,
    from_year: i32,
    cause: Cause,
    now: DateTime<Utc>,
    traceparent: Option<String>,
    entry: Entry,
) -> Result<Entry, AdjudicationError> {
    let asking = Asking { from_year, cause, known_at: now, now, traceparent };
    let here = tx.region()?;
    let entry = ask_in(tx, (here, resident), &asking, entry).await?;
    ask_others(tx, resident, &asking, entry).await
}

/// What is asked of a region.
struct Asking {
    from_year: i32,
    cause: Cause,
    /// Since when what makes it necessary is known: what was divided later was divided by it.
    known_at: DateTime<Utc>,
    now: DateTime<Utc>,
    traceparent: Option<String>,
}

/// Asks every region but this one that was not asked for as much already.
async fn ask_others(
    tx: &mut Transaction,
    resident: ResidentId,
    asking: &Asking,
    mut entry: Entry,
) -> Result<Entry, AdjudicationError> {
    let here = tx.region()?;
    let since = NaiveDate::from_ymd_opt(asking.from_year, 1, 1).unwrap_or(NaiveDate::MIN);
    let regions = elsewhere::regions_of_care(tx, resident, since).await?;
    for there in regions.into_iter().filter(|(region, _)| *region != here) {
        if !readjudications::is_asked(tx, there, asking.from_year, asking.cause).await? {
            entry = ask_in(tx, there, asking, entry).await?;
        }
    }
    Ok(entry)
}

async fn ask_in(
    tx: &mut Transaction,
    (region, resident): (RegionCode, ResidentId),
    asking: &Asking,
    entry: Entry,
) -> Result<Entry, AdjudicationError> {
    let Asking { from_year, cause, known_at, now, ref traceparent } = *asking;
    let asked = Readjudication {
        id: SagaId::generate(),
        region,
        resident,
        from_year,
        cause,
        state: State::Running,
        attempts: 0,
        traceparent: traceparent.clone(),
        requested_at: known_at,
        deadline: now + TRIED_FOR,
        fence: 0,
    };
    readjudications::insert(tx, &asked).await?;
    Ok(entry.row("readjudications", asked.id))
}

/// How the person was insured, and what the providers were, on the days of the claims.
#[derive(Default)]
struct Facts {
    coverages: HashMap<(ResidentId, (NaiveDate, NaiveDate)), Coverage>,
    providers: HashMap<(OrganisationId, NaiveDate), Provider>,
}

impl Facts {
    fn of(&self, claim: &Claim) -> Result<(&Coverage, &Provider), AdjudicationError> {
        let coverage = self.coverages.get(&(claim.resident, (claim.from, claim.until)));
        let provider = self.providers.get(&(claim.provider, claim.from));
        coverage.zip(provider).ok_or(AdjudicationError::YearMoved)
    }
}

impl App {
    /// Asks for it in every region where the person has claims for care from a day on, in the transaction that moves the cursor past the
    /// event that told of another cover.
    pub async fn follow_coverage(
        &self,
        tx: &mut Transaction,
        resident: ResidentId,
        from: NaiveDate,
        traceparent: Option<String>,
    ) -> Result<(), AdjudicationError> {
        let regions = elsewhere::regions_of_care(tx, resident, from).await?;
        if regions.is_empty() {
            return Ok(());
        }
        let (from_year, now) = (chrono::Datelike::year(&from), self.clock.now());
        let asking = Asking { from_year, cause: Cause::Entitlement, known_at: now, now, traceparent };
        let mut entry = Entry::by_service("adjudication", "adjudication.year.ask").resident(resident);
        for there in regions {
            entry = ask_in(tx, there, &asking, entry).await?;
        }
        audit::record(tx, entry).await?;
        Ok(())
    }

    /// Takes up to `max` that are due and that nobody works on.
    pub async fn take_readjudications(&self, max: i64) -> Result<Vec<Readjudication>, Error> {
        let mut tx = self.db.begin(Scope::Worker).await?;
        let taken = readjudications::take(&mut tx, LEASE, max).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Works on one until it ends or has to wait. An error leaves it to whoever takes it over when the lease ends.
    pub async fn run_readjudication(&self, taken: &Readjudication) -> Result<(), Error> {
        let mut event = Event::TakenUp;
        let mut refusal = String::new();
        loop {
            let (state, effect) = taken.step(event, self.clock.now());
            match effect {
                Effect::Judge => match Box::pin(self.judge(taken)).await {
                    Ok(()) => return Ok(()),
                    Err(error) => {
                        reason(&error).clone_into(&mut refusal);
                        tracing::warn!(readjudication = %taken.id, reason = refusal, "setback");
                        event = what_it_means(error)?;
                    }
                },
                Effect::Wait(wait) => {
                    let mut tx = self.db.begin(Scope::Region(taken.region)).await?;
                    readjudications::wait(&mut tx, taken, wait, &refusal).await?;
                    return tx.commit().await;
                }
                Effect::Alert => {
                    tracing::error!(readjudication = %taken.id, reason = refusal, "a person's year needs a person");
                    let mut tx = self.db.begin(Scope::Region(taken.region)).await?;
                    readjudications::end(&mut tx, taken, state, 0, Some(&refusal), self.clock.now()).await?;
                    audit::record(&mut tx, entry(taken)).await?;
                    return tx.commit().await;
                }
                Effect::Rest => return Ok(()),
            }
        }
    }

    /// Asks identity first, then judges in one transaction with the end of the saga.
    async fn judge(&self, taken: &Readjudication) -> Result<(), AdjudicationError> {
        let facts = self.facts(taken).await?;
        let mut tx = self.db.begin(Scope::Region(taken.region)).await?;
        claims::lock_person(&mut tx, taken.resident).await?;
        let due = claims::in_force(&mut tx, taken.resident, taken.from_year).await?;
        let now = self.clock.now();
        let occasion = Occasion { cause: taken.cause, reason: None, at: now };
        let replacements = self.replay(&mut tx, taken, due, &facts, occasion).await?;
        let mut telling = Telling::by(Author::service(taken.traceparent.clone()));
        let written = replacing::write(&mut tx, &replacements, entry(taken), &mut telling).await?;
        readjudications::end(&mut tx, taken, State::Completed, replacements.len(), None, now).await?;
        // What follows elsewhere on what came to something else is judged there. Of two regions that ask each other, the one whose claims are
        // all as they should be asks no more: each turn settles at least the next claim in the order of service.
        let written = if replacements.is_empty() {
            written
        } else {
            let Readjudication { resident, from_year, cause, requested_at: known_at, .. } = *taken;
            let asking = Asking { from_year, cause, known_at, now, traceparent: taken.traceparent.clone() };
            ask_others(&mut tx, resident, &asking, written).await?
        };
        telling.entry(written);
        self.follow_up(&mut tx, &replacements, &mut telling).await?;
        telling.write(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn facts(&self, taken: &Readjudication) -> Result<Facts, AdjudicationError> {
        let mut tx = self.db.begin(Scope::Region(taken.region)).await?;
        let due = claims::in_force(&mut tx, taken.resident, taken.from_year).await?;
        tx.commit().await?;
        let mut facts = Facts::default();
        for (_, claim) in due {
            let Claim { resident, provider, from, until, .. } = claim;
            let days = (from, until);
            if let hash_map::Entry::Vacant(unknown) = facts.coverages.entry((resident, days)) {
                unknown.insert(self.identity.coverage_of_stay(taken.region, resident, days).await?);
            }
            if let hash_map::Entry::Vacant(unknown) = facts.providers.entry((provider, from)) {
                unknown.insert(self.identity.provider(provider, from).await?);
            }
        }
        Ok(facts)
    }

    /// Every claim judged on what came before it, here and elsewhere; those that come to something else.
    async fn replay(
        &self,
        tx: &mut Transaction,
        taken: &Readjudication,
        due: Vec<(Turn, Claim)>,
        facts: &Facts,
        occasion: Occasion,
    ) -> Result<Vec<Replacement>, AdjudicationError> {
        let mut settled = self.lock(tx, &due, facts).await?;
        let mut replay = Replay::after(chains::before(tx, taken.resident, taken.from_year).await?);
        // With the totals locked: nobody moves the year elsewhere meanwhile.
        let mut elsewhere = elsewhere::settled(tx, taken.resident, taken.from_year).await?.into_iter().peekable();
        let mut replacements = Vec::new();
        for (turn, claim) in due {
            while let Some((_, counted)) = elsewhere.next_if(|(other, _)| *other < turn) {
                replay.count_as_settled(counted);
            }
            let settlement = settled.remove(&claim.settlement).ok_or(AdjudicationError::YearMoved)?;
            let (coverage, provider) = facts.of(&claim)?;
            let care = Care::again(&claim, provider, &settlement, turn.first_confirmed_at);
            let in_force = in_force(tx, &claim, coverage).await?;
            let priced = self.price(tx, care, coverage, &in_force.policies, History::Replayed(&replay)).await?;
            let judged = Judged::of(&self.policies, tx, priced, in_force, claim.quote).await?;
            let Judged { priced, adjudication, .. } = &judged;
            if let Some(cover) = &priced.cover {
                replay.count(cover.account, claim.journey, claim.tier, adjudication);
            }
            // As it was, in time is what was filed by the first settlement.
            let away = remote_care(
                coverage,
                claim.kind,
                claim.care_region,
                (claim.from, claim.until),
                turn.first_confirmed_at,
            );
            let is_insured_elsewhere = claim.insured_region != insured_region(coverage);
            if is_insured_elsewhere || settlement.differs_from(adjudication, priced.cover.as_ref(), away) {
                replacements.push(Replacement::new((turn, claim), settlement, judged, coverage, occasion)?);
            }
        }
        Ok(replacements)
    }

    /// Locks the running totals that the claims have moved and those that they will move, in the order of their keys, then the settlements.
    async fn lock(
        &self,
        tx: &mut Transaction,
        due: &[(Turn, Claim)],
        facts: &Facts,
    ) -> Result<HashMap<SettlementId, Settlement>, AdjudicationError> {
        let ids: Vec<SettlementId> = due.iter().map(|(_, claim)| claim.settlement).collect();
        let mut accounts = Vec::new();
        for (turn, claim) in due {
            let Some(settlement) = settlements::find(tx, claim.settlement).await? else { continue };
            let (coverage, provider) = facts.of(claim)?;
            let care = Care::again(claim, provider, &settlement, turn.first_confirmed_at);
            let in_force = in_force(tx, claim, coverage).await?;
            accounts.extend(self.year_of(tx, &care, coverage, &in_force.policies).await?);
            accounts.extend(settlement.cover.map(|cover| cover.account));
        }
        accumulators::lock_all(tx, accounts).await?;
        let settled = settlements::lock_all(tx, &ids).await?;
        Ok(settled.into_iter().map(|settlement| (settlement.id, settlement)).collect())
    }
}

/// What was released for the care of a claim.
async fn in_force(tx: &mut Transaction, claim: &Claim, coverage: &Coverage) -> Result<InForce, Error> {
    let days = (claim.until, local_date(claim.received_at));
    documents::in_force(tx, coverage.basic, claim.care_region, days).await
}

fn entry(taken: &Readjudication) -> Entry {
    Entry::by_service("adjudication", "adjudication.year.judge")
        .resident(taken.resident)
        .row("readjudications", taken.id)
}

/// A transaction of ours that another owner prevented ends our work; the database's refusals pass, the engine's do not.
fn what_it_means(error: AdjudicationError) -> Result<Event, Error> {
    match error {
        AdjudicationError::Storage(lost @ Error::LeaseLost { .. }) => Err(lost),
        AdjudicationError::Refused(_)
        | AdjudicationError::NotAProvider(_)
        | AdjudicationError::OrganisationNotFound(_) => Ok(Event::Refused),
        _ => Ok(Event::Unanswered),
    }
}

fn reason(error: &AdjudicationError) -> &'static str {
    match error {
        AdjudicationError::Refused(_) => "NO_POLICY_IN_FORCE",
        AdjudicationError::NotAProvider(_) | AdjudicationError::OrganisationNotFound(_) => "NOT_A_PROVIDER",
        AdjudicationError::YearMoved => "YEAR_MOVED",
        AdjudicationError::Storage(_) => "SETBACK",
        _ => "PEER_UNAVAILABLE",
    }
}
