use chassis::{Context, Guarded, Permitted};
use postgres::{Begun, Call, Reply};
use types::ids::{FindingId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::App;
use super::author::Author;
use super::inspect_claim::{DECIDED, told};
use super::telling::Telling;
use crate::domain::error::AdjudicationError;
use crate::domain::finding::KeptFinding;
use crate::domain::inspection::Decision;
use crate::store::{clearing_entries, findings, settlements};

/// What somebody does about a finding, and why in their words.
#[derive(Debug, Clone)]
pub struct DecideFinding {
    pub id: FindingId,
    pub decision: Decision,
    pub note: String,
}

impl Guarded for KeptFinding {
    const NOT_FOUND: &'static str = "FINDING_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.provider]
    }
}

impl App {
    /// A step of a finding: a reviewer's decision, or the provider's answer or appeal; who may do which, the method says.
    pub async fn decide_finding(
        &self,
        ctx: &Context,
        call: &Call<Permitted<KeptFinding>>,
        step: DecideFinding,
    ) -> Result<Reply<Permitted<KeptFinding>>, AdjudicationError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let finding = findings::lock_with_claim(&mut tx, step.id).await?;
        let finding = finding.ok_or(AdjudicationError::FindingNotFound(step.id))?;
        let finding = ctx.permit(finding)?;
        let (by, now) = (ctx.caller.acting().clone(), self.clock.now());
        let is_reviewers = matches!(step.decision, Decision::Accept | Decision::Cut(_) | Decision::Ask);
        let decided = KeptFinding {
            review: finding.review.decide(step.decision, &by)?,
            decided_at: if is_reviewers { Some(now) } else { finding.decided_at },
            ..finding.into_inner()
        };
        let taken = findings::Step { id: Uuid::now_v7(), decision: step.decision, by: &by, note: &step.note, at: now };
        findings::step(&mut tx, ctx.caller.region, &decided, &taken).await?;
        let mut telling = Telling::by(Author::of(ctx));
        let bill = settlements::bill_of(&mut tx, decided.settlement).await?;
        telling.event(told(&decided, bill, DECIDED, now));
        let entry = telling.begin("adjudication.finding.decide").resident(decided.resident);
        let entry = taken.audited(entry.row("findings", decided.id));
        // What is cut of care elsewhere is not owed by the region that insures.
        let booked = clearing_entries::book_cut(&mut tx, decided.settlement, now).await?;
        telling.entry(booked.into_iter().fold(entry, |entry, booked| entry.row("clearing_entries", booked)));
        telling.write(&mut tx).await?;
        let decided = ctx.permit(decided)?;
        Ok(call.commit(tx, decided).await?)
    }
}
