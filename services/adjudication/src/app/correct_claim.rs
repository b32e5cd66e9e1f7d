use chassis::{Context, Permitted};
use chrono::Datelike as _;
use postgres::{Begun, Call, Reply, Scope, Transaction};
use types::clock::local_date;
use types::ids::ClaimId;
use types::money::Money;

use super::App;
use super::author::Author;
use super::divide_claim::Divided;
use super::pricing::{Care, History, classify};
use super::readjudicate::ask;
use super::replacing::{self, Judged, Occasion, Replacement};
use super::telling::Telling;
use crate::domain::change::{Cause, Reason};
use crate::domain::claim::{BilledLine, Claim, Diagnosis};
use crate::domain::coverage::Coverage;
use crate::domain::error::AdjudicationError;
use crate::domain::provider::Provider;
use crate::domain::replay::{Counted, Moved, Replay, Turn};
use crate::domain::settlement::Settlement;
use crate::domain::visit::Stay;
use crate::store::{accumulators, chains, claims, documents, elsewhere, settlements};

/// A claim as it should have been billed. The lines' items are resolved from the catalogue here.
#[derive(Debug, Clone)]
pub struct CorrectClaim {
    pub claim: ClaimId,
    pub reason: Reason,
    pub diagnoses: Vec<Diagnosis>,
    pub lines: Vec<BilledLine>,
    pub total: Money,
}

impl App {
    /// Replaces the settlement of a claim by one of its next version, for the same bill.
    pub async fn correct_claim(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Divided>>,
        corrected: CorrectClaim,
    ) -> Result<Reply<Permitted<Divided>>, AdjudicationError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let claim = ctx.permit(self.present(ctx, corrected.claim).await?)?;
        Stay { from: claim.from, until: claim.until }.check(corrected.lines.iter().map(|line| line.on))?;
        let days = (claim.from, claim.until);
        let coverage = self.identity.coverage_of_stay(ctx.caller.region, claim.resident, days).await?;
        let provider = self.identity.provider(claim.provider, claim.from).await?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        claims::lock_person(&mut tx, claim.resident).await?;
        let divided = self.correct(&mut tx, ctx, corrected, &provider, &coverage).await?;
        let divided = ctx.permit(divided)?;
        Ok(call.commit(tx, divided).await?)
    }

    async fn present(&self, ctx: &Context, id: ClaimId) -> Result<Claim, AdjudicationError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let claim = claims::find(&mut tx, id).await?.ok_or(AdjudicationError::ClaimNotFound(id))?;
        tx.commit().await?;
        Ok(claim)
    }

    /// The claims of the person are locked.
    async fn correct(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        corrected: CorrectClaim,
        provider: &Provider,
        coverage: &Coverage,
    ) -> Result<Divided, AdjudicationError> {
        let not_found = AdjudicationError::ClaimNotFound(corrected.claim);
        let claim = claims::find(tx, corrected.claim).await?.ok_or(not_found)?;
        let missing = AdjudicationError::SettlementNotFound(claim.settlement);
        let replaced = settlements::find(tx, claim.settlement).await?.ok_or(missing)?;
        replaced.correctable()?;
        let year = replaced.cover.as_ref().map_or(claim.from.year(), |cover| cover.account.year);
        let now = self.clock.now();
        let days = (claim.until, local_date(now));
        let in_force = documents::in_force(tx, coverage.basic, claim.care_region, days).await?;
        let care = Care::again(&claim, provider, &replaced, now);
        let entered = self.year_of(tx, &care, coverage, &in_force.policies).await?;
        let left = replaced.cover.as_ref().map(|cover| cover.account);
        accumulators::lock_all(tx, left.into_iter().chain(entered).collect()).await?;
        let (turn, history) = before(tx, &claim, year).await?;

        let codes = corrected.lines.iter().map(|line| line.item_code.clone()).collect();
        let classes = classify(tx, claim.care_region, codes, claim.from).await?;
        let lines = classes.resolve(corrected.lines)?;
        let claim = Claim { lines, total: corrected.total, diagnoses: corrected.diagnoses, ..claim };
        let care = Care::again(&claim, provider, &replaced, turn.first_confirmed_at);
        let priced = self.price(tx, care, coverage, &in_force.policies, History::Replayed(&history)).await?;
        let judged = Judged::of(&self.policies, tx, priced, in_force, claim.quote).await?;
        let occasion = Occasion { cause: Cause::Correction, reason: Some(corrected.reason), at: now };
        let replacement = Replacement::new((turn, claim), replaced, judged, coverage, occasion)?;

        let resident = replacement.claim.resident;
        let mut telling = Telling::by(Author::of(ctx));
        let entry = telling.begin("adjudication.claim.correct").resident(resident);
        let entry = replacing::write(tx, std::slice::from_ref(&replacement), entry, &mut telling).await?;
        telling.entry(ask(tx, resident, year, Cause::Correction, now, ctx.traceparent(), entry).await?);
        self.follow_up(tx, std::slice::from_ref(&replacement), &mut telling).await?;
        telling.write(tx).await?;
        Ok(Divided { claim: replacement.claim, settlement: replacement.settlement })
    }
}

/// The turn of a claim in force, and what was settled before it in the order of service, here and elsewhere, as it stands.
async fn before(tx: &mut Transaction, claim: &Claim, year: i32) -> Result<(Turn, Replay), AdjudicationError> {
    let in_force = claims::in_force(tx, claim.resident, year).await?;
    let own = in_force.iter().find(|(_, other)| other.id == claim.id).map(|(turn, _)| *turn);
    let turn = own.ok_or(AdjudicationError::YearMoved)?;
    let earlier: Vec<&(Turn, Claim)> = in_force.iter().filter(|(other, _)| *other < turn).collect();
    let ids: Vec<_> = earlier.iter().map(|(_, claim)| claim.settlement).collect();
    let settled = settlements::lock_all(tx, &ids).await?;
    let mut replay = Replay::after(chains::before(tx, claim.resident, year).await?);
    let mut before: Vec<(Turn, Counted)> = elsewhere::settled(tx, claim.resident, year).await?;
    before.retain(|(other, _)| *other < turn);
    for (other, claim) in earlier {
        let settlement = settled.iter().find(|settlement| settlement.id == claim.settlement);
        if let Some(Settlement { cover: Some(cover), adjudication, tier, journey, .. }) = settlement {
            let moved = Moved::by(adjudication);
            before.push((*other, Counted { account: cover.account, journey: *journey, tier: *tier, moved }));
        }
    }
    before.sort_by_key(|(other, _)| *other);
    for (_, counted) in before {
        replay.count_as_settled(counted);
    }
    Ok((turn, replay))
}
