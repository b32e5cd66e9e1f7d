use chassis::{Context, Permitted};
use postgres::{Begun, Call, Reply, aliases};
use proto::convert::FieldError;
use types::{
    ids::{JourneyId, OrganisationId, ReferralId, ResidentId},
    redacted::Redacted,
};

use super::{App, Sight, record::SUBMIT, sight::About};
use crate::{
    domain::{
        ReferralError,
        care::{Diagnosis, data_kinds},
        direction::Direction,
        mandate::{Mandate, Payment},
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
}

impl App {
    /// Submits a referral; it is the target's turn then.
    pub async fn submit(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Sight>>,
        submission: Submission,
    ) -> Result<Reply<Permitted<Sight>>, ReferralError> {
        ctx.permit(About { resident: Some(submission.resident), ..About::default() })?;
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let mandate = self.mandate(ctx, &submission).await?;
        self.check_target(ctx, &submission).await?;
        let kinds = data_kinds(&submission.diagnoses);
        self.identity.check_consent(ctx, submission.resident, submission.to, &kinds).await?;

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
        let referral = new(submission, mandate, journey).submit(now)?;
        referrals::insert(&mut tx, ctx.caller.region, &referral).await.map_err(|error| match error.constraint() {
            Some("referrals_pkey") => ReferralError::ReferralExists,
            _ => error.into(),
        })?;
        SUBMIT.record(&mut tx, SUBMIT.by(&ctx.caller), &referral, now).await?;
        let sight = ctx.permit(Sight::whole(referral))?;
        Ok(call.commit(tx, sight).await?)
    }

    /// The mandate, once the delegation it rests on is found to cover it.
    async fn mandate(&self, ctx: &Context, submission: &Submission) -> Result<Mandate, ReferralError> {
        let caller = &ctx.caller;
        let mandate = Mandate {
            payment: submission.payment,
            delegation: caller.delegation,
            submitted_by: caller.acting().clone(),
        };
        if caller.actor.is_none() {
            return Ok(Mandate { delegation: None, ..mandate });
        }
        if caller.organisation != Some(submission.from) {
            return Err(ReferralError::OutsideScope);
        }
        let delegation = caller.delegation.ok_or(ReferralError::NoDelegation)?;
        for action in mandate.actions() {
            let on_behalf = (delegation, submission.resident);
            self.identity.check_delegation(ctx, on_behalf, *action, Some(submission.to)).await?;
        }
        Ok(mandate)
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

fn new(submission: Submission, mandate: Mandate, journey: JourneyId) -> NewReferral {
    NewReferral {
        id: submission.id.unwrap_or_else(ReferralId::generate),
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
