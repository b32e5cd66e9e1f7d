use chassis::{Context, Permitted, telemetry};
use postgres::{Begun, Call, Reply};
use types::{
    care::CareKind,
    expected::ExpectedLine,
    ids::{AppointmentId, BillId, QuoteId, ReferralId, SagaId, SlotId},
    region::RegionCode,
};

use super::{App, Sight, record::ACCEPT, sight::TargetSide};
use crate::{
    domain::{
        ReferralError,
        acceptance::Plan,
        referral::{Acceptance, Referral},
    },
    store::{
        referrals,
        sagas::{self, NewSaga},
    },
};

/// The target's decision to take the patient, and the place it offers.
#[derive(Debug, Clone)]
pub struct Accept {
    pub referral: ReferralId,
    pub version: i64,
    pub slot: SlotId,
    pub kind: CareKind,
    pub lines: Vec<ExpectedLine>,
}

impl App {
    /// Begins the acceptance saga. The answer, ACCEPTING, is that of this first transaction; the saga's row carries the rest, so a
    /// caller who hangs up loses nothing.
    pub async fn accept(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Sight>>,
        accept: Accept,
    ) -> Result<Reply<Permitted<Sight>>, ReferralError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let submitted = referrals::lock(&mut tx, accept.referral).await?.ok_or(ReferralError::ReferralNotFound)?;
        ctx.permit(TargetSide::of(&submitted))?;
        let now = self.clock.now();
        let acceptance = Acceptance { saga: SagaId::generate(), deadline: now + self.limits.acceptance };
        let version = accept.version;
        let accepting = submitted.accept(version, acceptance)?;
        let plan = self.plan(ctx.caller.region, &accepting, acceptance, accept);
        let saga = NewSaga {
            plan: &plan,
            accepted_by: ctx.caller.acting(),
            started_at: now,
            traceparent: telemetry::current_traceparent(),
        };
        sagas::insert(&mut tx, ctx.caller.region, &saga).await?;
        referrals::update(&mut tx, &accepting, now).await?;
        ACCEPT.record(&mut tx, sagas::audited(ACCEPT.by(&ctx.caller), plan.saga), &accepting, now).await?;
        let sight = ctx.permit(Sight::bare(accepting))?;
        let reply = call.commit(tx, sight).await?;
        self.signals.accepted.notify_one();
        Ok(reply)
    }

    fn plan(&self, region: RegionCode, referral: &Referral, acceptance: Acceptance, accept: Accept) -> Plan {
        Plan {
            saga: acceptance.saga,
            region,
            referral: referral.id,
            resident: referral.resident,
            target: referral.to,
            journey: referral.journey,
            slot: accept.slot,
            kind: accept.kind,
            lines: accept.lines,
            mandate: referral.mandate.clone(),
            appointment: AppointmentId::generate(),
            quote: QuoteId::generate(),
            bill: BillId::generate(),
            deadline: acceptance.deadline,
            hold_until: acceptance.deadline + self.limits.hold_margin,
        }
    }
}
