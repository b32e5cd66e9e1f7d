use chassis::{Context, Guarded, Permitted, telemetry};
use postgres::aliases;
use postgres::events::NewEvent;
use postgres::{Begun, Call, Reply, Transaction};
use serde_json::json;
use tokio::try_join;
use types::clock::local_date;
use types::ids::{ClaimId, OrganisationId, QuoteId, ResidentId, SettlementId, VisitId};
use types::money::Money;

use super::App;
use super::author::Author;
use super::division::{Billed, Decided, Facts, Setting};
use super::pricing::{History, classify};
use super::telling::Telling;
use crate::domain::claim::{BilledLine, Claim, Diagnosis};
use crate::domain::error::AdjudicationError;
use crate::domain::provider_payment::CaseRecord;
use crate::domain::settlement::Settlement;
use crate::domain::visit::Visit;
use crate::store::claims::{self, Present};
use crate::store::{accumulators, documents, quotes, settlements, stays};

/// What a provider bills for a visit. The lines' items are resolved from the catalogue here.
#[derive(Debug, Clone)]
pub struct DivideClaim {
    /// None: have one chosen, or the one the visit already has.
    pub claim: Option<ClaimId>,
    pub visit: VisitId,
    pub diagnoses: Vec<Diagnosis>,
    pub lines: Vec<BilledLine>,
    pub total: Money,
    pub quote: Option<QuoteId>,
    pub record: CaseRecord,
}

/// A claim and its division.
#[derive(Debug, Clone)]
pub struct Divided {
    pub claim: Claim,
    pub settlement: Settlement,
}

impl Guarded for Divided {
    const NOT_FOUND: &'static str = "CLAIM_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.claim.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.claim.provider]
    }
}

impl Guarded for Visit {
    const NOT_FOUND: &'static str = "VISIT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.provider]
    }
}

impl App {
    /// Divides a claim over those who pay. Moves nothing yet.
    pub async fn divide_claim(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Divided>>,
        billed: DivideClaim,
    ) -> Result<Reply<Permitted<Divided>>, AdjudicationError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let visit = ctx.permit(self.scheduling.visit(ctx, billed.visit).await?)?;
        let stay = visit.claimable(local_date(self.clock.now()))?;
        stay.check(billed.lines.iter().map(|line| line.on))?;
        let days = (stay.from, stay.until);
        let coverage = self.identity.coverage_of_stay(ctx.caller.region, visit.resident, days);
        let (coverage, provider) = try_join!(coverage, self.identity.provider(visit.provider, stay.from))?;
        let is_designated = provider.is_designated_for(visit.kind);
        let facts = Facts { visit: visit.into_inner(), stay, coverage, is_designated };

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        if facts.visit.waits_for_stays() && stays::is_any_open(&mut tx, facts.visit.resident, stay.until).await? {
            return Err(AdjudicationError::OpenStay(facts.visit.id));
        }
        let mut telling = Telling::by(Author::of(ctx));
        let divided = self.divide(&mut tx, ctx, &facts, billed, &mut telling).await?;
        let divided = ctx.permit(divided)?;
        telling.write(&mut tx).await?;
        Ok(call.commit(tx, divided).await?)
    }

    /// The claim and its division, written with what follows from it.
    async fn divide(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        facts: &Facts,
        billed: DivideClaim,
        telling: &mut Telling<'_>,
    ) -> Result<Divided, AdjudicationError> {
        let (region, now) = (ctx.caller.region, self.clock.now());
        let Facts { visit, stay, coverage, .. } = facts;
        let previous = claims::lock_of_visit(tx, visit.id).await?;
        let (claim_id, version, lapsed) = self.next_version(tx, visit, &billed, previous).await?;

        let codes = billed.lines.iter().map(|line| line.item_code.clone()).collect();
        let classes = classify(tx, region, codes, stay.from).await?;
        let lines = classes.resolve(billed.lines)?;
        let care = facts.care((region, now), &lines, billed.total);
        let days = (stay.until, local_date(now));
        let in_force = documents::in_force(tx, coverage.basic, region, days).await?;
        let priced = self.price(tx, care, coverage, &in_force.policies, History::Stored).await?;
        let adjudication = priced.answer()?;
        let quote = match billed.quote {
            Some(id) => {
                let ids = aliases::one_person(tx, visit.resident).await?;
                // Another person's or provider's quote is no more shown by what it differs in than by reading it.
                let quote = quotes::find(tx, id).await?.filter(|quote| quote.is_of(&ids, visit.provider));
                Some(quote.ok_or(AdjudicationError::QuoteNotFound(id))?)
            }
            None => None,
        };
        let drift = match &quote {
            Some(quote) => priced.drift(&self.policies, tx, quote, &adjudication).await?,
            None => vec![],
        };

        let divided = facts.divided(
            (claim_id, version),
            Billed { diagnoses: billed.diagnoses, lines, total: billed.total, quote: billed.quote },
            Decided { adjudication, cover: priced.cover, drift },
            Setting { region, now, lapses_at: now + self.division_valid },
        );
        let Divided { claim, settlement } = &divided;
        let written =
            if claim.version == 1 { claims::insert(tx, claim).await } else { claims::update(tx, claim).await };
        written.map_err(|error| match error.constraint() {
            Some("claims_visit" | "claims_pkey") => AdjudicationError::ClaimExists(visit.id),
            _ => error.into(),
        })?;
        settlements::insert(tx, region, settlement, &priced.input).await?;
        self.note_findings(tx, &divided, &billed.record.procedures, coverage, &in_force, telling).await?;
        self.expect_payment(tx, &divided, billed.record, coverage, &in_force, telling).await?;
        tell(&divided, lapsed, telling);
        Ok(divided)
    }

    /// The id and version of this claim: the first of its visit, or the next where the last division is spent, which lapses now.
    async fn next_version(
        &self,
        tx: &mut Transaction,
        visit: &Visit,
        billed: &DivideClaim,
        previous: Option<Present>,
    ) -> Result<(ClaimId, i32, Option<SettlementId>), AdjudicationError> {
        let Some(previous) = previous else {
            return Ok((billed.claim.unwrap_or_else(ClaimId::generate), 1, None));
        };
        if billed.claim != Some(previous.claim) {
            return Err(AdjudicationError::ClaimExists(visit.id));
        }
        let settlement = settlements::lock(tx, previous.settlement)
            .await?
            .ok_or(AdjudicationError::SettlementNotFound(previous.settlement))?;
        let account_version = match &settlement.cover {
            Some(cover) => Some(accumulators::read(tx, &cover.account).await?.version_for(&settlement.adjudication)),
            None => None,
        };
        if !settlement.is_spent(account_version, self.clock.now()) {
            return Err(AdjudicationError::ClaimExists(visit.id));
        }
        settlements::lapse(tx, settlement.id).await?;
        Ok((previous.claim, previous.version + 1, Some(settlement.id)))
    }
}

fn tell(Divided { claim, settlement }: &Divided, lapsed: Option<SettlementId>, telling: &mut Telling<'_>) {
    telemetry::journey(claim.journey);
    let data = json!({
        "resident_id": claim.resident,
        "claim_id": claim.id,
        "visit_id": claim.visit,
        "provider_organisation_id": claim.provider,
        "journey_id": claim.journey,
    });
    telling.event(NewEvent::new(
        "anjia.adjudication.settlement.divided.v1",
        settlement.id,
        data,
        settlement.divided_at,
    ));
    let entry = telling.begin("adjudication.claim.divide").resident(claim.resident);
    let entry = claims::lines_audited(claims::audited(entry, claim), claim).row("settlements", settlement.id);
    telling.entry(lapsed.into_iter().fold(entry, |entry, spent| entry.row("settlements", spent)));
}
