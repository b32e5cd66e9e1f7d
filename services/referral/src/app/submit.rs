use chassis::{Context, Permitted};
use postgres::{Begun, Call, Reply, Scope, aliases};
use proto::convert::FieldError;
use types::{
    caller::{Caller, Party},
    ids::{JourneyId, OrganisationId, ReferralId, RequestId, ResidentId, VisitId},
    redacted::Redacted,
};

use super::{App, Sight, record::SUBMIT, sight::About};
use crate::{
    domain::{
        ReferralError,
        care::{Diagnosis, data_kinds},
        direction::Direction,
        mandate::{self, Mandate, Payment},
        referral::{Kind, NewReferral, Urgency},
    },
    store::referrals,
};

/// What is submitted. Who submits, and on what ground, stands in the token.
#[derive(Debug, Clone)]
pub struct Submission {
    pub id: Option<ReferralId>,
    pub resident: ResidentId,
    pub direction: Direction,
    pub kind: Kind,
    pub from: OrganisationId,
    pub to: OrganisationId,
    /// Principal first; at least one.
    pub diagnoses: Vec<Diagnosis>,
    pub urgency: Urgency,
    pub clinical_summary: Redacted<String>,
    pub payment: Payment,
    pub previous: Option<ReferralId>,
    pub journey: Option<JourneyId>,
    /// Of the resident at `from`; looked at when she refers herself.
    pub visit: Option<VisitId>,
}

impl Submission {
    /// Whoever refers herself is referred by the id she goes by, whichever of hers she named.
    fn by_own_id(self, caller: &Caller) -> Self {
        match (&caller.subject, &caller.actor) {
            (Party::Resident(own), None) if caller.is(self.resident) => Self { resident: *own, ..self },
            _ => self,
        }
    }
}

impl App {
    /// Submits a referral; it is the target's turn then.
    pub async fn submit(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Sight>>,
        submission: Submission,
    ) -> Result<Reply<Permitted<Sight>>, ReferralError> {
        let submission = submission.by_own_id(&ctx.caller);
        ctx.permit(About { resident: Some(submission.resident), ..About::default() })?;
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        self.check_delegate(ctx, &submission).await?;
        self.check_target(ctx, &submission).await?;
        let kinds = data_kinds(&submission.diagnoses);
        self.identity.check_consent(ctx, submission.resident, submission.to, &kinds).await?;
        self.check_origin(ctx, &submission).await?;
        // Last of what asks others: what is recorded of a submission that comes to nothing is used by nobody, and expires.
        // A submission that names no id gets one that follows from its key, so that repeated it records the same mandate.
        let id = submission.id.unwrap_or_else(|| mandate::referral_id(ctx.caller.acting(), call.request_id()));
        let mandate = self.mandate(ctx, call.request_id(), id, &submission).await?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let journey = match submission.previous {
            Some(previous) => {
                let ids = aliases::one_person(&mut tx, submission.resident).await?;
                let previous = referrals::find(&mut tx, previous).await?;
                let previous = previous.filter(|previous| ids.contains(&previous.resident));
                let journey = previous.ok_or(ReferralError::PreviousReferralNotFound)?.journey;
                if submission.journey.is_some_and(|asked| asked != journey) {
                    return Err(FieldError::new("journey_id", "must be that of the referral it continues").into());
                }
                journey
            }
            None => submission.journey.unwrap_or_else(JourneyId::generate),
        };
        let now = self.clock.now();
        let referral = new(id, submission, mandate, journey).submit(now)?;
        referrals::insert(&mut tx, ctx.caller.region, &referral).await.map_err(|error| match error.constraint() {
            Some("referrals_pkey") => ReferralError::ReferralExists,
            _ => error.into(),
        })?;
        SUBMIT.record(&mut tx, SUBMIT.by(&ctx.caller), &referral, now).await?;
        let sight = ctx.permit(Sight::whole(referral))?;
        Ok(call.commit(tx, sight).await?)
    }

    /// Whoever refers somebody else does so for their own provider, and under a delegation that covers what they mandate.
    async fn check_delegate(&self, ctx: &Context, submission: &Submission) -> Result<(), ReferralError> {
        let caller = &ctx.caller;
        if caller.actor.is_none() {
            return Ok(());
        }
        if caller.organisation != Some(submission.from) {
            return Err(ReferralError::OutsideScope);
        }
        let delegation = caller.delegation.ok_or(ReferralError::NoDelegation)?;
        for action in submission.payment.actions() {
            let on_behalf = (delegation, submission.resident);
            self.identity.check_delegation(ctx, on_behalf, *action, Some(submission.to)).await?;
        }
        Ok(())
    }

    /// Whoever refers herself does so in the name of a provider that has seen her: at the visit she names, or because the referral that
    /// this one continues brought her there.
    async fn check_origin(&self, ctx: &Context, submission: &Submission) -> Result<(), ReferralError> {
        if ctx.caller.actor.is_some() {
            return Ok(());
        }
        let from = submission.from;
        if let Some(visit) = submission.visit
            && let Some((seen, at)) = self.scheduling.visit(ctx, visit).await?
            && ctx.caller.is(seen)
            && at == from
        {
            return Ok(());
        }
        let Some(previous) = submission.previous else { return Err(ReferralError::NoCareRelation) };
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let previous = referrals::find(&mut tx, previous).await?;
        tx.commit().await?;
        let brought = previous.filter(|previous| ctx.caller.is(previous.resident) && previous.to == from);
        let was_there = brought.is_some_and(|previous| previous.state.visit().is_some());
        if was_there { Ok(()) } else { Err(ReferralError::NoCareRelation) }
    }

    /// What acceptance may do, recorded at identity with the token of who submits.
    async fn mandate(
        &self,
        ctx: &Context,
        submitted_as: RequestId,
        id: ReferralId,
        submission: &Submission,
    ) -> Result<Mandate, ReferralError> {
        let payment = submission.payment;
        let key = payment.request_id(submitted_as, id);
        let recorded = self.identity.record_mandate(ctx, key, (id, submission.resident), payment).await?;
        Ok(Mandate {
            id: Some(recorded),
            payment,
            delegation: ctx.caller.delegation,
            submitted_by: ctx.caller.acting().clone(),
        })
    }

    /// Whether the target lies in the direction and can treat what is the matter.
    async fn check_target(&self, ctx: &Context, submission: &Submission) -> Result<(), ReferralError> {
        if submission.kind != Kind::Visit {
            return Err(ReferralError::KindNotOffered);
        }
        let from = self.identity.provider(ctx, submission.from).await?;
        let to = self.identity.provider(ctx, submission.to).await?;
        submission.direction.check(from.tier, to.tier)?;
        let principal = submission.diagnoses.first().map_or("", |diagnosis| diagnosis.code.as_str());
        if submission.direction.needs_capability() && !to.can_treat(principal) {
            return Err(ReferralError::TargetLacksCapability);
        }
        Ok(())
    }
}

fn new(id: ReferralId, submission: Submission, mandate: Mandate, journey: JourneyId) -> NewReferral {
    NewReferral {
        id,
        resident: submission.resident,
        direction: submission.direction,
        kind: submission.kind,
        from: submission.from,
        to: submission.to,
        diagnoses: submission.diagnoses,
        urgency: submission.urgency,
        clinical_summary: submission.clinical_summary,
        mandate,
        previous: submission.previous,
        journey,
    }
}
